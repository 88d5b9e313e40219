"""What a run records for its report."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..csd.distill import Stepped

_CURVES = ("residual", "step_size", "time")


@dataclass
class Record:
    """Curves with one entry per step, the last kernel matrix, and what the run has cost."""

    residual: list[float] = field(default_factory=list)
    step_size: list[float] = field(default_factory=list)
    time: list[float] = field(default_factory=list)
    kernel: Tensor | None = None
    evaluations: int = 0
    seconds: float = 0.0

    def add(self, state: Stepped, step_size: float) -> None:
        self.residual.append(state.residual.mean().item())
        self.step_size.append(step_size)
        self.time.append(state.level.time)
        self.kernel = state.gram.K.cpu()

    def followed_by(self, other: "Record") -> "Record":
        """The record of two runs, one after the other."""
        curves = {name: getattr(self, name) + getattr(other, name) for name in _CURVES}
        evaluations, seconds = self.evaluations + other.evaluations, self.seconds + other.seconds
        return Record(**curves, kernel=other.kernel, evaluations=evaluations, seconds=seconds)

    def tensors(self) -> dict[str, Tensor]:
        """The record as tensors, for a file."""
        curves = {name: torch.tensor(getattr(self, name), dtype=torch.float64) for name in _CURVES}
        cost = torch.tensor([self.evaluations, self.seconds], dtype=torch.float64)
        return {**curves, "cost": cost, **({} if self.kernel is None else {"kernel": self.kernel})}

    @classmethod
    def of(cls, tensors: dict[str, Tensor]) -> "Record":
        """The record, from the tensors of a file."""
        curves = {name: tensors[name].tolist() for name in _CURVES}
        evaluations, seconds = tensors["cost"].tolist()
        return cls(**curves, kernel=tensors.get("kernel"), evaluations=int(evaluations), seconds=seconds)
