"""SPLIT and MERGE: how particles depend on what is optimised.

A parameterization is a linear map g with x_i = g_i(theta). `scatter` is its adjoint,

    <split(theta), x> = <theta, scatter(x)>,

and `merge` divides it by the coverage, the adjoint of a field of ones. What several particles
share is thereby averaged, so that merge(split(theta)) = theta, and on a canvas the gradient is
divided, element by element, by the number of windows of this step that see it (paper, section 4.1).
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

Index = Sequence[int]


class Parameterization(Protocol):
    """The map from theta to its particles."""

    count: int

    def split(self, theta: Tensor, index: Index | None = None) -> Tensor:
        """Particles `index` (all where None) of theta: [n, C, h, w]."""
        ...

    def scatter(self, x: Tensor, index: Index | None = None) -> Tensor:
        """Adjoint of `split`: the sum of the particles where they lie, in the shape of theta."""
        ...

    def keys(self, index: Index | None = None) -> list[str]:
        """A name for each particle that does not depend on its place in the batch; draws hang on it."""
        ...

    def theta_keys(self) -> list[str]:
        """A name for each row of theta, likewise."""
        ...


def accumulation_dtype(device: torch.device) -> torch.dtype:
    """float64 where the device has it: sums of equal float32 numbers are then exact."""
    return torch.float32 if device.type == "mps" else torch.float64


def merge(
    parameterization: Parameterization, x: Tensor, index: Index | None = None, weight: Tensor | None = None
) -> Tensor:
    """Average of the particles where they lie: scatter(weight * x) / scatter(weight).

    x [n, C, h, w]; weight broadcastable to it, positive, ones where None.
    Elements that no particle covers are zero. Returns the shape of theta in x's dtype.
    """
    wide = x.to(accumulation_dtype(x.device))
    weight = wide.new_ones(1) if weight is None else weight.to(wide)
    total = parameterization.scatter(wide * weight, index)
    coverage = parameterization.scatter(weight.expand_as(wide), index)
    average = torch.where(coverage > 0, total / coverage.where(coverage > 0, coverage.new_ones(())), 0)
    return average.to(x.dtype)
