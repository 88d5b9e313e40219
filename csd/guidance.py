"""Guidance: which predictions are mixed into eps_hat, and how.

A model is asked for up to three predictions on the same x_t, which we call branches:

    the prompt   text and image         eps_text
    IMAGE        image, no text         eps_image     (the negative prompt stands for 'no text')
    NONE         no text, no image      eps_none

Dual guidance (InstructPix2Pix, arXiv 2211.09800, eq. 3), with CFG as its special case image = 1:

    eps_hat = eps_none + image * (eps_image - eps_none) + text * (eps_text - eps_image)

Read as a sum over branches its coefficients are text, image - text and 1 - image. An evaluation is a
branch on a noised particle, and three rules say which of them a step needs:

    a branch whose coefficient is zero is not evaluated
    branches with equal conditioning are one branch, and their coefficients add up
    requests that show the same noised particle share its evaluations

So a step of CSD-Edit takes five evaluations a particle (three of the target, two of the noised source),
three where the image scale is 1, and three as long as the particle is still the source.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from .level import Level
from .parameterization import Index

TARGET, SOURCE, IMAGE, NONE = "target", "source", "image", "none"
ALL_DIFFER: Mapping[str, str] = MappingProxyType({})
ROUNDING = 1e-12


@dataclass(frozen=True)
class Guidance:
    """Scales of dual guidance. `prompt` names the branch that carries text."""

    text: float = 7.5
    image: float = 1.0
    prompt: str = TARGET

    def __post_init__(self):
        if not (math.isfinite(self.text) and math.isfinite(self.image)):
            raise ValueError(f"Guidance: got text {self.text} and image {self.image}, expected finite numbers.")

    def coefficients(self, same: Mapping[str, str] = ALL_DIFFER) -> dict[str, float]:
        """Coefficient of every branch that counts.

        same   for a branch, another one with equal conditioning, which stands for it
        """
        parts: dict[str, float] = {}
        scales = (self.prompt, self.text), (IMAGE, self.image - self.text), (NONE, 1 - self.image)
        for branch, coefficient in scales:
            name = same.get(branch, branch)
            parts[name] = parts.get(name, 0.0) + coefficient
        return {branch: coefficient for branch, coefficient in parts.items() if abs(coefficient) > ROUNDING}


@dataclass(frozen=True)
class Interval:
    """Noise levels, as fractions of training time, at which guidance acts (arXiv 2404.07724).

    Outside of it the scales are one, and target and baseline take one evaluation each.
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self):
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(f"Interval: got {self.low} ... {self.high}, expected 0 <= low <= high <= 1.")

    def scales(self, guidance: Guidance, level: Level) -> Guidance:
        return guidance if self.low <= level.time <= self.high else replace(guidance, text=1.0, image=1.0)


class Request(NamedTuple):
    """One guided prediction to make: noised particles [n, C, h, w] and the guidance to make it with."""

    x_t: Tensor
    guidance: Guidance


def repetitions(requests: Sequence[Request]) -> dict[tuple[int, ...], list[int]]:
    """Particles, as places 0 ... n - 1, by which requests show them alike.

    In the key, entry r is the first request with the same noised particle as request r: two requests
    agree on the places under (0, 0) and differ on those under (0, 1).
    """
    firsts = [[r] * len(request.x_t) for r, request in enumerate(requests)]
    for r, request in enumerate(requests):
        for q in reversed(range(r)):
            alike = (request.x_t == requests[q].x_t).flatten(1).all(1).tolist()
            firsts[r] = [q if same else first for same, first in zip(alike, firsts[r])]
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, key in enumerate(zip(*firsts)):
        groups.setdefault(key, []).append(place)
    return groups


class Predict(Protocol):
    """Guided predictions of a step. They come together, so that a model can batch them and skip repetitions."""

    def __call__(self, requests: Sequence[Request], level: Level, index: Index) -> list[Tensor]:
        """eps_hat [n, C, h, w] for each request."""
        ...


class Evaluate(Protocol):
    """An unguided noise prediction for one branch."""

    def __call__(self, x_t: Tensor, branch: str, level: Level, index: Index) -> Tensor: ...


@dataclass(frozen=True)
class Guided:
    """Turns a plain noise predictor into `Predict`. `same` is that of `Guidance.coefficients`."""

    evaluate: Evaluate
    same: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, requests: Sequence[Request], level: Level, index: Index) -> list[Tensor]:
        groups = repetitions(requests)
        order = torch.tensor([place for places in groups.values() for place in places]).argsort()
        made = [self._alike(requests, level, index, *group) for group in groups.items()]
        return [torch.cat(parts)[order.to(parts[0].device)] for parts in zip(*made)]

    def _alike(self, requests, level, index, firsts: tuple[int, ...], places: list[int]) -> list[Tensor]:
        rows = [index[place] for place in places]
        evaluated: dict[tuple[int, str], Tensor] = {}

        def term(first: int, x_t: Tensor, branch: str) -> Tensor:
            if (first, branch) not in evaluated:
                evaluated[first, branch] = self.evaluate(x_t[places], branch, level, rows)
            return evaluated[first, branch]

        return [
            sum(c * term(first, x_t, branch) for branch, c in guidance.coefficients(self.same).items())
            for first, (x_t, guidance) in zip(firsts, requests)
        ]
