"""The order of the noise levels, as fractions of training time.

The authors' steps 20 ... 500 of 1000 are 0.02 ... 0.5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .draws import Draws
from .level import Level


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
    """Uniform between low and high, drawn again for each step (the authors' code)."""

    def __call__(self, step: int, steps: int, draws: Draws) -> float:
        return self.low + (self.high - self.low) * draws.uniform("time")


@dataclass(frozen=True)
class Descending(_Range):
    """From high to low in equal steps: coarse structure first, detail last."""

    def __call__(self, step: int, steps: int, draws: Draws) -> float:
        return self.high - (self.high - self.low) * step / max(steps - 1, 1)


def times(order: Timesteps, steps: int, seed: int = 0) -> list[float]:
    """The time of every step."""
    return [order(step, steps, Draws(seed, step)) for step in range(steps)]


def schedule(level: Callable[[float], Level], order: Timesteps, steps: int, seed: int = 0) -> tuple[Level, ...]:
    """The level of every step. `level` is the model's own noise schedule: time in 0 ... 1 -> Level."""
    return tuple(level(time) for time in times(order, steps, seed))
