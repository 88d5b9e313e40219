"""A set of frames or views edited in the host by all contenders, and how consistent each result is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..environment.client import Client, Run
from . import set_contenders as contenders
from .comparison import cost, decoded, saved
from .contenders import Edit
from .metrics import psnr

ALONE, PAPER, CEILING = "frame by frame", "paper's coupling", "VAE of the truth"
ALIGNED, OURS = "correspondence", "correspondence, blended"


@dataclass(frozen=True)
class SetResult:
    """Pictures [N, H, W, 3] in 0 ... 1 and what they cost."""

    pictures: np.ndarray
    evaluations: int = 0
    seconds: float = 0.0


@dataclass
class SetComparison:
    """Runs the contenders one after the other; `painter` is the node type that paints source and truth."""

    client: Client
    edit: Edit
    painter: str
    watch: Callable[[dict], Callable]

    def pictures(self, prompt: dict) -> tuple[SetResult, Run]:
        """The pictures that the prompt's one SaveImage node saves."""
        files, run, seconds = saved(self.client, prompt, None, self.watch)
        return SetResult(np.stack([decoded(file) for file in files]), 0, seconds), run

    def coupled(self, prompt: dict) -> SetResult:
        """A result of CSDEditSampler, which counts its own evaluations."""
        result, run = self.pictures(prompt)
        told = cost(self.edit, run)
        return SetResult(result.pictures, told["evaluations"], told["seconds"])

    def run(self, look: str) -> dict[str, SetResult]:
        """The floor, then every contender with the evaluations of the shipped workflow."""
        ceiling, _ = self.pictures(contenders.truth_through_vae(self.edit, self.painter, look))
        aligned = self.coupled(contenders.without_blending(self.edit))
        blended, _ = self.pictures(contenders.as_shipped(self.edit))  # the host still has the latents
        ours = replace(aligned, pictures=blended.pictures, seconds=aligned.seconds + blended.seconds)
        paper = self.coupled(contenders.papers_coupling(self.edit))
        prompt, used = contenders.one_by_one(self.edit, len(ours.pictures), ours.evaluations)
        alone, _ = self.pictures(prompt)
        alone = SetResult(alone.pictures, used, alone.seconds)
        return {ALONE: alone, PAPER: paper, ALIGNED: aligned, OURS: ours, CEILING: ceiling}


def measured(results: dict[str, SetResult], truth: np.ndarray, error: Callable[[np.ndarray], float]) -> dict:
    """PSNR (dB), consistency error and the same above that of the VAE alone, for each contender."""
    floor = error(results[CEILING].pictures)
    lines = {}
    for name, result in results.items():
        found = error(result.pictures)
        line = {"psnr": psnr(result.pictures, truth), "error": found, "above_floor": found - floor}
        cost = {"evaluations": result.evaluations, "seconds": result.seconds} if result.evaluations else {}
        lines[name] = {key: round(value, 5) for key, value in (line | cost).items()}
    return lines
