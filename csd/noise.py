"""Noise fields: which particles get the same noise.

    Independent   one draw for each particle (the authors' code)
    Shared        one draw for all of them (how the paper reads)
    OnCanvas      drawn in the shape of theta and then split, so that overlapping windows see the same noise
    Carried       moves with the picture (`carried.py`)
    Scaled        another field, for models whose pure noise has another standard deviation than one

A field is made for one scene and keeps what it needs of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from .draws import Draws
from .scene import Crops, Index


class NoiseField(Protocol):
    def __call__(self, draws: Draws, index: Index, like: Tensor) -> Tensor:
        """Unit-variance noise for the particles `index`, in the shape, dtype and device of `like` [n, C, h, w]."""
        ...


@dataclass(frozen=True)
class Independent:
    """One draw for each particle.

    keys   a name for each particle of the scene
    """

    keys: Sequence[str]

    def __call__(self, draws: Draws, index: Index, like: Tensor) -> Tensor:
        return draws.rows(like.shape[1:], [self.keys[i] for i in index], "particle").to(like)


@dataclass(frozen=True)
class Shared:
    def __call__(self, draws: Draws, index: Index, like: Tensor) -> Tensor:
        return draws.normal(like.shape[1:], "shared").to(like).expand_as(like)


@dataclass(frozen=True)
class OnCanvas:
    """Noise that is drawn in the shape of theta, then split like theta.

    row   shape of one row of theta: (C, H, W) for a canvas
    """

    crops: Crops
    row: Sequence[int]
    _last: dict[Draws, Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, draws: Draws, index: Index, like: Tensor) -> Tensor:
        if draws not in self._last:  # the parts of a step share one canvas
            self._last.clear()
            self._last[draws] = draws.rows(self.row, self.crops.theta_keys(), "theta")
        return self.crops.split(self._last[draws].to(like), index)


@dataclass(frozen=True)
class Scaled:
    """The noise of another field, times `scale`.

    Some flow models learn from noise of another standard deviation than one (HiDream-O1: 8, since it works on pixels).
    Their x_t = (1 - t) x + t eps and v = eps - x hold for the scaled eps.
    """

    field: NoiseField
    scale: float

    def __call__(self, draws: Draws, index: Index, like: Tensor) -> Tensor:
        return self.scale * self.field(draws, index, like)


MAKERS = {
    "independent": lambda crops, theta: Independent(crops.keys()),
    "shared": lambda crops, theta: Shared(),
    "canvas": lambda crops, theta: OnCanvas(crops, theta.shape[1:]),
}
"""Name -> function that makes the field for a scene and its theta."""
