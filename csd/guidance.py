"""Guidance: which predictions are mixed into eps_hat, and how.

A model is asked for up to three predictions on the same x_t, which we call branches:

    the prompt   text and image         eps_text
    IMAGE        image, no text         eps_image     (the negative prompt stands for 'no text')
    NONE         no text, no image      eps_none

Dual guidance (InstructPix2Pix, arXiv 2211.09800, eq. 3), with CFG as its special case image = 1:

    eps_hat = eps_none + image * (eps_image - eps_none) + text * (eps_text - eps_image)

Read as a sum over branches its coefficients are text, image - text and 1 - image: a branch whose
coefficient is zero need not be evaluated.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor

from .level import Level
from .parameterization import Index

TARGET, SOURCE, IMAGE, NONE = "target", "source", "image", "none"


@dataclass(frozen=True)
class Guidance:
    """Scales of dual guidance. `prompt` names the branch that carries text."""

    text: float = 7.5
    image: float = 1.0
    prompt: str = TARGET

    def __post_init__(self):
        if not (math.isfinite(self.text) and math.isfinite(self.image)):
            raise ValueError(f"Guidance: got text {self.text} and image {self.image}, expected finite numbers.")

    def coefficients(self) -> dict[str, float]:
        """Coefficient of every branch that counts."""
        parts = dict.fromkeys((self.prompt, IMAGE, NONE), 0.0)
        parts[self.prompt] += self.text
        parts[IMAGE] += self.image - self.text
        parts[NONE] += 1 - self.image
        return {branch: coefficient for branch, coefficient in parts.items() if coefficient}


class Request(NamedTuple):
    """One guided prediction to make: noised particles [n, C, h, w] and the guidance to make it with."""

    x_t: Tensor
    guidance: Guidance


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
    """Turns a plain noise predictor into `Predict`, branch by branch."""

    evaluate: Evaluate

    def __call__(self, requests: Sequence[Request], level: Level, index: Index) -> list[Tensor]:
        return [self._one(request, level, index) for request in requests]

    def _one(self, request: Request, level: Level, index: Index) -> Tensor:
        coefficients = request.guidance.coefficients().items()
        return sum(c * self.evaluate(request.x_t, branch, level, index) for branch, c in coefficients)
