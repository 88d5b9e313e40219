"""What an edit should have given, and the figures of how close it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from ...csd.correspondence import Correspondence
from ...demo.painter import lit, nearest
from .comparison import Result
from .consistency import differences, disagreement, heat
from .metrics import drift, psnr, seam


class Truth(Protocol):
    """The painted edit.

    pictures   [N, H, W, 3] in 0 ... 1
    digits     decimals of figures that do not get five
    """

    @property
    def pictures(self) -> np.ndarray: ...

    @property
    def digits(self) -> Mapping[str, int]: ...

    def figures(self, pictures: np.ndarray) -> dict[str, float]:
        """The figures of an edit [N, H, W, 3]."""
        ...


@dataclass(frozen=True)
class PaintedPanorama:
    """One painted picture.

    edges   columns at which windows that do not overlap meet
    look    the look that it is painted in
    """

    pictures: np.ndarray
    edges: list[int]
    look: str
    digits = {"psnr": 3, "seam": 3, "nearest": 3, "seconds": 2}

    def figures(self, pictures: np.ndarray) -> dict[str, float]:
        """PSNR (dB), drift along x, seam at the edges, and PSNR to the truth in the light that is nearest."""
        (picture,), (truth,) = pictures, self.pictures
        light = nearest(picture, truth, self.look)
        return {
            "psnr": psnr(picture, truth),
            "drift": drift(picture, truth),
            "seam": seam(picture, truth, self.edges),
            "nearest": psnr(picture, lit(truth, self.look, light)),
        }


@dataclass(frozen=True)
class PaintedSet:
    """Painted pictures of the same thing, with pairs [P, 2] of them that are compared along a correspondence."""

    pictures: np.ndarray
    correspondence: Correspondence
    pairs: Tensor
    digits = {}

    def error(self, pictures: np.ndarray) -> float:
        return disagreement(pictures, self.correspondence, self.pairs)

    def figures(self, pictures: np.ndarray) -> dict[str, float]:
        """PSNR (dB) and consistency error."""
        return {"psnr": psnr(pictures, self.pictures), "error": self.error(pictures)}

    def maps(self, pictures: np.ndarray) -> np.ndarray:
        """Where the pairs disagree, as pictures [P, H, W, 3]."""
        return heat(*differences(pictures, self.correspondence, self.pairs))


def measured(results: Mapping[str, Result], truth: Truth | None, floor: str) -> dict[str, dict[str, float]]:
    """Cost of each result, and its figures where the truth is known.

    floor   names the truth through the VAE among the results: errors are also given above its own
    """
    found = {name: truth.figures(result.pictures) if truth else {} for name, result in results.items()}
    for name, result in results.items():
        if "error" in found[name]:
            found[name]["above_floor"] = found[name]["error"] - found[floor]["error"]
        if result.evaluations:
            found[name] |= {"evaluations": result.evaluations, "seconds": result.seconds}
    return {name: rounded(figures, truth.digits if truth else {}) for name, figures in found.items()}


def rounded(figures: Mapping[str, float], digits: Mapping[str, int]) -> dict[str, float]:
    """Five decimals, where `digits` does not say otherwise."""
    return {name: round(value, digits.get(name, 5)) for name, value in figures.items()}
