"""What a run records for its report."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from ..csd.distill import Stepped

_CURVES = ("residual", "step_size", "time")


@dataclass
class Record:
    """Curves with one entry per step, the last kernel matrix, what the run has cost, and what came of it.

    before, after   pictures [h, w, 3] uint8 of the set; empty: there are none
    change          how far the edit is from its source; None: not known
    varies          how much the change varies over the set, and in which words; None: not known
    peak            most bytes of memory; 0: not known
    warnings        what was said of the settings
    """

    residual: list[float] = field(default_factory=list)
    step_size: list[float] = field(default_factory=list)
    time: list[float] = field(default_factory=list)
    kernel: Tensor | None = None
    evaluations: int = 0
    seconds: float = 0.0
    before: Sequence[np.ndarray] = ()
    after: Sequence[np.ndarray] = ()
    change: float | None = None
    varies: tuple[str, float] | None = None
    peak: int = 0
    warnings: str = ""

    def add(self, state: Stepped, step_size: float) -> None:
        self.residual.append(state.residual.mean().item())
        self.step_size.append(step_size)
        self.time.append(state.level.time)
        self.kernel = state.gram.K.cpu()

    def followed_by(self, other: "Record") -> "Record":
        """The record of two runs, one after the other."""
        curves = {name: getattr(self, name) + getattr(other, name) for name in _CURVES}
        evaluations, seconds = self.evaluations + other.evaluations, self.seconds + other.seconds
        peak = max(self.peak, other.peak)
        return replace(other, **curves, evaluations=evaluations, seconds=seconds, peak=peak)

    def tensors(self) -> dict[str, Tensor]:
        """The record as tensors, for a file."""
        curves = {name: torch.tensor(getattr(self, name), dtype=torch.float64) for name in _CURVES}
        cost = torch.tensor([self.evaluations, self.seconds], dtype=torch.float64)
        return {**curves, "cost": cost, **({} if self.kernel is None else {"kernel": self.kernel})}

    @classmethod
    def of(cls, tensors: dict[str, Tensor]) -> "Record":
        """The record, from the tensors of a file."""
        residual, step_size, time = (tensors[name].tolist() for name in _CURVES)
        evaluations, seconds = tensors["cost"].tolist()
        return cls(residual, step_size, time, tensors.get("kernel"), int(evaluations), seconds)
