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
    """Frames that follow one another, at most `size` of them, for couplings of neighbours in a long clip.

    Steps come in rounds. In each the clip, closed to a circle, is cut into stretches of nearly equal length at
    places drawn anew, and every frame has one turn: frames that were moved more often than their neighbours, or
    at other levels, would flicker.
    """

    size: int

    def __post_init__(self):
        if self.size < 1:
            raise ValueError(f"Stretches: got {self.size} particles per step, expected at least one.")

    def steps_a_round(self, count: int) -> int:
        return -(-count // self.size)

    def __call__(self, draws: Draws, parameterization: Parameterization) -> Index:
        count = parameterization.count
        steps = self.steps_a_round(count)
        turn, shared = draws.step % steps, Draws(draws.seed, draws.step // steps)
        start = int(shared.uniform("stretch") * count) if steps > 1 else 0
        order = sorted(range(steps), key=[shared.uniform("turn", part) for part in range(steps)].__getitem__)
        first, end = (start + part * count // steps for part in (order[turn], order[turn] + 1))
        return sorted(frame % count for frame in range(first, end))


@dataclass(frozen=True)
class ListedBatches:
    """Given particles, one list a step."""

    batches: tuple[tuple[int, ...], ...]

    def __call__(self, draws: Draws, parameterization: Parameterization) -> Index:
        return self.batches[draws.step]
