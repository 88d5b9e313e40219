"""UPDATE: how a gradient moves theta.

An update is a pair of functions. `init(theta)` makes its memory: named structures in the shape of theta. `step` returns
the moved theta and the new memory. Nothing is changed in place.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .tree import Theta, tree_map

Memory = dict[str, Theta]


class Update(Protocol):
    def init(self, theta: Theta) -> Memory: ...

    def step(self, theta: Theta, gradient: Theta, memory: Memory, step: int) -> tuple[Theta, Memory]:
        """theta after step number `step` (from 0) along minus the gradient."""
        ...


@dataclass(frozen=True)
class StepSize:
    """size * decay ** (step // every); the paper decays by 0.9 every 20 steps."""

    size: float = 2.0
    decay: float = 1.0
    every: int = 20

    def __post_init__(self):
        if not (math.isfinite(self.size) and self.size >= 0 and 0 < self.decay <= 1 and self.every >= 1):
            raise ValueError(
                f"StepSize: got size {self.size}, decay {self.decay} every {self.every} steps; "
                "expected size >= 0, 0 < decay <= 1, every >= 1."
            )

    def __call__(self, step: int) -> float:
        return self.size * self.decay ** (step // self.every)


@dataclass(frozen=True)
class ListedSizes:
    """A given size for each step. FlowEdit's are the differences of its noise levels, t_k - t_(k+1)."""

    sizes: tuple[float, ...]

    def __call__(self, step: int) -> float:
        return self.sizes[step]


@dataclass(frozen=True)
class SGD:
    """theta - size * gradient."""

    size: Callable[[int], float] = StepSize()

    def init(self, theta: Theta) -> Memory:
        return {}

    def step(self, theta: Theta, gradient: Theta, memory: Memory, step: int) -> tuple[Theta, Memory]:
        size = self.size(step)
        return tree_map(lambda old, towards: old - size * towards, theta, gradient), memory


@dataclass(frozen=True)
class Adam:
    """Adam (arXiv 1412.6980) without weight decay. Moments are float32 or wider: squares underflow in half."""

    size: Callable[[int], float] = StepSize(0.02)
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8

    def init(self, theta: Theta) -> Memory:
        def zeros(leaf: Tensor) -> Tensor:
            return torch.zeros_like(leaf, dtype=torch.promote_types(leaf.dtype, torch.float32))

        return {name: tree_map(zeros, theta) for name in ("first", "second")}

    def step(self, theta: Theta, gradient: Theta, memory: Memory, step: int) -> tuple[Theta, Memory]:
        first = tree_map(lambda m, g: m.lerp(g.to(m), 1 - self.beta1), memory["first"], gradient)
        second = tree_map(lambda m, g: m.lerp(g.to(m).square(), 1 - self.beta2), memory["second"], gradient)
        size, one, two = self.size(step), 1 - self.beta1 ** (step + 1), 1 - self.beta2 ** (step + 1)

        def moved(old: Tensor, m: Tensor, v: Tensor) -> Tensor:
            return old - (size * (m / one) / ((v / two).sqrt() + self.epsilon)).to(old)

        return tree_map(moved, theta, first, second), {"first": first, "second": second}


@dataclass(frozen=True)
class Masked:
    """Another update, limited by a mask.

    mask   in the structure of theta, 0 ... 1; each part broadcastable to that of theta. 0 keeps theta as it is.
    """

    update: Update
    mask: Theta

    def init(self, theta: Theta) -> Memory:
        return self.update.init(theta)

    def step(self, theta: Theta, gradient: Theta, memory: Memory, step: int) -> tuple[Theta, Memory]:
        moved, memory = self.update.step(theta, gradient, memory, step)
        return tree_map(_let_through, theta, moved, self.mask), memory


def _let_through(old: Tensor, moved: Tensor, mask: Tensor) -> Tensor:
    mask = mask.to(old).expand_as(old)
    return torch.where(mask > 0, torch.lerp(old, moved, mask), old)


@dataclass(frozen=True)
class Rates:
    """Another update whose steps are longer or shorter, each part of theta by a rate of its own.

    rates   in the structure of theta; numbers of zero or more, or tensors of them that broadcast to its parts.
            A part with rate zero stays as it is
    """

    update: Update
    rates: Theta | Mapping[str, float | Tensor]

    def init(self, theta: Theta) -> Memory:
        return self.update.init(theta)

    def step(self, theta: Theta, gradient: Theta, memory: Memory, step: int) -> tuple[Theta, Memory]:
        moved, memory = self.update.step(theta, gradient, memory, step)
        return tree_map(lambda old, new, rate: old + rate * (new - old), theta, moved, self.rates), memory


@dataclass(frozen=True)
class Regrown:
    """Another update, after which rows of theta are copied or dropped, as splats are when they densify.

    choose   (theta, gradient, step) -> the rows to keep, integers [M]. A row may come several times or not at all.
             None leaves theta as it is. All parts of theta have the same number of rows.
    settle   (theta, rows) -> what becomes of the chosen rows, for instance of copies. None leaves them as they are.

    The update's memory follows its rows. Further copies of a row begin with an empty memory.
    """

    update: Update
    choose: Callable[[Theta, Theta, int], Tensor | None]
    settle: Callable[[Theta, Tensor], Theta] | None = None

    def init(self, theta: Theta) -> Memory:
        return self.update.init(theta)

    def step(self, theta: Theta, gradient: Theta, memory: Memory, step: int) -> tuple[Theta, Memory]:
        moved, memory = self.update.step(theta, gradient, memory, step)
        rows = self.choose(moved, gradient, step)
        if rows is None:
            return moved, memory
        first = times_before(rows) == 0

        def remembered(part: Tensor) -> Tensor:
            return part[rows] * first.to(part).reshape(-1, *[1] * (part.ndim - 1))

        kept = {name: tree_map(remembered, part) for name, part in memory.items()}
        chosen = tree_map(lambda part: part[rows], moved)
        return chosen if self.settle is None else self.settle(chosen, rows), kept


def times_before(rows: Tensor) -> Tensor:
    """How often each of some rows [M] came before in them, [M]."""
    ordered, order = rows.sort(stable=True)
    _, times = ordered.unique_consecutive(return_counts=True)
    first = (times.cumsum(0) - times).repeat_interleave(times)
    return torch.empty_like(order).index_copy(0, order, torch.arange(len(rows), device=rows.device) - first)
