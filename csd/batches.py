"""Which particles take part in a step: all of them, or some (paper: 4 of 12 windows)."""

from dataclasses import dataclass
from typing import Protocol

from .draws import Draws
from .scene import Index, Scene


class Batch(Protocol):
    def __call__(self, draws: Draws, scene: Scene) -> Index:
        """Particles of this step, each at most once."""
        ...


@dataclass(frozen=True)
class RandomBatch:
    """`size` particles, drawn again for each step. All of them, in order, where size is None or too large."""

    size: int | None = None

    def __post_init__(self):
        if self.size is not None and self.size < 1:
            raise ValueError(f"RandomBatch: got {self.size} particles per step, expected at least one.")

    def __call__(self, draws: Draws, scene: Scene) -> Index:
        everyone = range(scene.count)
        if self.size is None or self.size >= scene.count:
            return list(everyone)
        lots = [draws.uniform("batch", key) for key in scene.keys(everyone)]
        return sorted(sorted(everyone, key=lots.__getitem__)[: self.size])


@dataclass(frozen=True)
class ListedBatches:
    """The particles of every step, listed by hand."""

    batches: tuple[tuple[int, ...], ...]

    def __call__(self, draws: Draws, scene: Scene) -> Index:
        return self.batches[draws.step]
