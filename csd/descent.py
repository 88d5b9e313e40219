"""MERGE and UPDATE together: how the directions of a step move theta.

    Pulled       one step of the update along the pulled back directions (paper)
    Approached   several steps of the update towards the particles to which the directions lead

A renderer bends: far from where it was taken, its pullback no longer says how pixels change. And an evaluation of the
model costs more than a rendering. So a scene can go on for several steps towards what one evaluation asked for.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from .draws import Draws
from .scene import Index, Scene, pulled_back
from .tree import Theta
from .update import Memory, Update


class Directed(NamedTuple):
    """What a step has found out: the particles x and their directions, both [n, C, h, w], and where it began.

    step     number of the step, from 0
    draws    its random numbers
    """

    theta: Theta
    memory: Memory
    scene: Any
    index: Index
    x: Tensor
    direction: Tensor
    step: int
    draws: Draws


class Descent(Protocol):
    def __call__(self, found: Directed, update: Update) -> tuple[Theta, Memory]: ...


@dataclass(frozen=True)
class Pulled:
    """One step along the pullback of the directions."""

    def __call__(self, found: Directed, update: Update) -> tuple[Theta, Memory]:
        gradient = pulled_back(found.scene, found.theta, found.direction, found.index)
        return update.step(found.theta, gradient, found.memory, found.step)


class Approachable(Scene, Protocol):
    """A scene that can be compared with what its particles should be."""

    def wanted(self, x: Tensor, index: Index) -> Tensor:
        """What the scene should show as its particles `index`, in place of x [n, C, h, w]: [n, ...]."""
        ...

    def toward(self, theta: Any, index: Index, wanted: Tensor) -> Any:
        """Gradient, in theta's shape, of how much the particles `index` differ from what is wanted [n, ...]."""
        ...


@dataclass(frozen=True)
class Approached:
    """Steps towards x - direction, for an `Approachable` scene.

    steps    of the update in each step of the run; the update counts all of them
    views    how many particles each of them compares; every particle comes once before one comes again
    follow   wraps the steps, for cancelling
    """

    steps: int
    views: int = 4
    follow: Callable[[Iterable[int]], Iterable[int]] = iter

    def __call__(self, found: Directed, update: Update) -> tuple[Theta, Memory]:
        scene, theta, memory = found.scene, found.theta, found.memory
        wanted = scene.wanted(found.x - found.direction, found.index)
        order = torch.randperm(len(found.index), generator=found.draws.generator("approach")).tolist()
        for turn in self.follow(range(self.steps)):
            places = self._places(order, turn)
            gradient = scene.toward(theta, [found.index[place] for place in places], wanted[places])
            theta, memory = update.step(theta, gradient, memory, found.step * self.steps + turn)
        return theta, memory

    def _places(self, order: list[int], turn: int) -> list[int]:
        numbers = range(turn * self.views, (turn + 1) * self.views)
        return list(dict.fromkeys(order[number % len(order)] for number in numbers))
