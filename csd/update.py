"""UPDATE: how a gradient moves theta. State in, state out.

An update is a pair of functions: `init(theta)` makes its memory, a dictionary of tensors in the
shape of theta, and `step` returns the moved theta and the new memory. Nothing is changed in place.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Memory = dict[str, Tensor]


class Update(Protocol):
    def init(self, theta: Tensor) -> Memory: ...

    def step(self, theta: Tensor, gradient: Tensor, memory: Memory, step: int) -> tuple[Tensor, Memory]:
        """theta after step number `step` (from 0) along minus the gradient."""
        ...


@dataclass(frozen=True)
class StepSize:
    """size * decay ** (step // every); the paper decays by 0.9 every 20 steps."""

    size: float = 2.0
    decay: float = 1.0
    every: int = 20

    def __post_init__(self):
        if not (math.isfinite(self.size) and self.size >= 0 and 0 < self.decay <= 1 and self.every >= 1):
            raise ValueError(
                f"StepSize: got size {self.size}, decay {self.decay} every {self.every} steps; "
                "expected size >= 0, 0 < decay <= 1, every >= 1."
            )

    def __call__(self, step: int) -> float:
        return self.size * self.decay ** (step // self.every)


@dataclass(frozen=True)
class SGD:
    """theta - size * gradient."""

    size: StepSize = StepSize()

    def init(self, theta: Tensor) -> Memory:
        return {}

    def step(self, theta: Tensor, gradient: Tensor, memory: Memory, step: int) -> tuple[Tensor, Memory]:
        return theta - self.size(step) * gradient, memory


@dataclass(frozen=True)
class Adam:
    """Adam (arXiv 1412.6980) without weight decay; its moments are float32 or better, for squares underflow in half."""

    size: StepSize = StepSize(0.02)
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8

    def init(self, theta: Tensor) -> Memory:
        wide = torch.promote_types(theta.dtype, torch.float32)
        return {name: torch.zeros_like(theta, dtype=wide) for name in ("first", "second")}

    def step(self, theta: Tensor, gradient: Tensor, memory: Memory, step: int) -> tuple[Tensor, Memory]:
        gradient = gradient.to(memory["first"])
        first = memory["first"].lerp(gradient, 1 - self.beta1)
        second = memory["second"].lerp(gradient.square(), 1 - self.beta2)
        unbiased = first / (1 - self.beta1 ** (step + 1))
        scale = (second / (1 - self.beta2 ** (step + 1))).sqrt() + self.epsilon
        return theta - (self.size(step) * unbiased / scale).to(theta), {"first": first, "second": second}


@dataclass(frozen=True)
class Masked:
    """Another update that moves theta only where `mask` (0 ... 1, broadcastable to theta) lets it."""

    update: Update
    mask: Tensor

    def init(self, theta: Tensor) -> Memory:
        return self.update.init(theta)

    def step(self, theta: Tensor, gradient: Tensor, memory: Memory, step: int) -> tuple[Tensor, Memory]:
        moved, memory = self.update.step(theta, gradient, memory, step)
        mask = self.mask.to(theta).expand_as(theta)
        return torch.where(mask > 0, torch.lerp(theta, moved, mask), theta), memory
