"""Guidance: which predictions are mixed into eps_hat, and how.

A model makes up to three predictions on the same x_t. We call them branches:

    the prompt   text and image         eps_text
    IMAGE        image, no text         eps_image     (the negative prompt stands for 'no text')
    NONE         no text, no image      eps_none

Dual guidance (InstructPix2Pix, arXiv 2211.09800, eq. 3) mixes them. Classifier-free guidance is its special case
image = 1:

    eps_hat = eps_none + image * (eps_image - eps_none) + text * (eps_text - eps_image)

As a sum over branches, the coefficients are text, image - text and 1 - image. An evaluation is one branch on one
noised particle. Two rules say which evaluations a step needs:

    a branch whose coefficient is zero is not evaluated
    branches with equal conditioning are one branch, and their coefficients add up

So a step of CSD-Edit takes five evaluations per particle: three on the noised particle, two on the noised source. It
takes three if the image scale is 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from .draws import Draws
from .level import Level
from .scene import Index, Scene

TARGET, SOURCE, IMAGE, NONE = "target", "source", "image", "none"
ALL_DIFFER: Mapping[str, str] = MappingProxyType({})
ROUNDING = 1e-12


@dataclass(frozen=True)
class Guidance:
    """Scales of dual guidance.

    text, image   the two scales, any finite numbers
    prompt        the branch that carries text
    """

    text: float = 7.5
    image: float = 1.0
    prompt: str = TARGET

    def __post_init__(self):
        if not (math.isfinite(self.text) and math.isfinite(self.image)):
            raise ValueError(f"Guidance: got text {self.text} and image {self.image}, expected finite numbers.")

    def coefficients(self, same: Mapping[str, str] = ALL_DIFFER) -> dict[str, float]:
        """Coefficient of every branch whose coefficient is not zero.

        same   branch -> another branch with equal conditioning, which takes its place
        """
        parts: dict[str, float] = {}
        scales = (self.prompt, self.text), (IMAGE, self.image - self.text), (NONE, 1 - self.image)
        for branch, coefficient in scales:
            name = same.get(branch, branch)
            parts[name] = parts.get(name, 0.0) + coefficient
        return {branch: coefficient for branch, coefficient in parts.items() if abs(coefficient) > ROUNDING}


@dataclass(frozen=True)
class Interval:
    """The noise levels at which guidance acts, as fractions of training time (arXiv 2404.07724).

    At other levels both scales are one, and target and baseline take one evaluation each.
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self):
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(f"Interval: got {self.low} ... {self.high}, expected 0 <= low <= high <= 1.")

    def scales(self, guidance: Guidance, level: Level) -> Guidance:
        return guidance if self.low <= level.time <= self.high else replace(guidance, text=1.0, image=1.0)


@dataclass(frozen=True)
class Call:
    """What a call of the model is for. It is passed along with the call.

    level      the noise level
    index      which particles of the scene
    scene      the scene as this step sees it
    draws      the random numbers of the noise; calls with equal draws add the same noise to a source
    progress   how much of the run is done, from 0 to less than 1
    """

    level: Level
    index: Index
    scene: Scene
    draws: Draws
    progress: float = 0.0

    def of(self, places: Sequence[int]) -> "Call":
        """The call for some of its particles, given by their places in `index`."""
        return replace(self, index=[self.index[place] for place in places])


class Request(NamedTuple):
    """One guided prediction to make.

    x_t        noised particles [n, C, h, w]
    guidance   scales and prompt of the prediction
    recurs     whether every step with the same draws makes this request, as for the noised source
    """

    x_t: Tensor
    guidance: Guidance
    recurs: bool = False


class Predict(Protocol):
    """Makes guided predictions. All requests of a step come together, so that a model can batch them."""

    def __call__(self, requests: Sequence[Request], call: Call) -> list[Tensor]:
        """eps_hat [n, C, h, w] for each request."""
        ...


class Evaluate(Protocol):
    """Makes an unguided noise prediction for one branch."""

    def __call__(self, x_t: Tensor, branch: str, call: Call) -> Tensor: ...


@dataclass(frozen=True)
class Guided:
    """Makes a `Predict` out of a plain noise predictor.

    same   see `Guidance.coefficients`
    """

    evaluate: Evaluate
    same: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, requests: Sequence[Request], call: Call) -> list[Tensor]:
        return [self._guided(request, call) for request in requests]

    def _guided(self, request: Request, call: Call) -> Tensor:
        coefficients = request.guidance.coefficients(self.same)
        parts = (c * self.evaluate(request.x_t, branch, call) for branch, c in coefficients.items())
        return sum(parts, torch.zeros(()))
