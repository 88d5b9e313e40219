"""What a run will take, told before it starts: evaluations of the model, time and memory.

Evaluations are counted by going through the run with a model that answers nothing: the same score asks for the same
predictions. The time follows from how fast the same model was in an earlier run of this process, or else from the first
part of this one.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..csd.distill import Distillation
from ..csd.guidance import Call, Guidance, Predict, Request
from ..csd.score import Score
from ..media.report import duration
from .budget import said
from .guider import CSDGuider

_RATES: dict[tuple, float] = {}  # evaluations a second, by what `_kind` tells apart
_IN_A_PAIR = 2  # the host reserves memory for a positive and a negative prediction of each particle


@dataclass
class Counting:
    """A `Predict` that answers zeros, and counts the evaluations that the answers would take.

    cost   guidance -> evaluations for each particle
    """

    cost: Callable[[Guidance], int]
    evaluations: int = 0

    def __call__(self, requests: Sequence[Request], call: Call) -> list[Tensor]:
        self.evaluations += len(call.index) * sum(self.cost(request.guidance) for request in requests)
        return [torch.zeros_like(request.x_t) for request in requests]


def evaluations(run: Distillation, counting: Counting, score: Callable[[Predict], Score], begun: int) -> int:
    """How many evaluations the steps of a run take from step `begun` on.

    score   makes the score of the run for another `Predict`
    """
    asked = score(counting)
    for step in range(begun, run.length):
        call = run.call(step)
        x = torch.zeros(len(call.index), 1)
        asked(x, x, x, call)
    return counting.evaluations


@dataclass
class Forecast:
    """What is still to be done in a run of `guider`.

    evaluations   how many there are
    shape         of the particles, [N, C, h, w] or with an axis of time before h
    """

    guider: CSDGuider
    evaluations: int
    shape: Sequence[int]
    start: float = field(default_factory=time.perf_counter)

    def before(self) -> str:
        """The words before the first step."""
        rate = _RATES.get(self._kind)
        takes = "about " + duration(self.evaluations / rate) if rate else "time known after the first ones"
        return f"{self.evaluations:,} evaluations, {takes}, {said(self.memory)} of memory for the model."

    def within(self) -> str:
        """The words after some evaluations, when no earlier run has told the time."""
        return f"{self.evaluations:,} evaluations, about {duration(self.evaluations / self._rate)} in all."

    def remember(self) -> None:
        """Keeps how fast this run was, for the next one with the same model and size."""
        if self.guider.evaluations:
            _RATES[self._kind] = self._rate

    @property
    def known(self) -> bool:
        return self._kind in _RATES

    @property
    def memory(self) -> int:
        """Bytes of the weights, and of what the host reserves for one call of the model."""
        rows = _IN_A_PAIR * min(self.guider.chunks.size, self.shape[0])
        needed = self.guider.inner_model.memory_required([rows, *self.shape[1:]])
        return int(self.guider.model_patcher.model_size() + needed)

    @property
    def _rate(self) -> float:
        return self.guider.evaluations / max(time.perf_counter() - self.start, 1e-9)

    @property
    def _kind(self) -> tuple:
        patcher = self.guider.model_patcher
        return type(patcher.model), patcher.model_size(), str(patcher.load_device), self.guider.at_once, *self.shape[1:]
