"""Which particles take part in a step, where not all of them do (paper: 4 of 12 windows)."""

from dataclasses import dataclass
from typing import Protocol

from .noise import Draws
from .parameterization import Index, Parameterization


class Batches(Protocol):
    def __call__(self, draws: Draws, parameterization: Parameterization) -> Index:
        """Particles of this step, each at most once."""
        ...


@dataclass(frozen=True)
class RandomBatch:
    """`size` particles drawn anew for each step; all of them, in order, where size is None or too large."""

    size: int | None = None

    def __post_init__(self):
        if self.size is not None and self.size < 1:
            raise ValueError(f"RandomBatch: got {self.size} particles per step, expected at least one.")

    def __call__(self, draws: Draws, parameterization: Parameterization) -> Index:
        everyone = range(parameterization.count)
        if self.size is None or self.size >= parameterization.count:
            return list(everyone)
        lots = [draws.uniform("batch", key) for key in parameterization.keys(everyone)]
        return sorted(sorted(everyone, key=lots.__getitem__)[: self.size])


@dataclass(frozen=True)
class Stretches:
    """A stretch of frames that follow one another, and frames far from it: for couplings of neighbours in a long clip.

    size      particles per step, all of them where too large
    anchors   how many of these are spaced evenly over the rest of the clip, in place of a longer stretch

    Where the stretch begins is drawn anew for each step, on the clip closed to a circle: that way every
    frame is as likely as any other, the anchors too, and has the same number of updates in the long run.
    """

    size: int
    anchors: int = 0

    def __post_init__(self):
        if not 0 <= self.anchors < self.size:
            raise ValueError(
                f"Stretches: got {self.anchors} anchors among {self.size} particles per step, "
                "expected at least one particle and fewer anchors than particles."
            )

    def __call__(self, draws: Draws, parameterization: Parameterization) -> Index:
        count = parameterization.count
        if self.size >= count:
            return list(range(count))
        length = self.size - self.anchors
        rest = [length + (2 * a + 1) * (count - length) // (2 * self.anchors) for a in range(self.anchors)]
        start = int(draws.uniform("stretch") * count)
        return sorted((start + step) % count for step in [*range(length), *rest])


@dataclass(frozen=True)
class ListedBatches:
    """Given particles, one list a step."""

    batches: tuple[tuple[int, ...], ...]

    def __call__(self, draws: Draws, parameterization: Parameterization) -> Index:
        return self.batches[draws.step]
