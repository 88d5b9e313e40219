"""Which noise level each step takes, as a fraction of training time.

The authors' 20 ... 500 of 1000 is 0.02 ... 0.5.
"""

from dataclasses import dataclass
from typing import Protocol

from .noise import Draws


class Timesteps(Protocol):
    def __call__(self, step: int, steps: int, draws: Draws) -> float:
        """Time of step `step` of `steps`, between 0 and 1."""
        ...


@dataclass(frozen=True)
class _Range:
    low: float = 0.02
    high: float = 0.5

    def __post_init__(self):
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(f"Timesteps: got {self.low} ... {self.high}, expected 0 <= low <= high <= 1.")


@dataclass(frozen=True)
class Random(_Range):
    """Uniform between low and high, drawn anew for each step (the authors' code)."""

    def __call__(self, step: int, steps: int, draws: Draws) -> float:
        return self.low + (self.high - self.low) * draws.uniform("time")


@dataclass(frozen=True)
class Descending(_Range):
    """From high to low in equal steps: coarse structure first, detail last."""

    def __call__(self, step: int, steps: int, draws: Draws) -> float:
        return self.high - (self.high - self.low) * step / max(steps - 1, 1)


@dataclass(frozen=True)
class Listed:
    """Given times, one a step."""

    times: tuple[float, ...]

    def __call__(self, step: int, steps: int, draws: Draws) -> float:
        return self.times[step]
