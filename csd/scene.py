"""SPLIT and MERGE: how particles depend on what is optimised.

A scene says how theta is seen. `view` returns particles x_i = g_i(theta) together with the pullback, the exact
adjoint (vector-Jacobian product) of g at theta,

    <J x', d> = <x', J^T d>,

which carries a direction for each particle back into the shape of theta. Windows of a canvas are crops, and their
pullback adds them up where they lie; frames are the identity; a renderer returns images and its vector-Jacobian
product.

Where several particles show the same element of a canvas, their gradients are averaged: the sum of all pullbacks is
divided, element by element, by how many particles of the step show it (paper, section 4.1). A scene that averages
says so by its `coverage`. Sum and coverage are taken over the whole step and divided once. Dividing in parts would
count overlaps twice.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from .draws import Draws
from .precision import accumulation_dtype
from .tree import Theta, tree_map, tree_sum

Index = Sequence[int]
Pullback = Callable[[Tensor], Theta]


class Scene(Protocol):
    """What is optimised, and how it is seen.

    count            number of particles N
    views_at_once    how many of them can be viewed or pulled back together; None: any number
    """

    count: int
    views_at_once: int | None

    def at(self, draws: Draws) -> "Scene":
        """The scene as one step sees it: itself, or with views drawn for this step."""
        ...

    def view(self, theta: Theta, index: Index) -> tuple[Tensor, Pullback]:
        """Particles `index` of theta [n, C, h, w], and the adjoint that takes [n, C, h, w] to theta's shape."""
        ...

    def coverage(self, theta: Theta, index: Index) -> Tensor | None:
        """How many of the particles show each element of theta, broadcastable to it. None: gradients add up."""
        ...

    def keys(self, index: Index | None = None) -> list[str]:
        """A name for each particle (all where index is None). Random draws hang on it, not on the position."""
        ...


@runtime_checkable
class Crops(Scene, Protocol):
    """A scene whose particles are pieces of theta as they are, so that they can be put together again."""

    def split(self, theta: Tensor, index: Index | None = None) -> Tensor:
        """Particles `index` (all where None) of theta: [n, C, h, w]."""
        ...

    def scatter(self, x: Tensor, index: Index | None = None) -> Tensor:
        """Adjoint of `split`: the sum of the particles where they lie, in the shape of theta."""
        ...

    def theta_keys(self) -> list[str]:
        """A name for each row of theta."""
        ...


def parts_of(index: Index, at_once: int | None) -> list[Index]:
    """The particles in their order, at most `at_once` of them together."""
    size = at_once or max(len(index), 1)
    return [index[start : start + size] for start in range(0, len(index), size)]


def pulled_back(scene: Scene, theta: Theta, direction: Tensor, index: Index) -> Theta:
    """MERGE: the gradient in theta's shape for directions [n, C, h, w] of the particles `index`.

    The scene is viewed again, a few particles at a time, so that a renderer need not keep all views of a step.
    """
    total, coverage = None, None
    wide = direction.to(accumulation_dtype(direction.device))
    directions: Iterable[Tensor] = wide.split(scene.views_at_once or max(len(index), 1))
    for part, toward in zip(parts_of(index, scene.views_at_once), directions, strict=True):
        total = tree_sum(total, scene.view(theta, part)[1](toward))
        seen = scene.coverage(theta, part)
        coverage = seen if coverage is None or seen is None else coverage + seen
    total = total if coverage is None else tree_map(lambda leaf: divided(leaf, coverage), total)
    return tree_map(lambda leaf, like: leaf.to(like), total, theta)


def divided(total: Tensor, coverage: Tensor) -> Tensor:
    """total / coverage; zero where nothing is covered."""
    coverage = coverage.to(total)
    return torch.where(coverage > 0, total / coverage.where(coverage > 0, coverage.new_ones(())), 0)


def merge(crops: Crops, x: Tensor, index: Index | None = None, weight: Tensor | None = None) -> Tensor:
    """Average of the particles where they lie: scatter(weight * x) / scatter(weight).

    merge(split(theta)) = theta. x [n, C, h, w]; weight broadcastable to it, positive, ones where None.
    Elements that no particle covers are zero. Returns the shape of theta in x's dtype.
    """
    wide = x.to(accumulation_dtype(x.device))
    weight = wide.new_ones(1) if weight is None else weight.to(wide)
    total = crops.scatter(wide * weight, index)
    return divided(total, crops.scatter(weight.expand_as(wide), index)).to(x.dtype)
