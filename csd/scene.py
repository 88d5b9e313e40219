"""SPLIT and MERGE: how particles depend on what is optimised.

A scene says how theta is seen. `view` returns particles x_i = g_i(theta) and the pullback. The pullback carries a
direction for each particle back into the shape of theta. It is the exact adjoint (vector-Jacobian product) of g at
theta:

    <J x', d> = <x', J^T d>

Windows of a canvas are crops; their pullback adds them up at their places. For frames, view and pullback are the
identity. A renderer returns images and its vector-Jacobian product.

Where several particles show the same element of a canvas, their gradients are averaged. The sum of all pullbacks is
divided, element by element, by the number of particles of the step that show it (paper, section 4.1). A scene that
averages returns this number as its `coverage`. Sum and coverage are taken over the whole step and divided once.
Dividing in parts would count overlaps twice.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

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
    views_at_once    how many particles can be viewed or pulled back together; None: any number

    Each scene takes the theta that it is made for: a tensor, or a structure of tensors (`tree`). Hence `Any` below.
    """

    @property
    def count(self) -> int: ...

    @property
    def views_at_once(self) -> int | None: ...

    def at(self, draws: Draws) -> "Scene":
        """The scene as one step sees it: itself, or with views drawn for this step."""
        ...

    def view(self, theta: Any, index: Index) -> tuple[Tensor, Pullback]:
        """Particles `index` of theta [n, C, h, w], and the pullback that takes [n, C, h, w] to theta's shape."""
        ...

    def coverage(self, theta: Any, index: Index) -> Tensor | None:
        """How many of the particles show each element of theta, broadcastable to theta.

        None: gradients are added, not averaged.
        """
        ...

    def keys(self, index: Index | None = None) -> list[str]:
        """A name for each particle (index None: for all). Random draws depend on the name, not on the position."""
        ...


@runtime_checkable
class Crops(Scene, Protocol):
    """A scene whose particles are unchanged pieces of theta. So they can be put back together."""

    def split(self, theta: Tensor, index: Index | None = None) -> Tensor:
        """Particles `index` (None: all) of theta: [n, C, h, w]."""
        ...

    def scatter(self, x: Tensor, index: Index | None = None) -> Tensor:
        """Adjoint of `split`: the sum of the particles at their places, in the shape of theta."""
        ...

    def theta_keys(self) -> list[str]:
        """A name for each row of theta."""
        ...


def parts_of(index: Index, at_once: int | None) -> list[Index]:
    """The particles in their order, in parts of at most `at_once` (None: one part)."""
    size = at_once or max(len(index), 1)
    return [index[start : start + size] for start in range(0, len(index), size)]


def pulled_back(scene: Scene, theta: Theta, direction: Tensor, index: Index) -> Theta:
    """MERGE: the gradient in theta's shape, from directions [n, C, h, w] of the particles `index`.

    The scene is viewed again for this, a few particles at a time. So a renderer need not keep all views of a step.
    """
    total, coverage = None, None
    wide = direction.to(accumulation_dtype(direction.device))
    directions: Iterable[Tensor] = wide.split(scene.views_at_once or max(len(index), 1))
    for part, toward in zip(parts_of(index, scene.views_at_once), directions, strict=True):
        total = tree_sum(total, scene.view(theta, part)[1](toward))
        seen = scene.coverage(theta, part)
        coverage = seen if coverage is None or seen is None else coverage + seen
    if total is None:
        raise ValueError("MERGE: got no particles; a step takes at least one.")
    total = total if coverage is None else tree_map(lambda leaf: divided(leaf, coverage), total)
    return tree_map(lambda leaf, like: leaf.to(like), total, theta)


def divided(total: Tensor, coverage: Tensor) -> Tensor:
    """total / coverage; zero where nothing is covered."""
    coverage = coverage.to(total)
    return torch.where(coverage > 0, total / coverage.where(coverage > 0, coverage.new_ones(())), 0)


def merge(
    crops: Crops,
    x: Tensor,
    index: Index | None = None,
    weight: Tensor | None = None,
    parts: Iterable[range] | None = None,
) -> Tensor:
    """Average of the particles at their places: scatter(weight * x) / scatter(weight).

    x        [n, C, h, w]
    index    which of the scene's particles they are; None: all
    weight   [h, w], the same for every particle, positive; None: ones
    parts    ranges of x that are merged one after the other, to bound memory; None: all at once

    Returns the shape of theta in the dtype of x. Elements that no particle covers are zero.
    merge(split(theta)) = theta.
    """
    index = range(crops.count) if index is None else index
    if len(index) != len(x):
        raise ValueError(f"merge: got {len(x)} particles, expected {len(index)}; give all that were split.")
    total = coverage = x.new_zeros((), dtype=accumulation_dtype(x.device))
    weight = total.new_ones(1) if weight is None else weight.to(total)
    for part in parts or [range(len(x))]:
        crop, some = x[part.start : part.stop].to(total), index[part.start : part.stop]
        total = total + crops.scatter(crop * weight, some)
        coverage = coverage + crops.scatter(weight.expand_as(crop[:, :1]), some)
    return divided(total, coverage).to(x.dtype)
