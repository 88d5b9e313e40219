"""The noise schedule of a ComfyUI model as csd levels.

ComfyUI keeps eps- and v-models variance exploding, x = x_0 + s * eps, and scales x by
1 / sqrt(1 + s^2) on the way into the model. That product is our x_t, with alpha = 1 / sqrt(1 + s^2)
and sigma = s * alpha. Flow models see x_t = (1 - s) * x_0 + s * eps as it is.
"""

from dataclasses import dataclass
from typing import Any

import comfy.model_sampling as host
import torch
from torch import Tensor

from ..csd.level import Level
from ..csd.timesteps import Timesteps, times

_EPS_OR_V = (host.EPS.calculate_denoised, host.V_PREDICTION.calculate_denoised)
_FLOW = (host.ModelSamplingDiscreteFlow, host.ModelSamplingFlux)


@dataclass(frozen=True)
class Levels:
    """Level for a sigma of the host, and sigma for a fraction of training time.

    Raises ValueError for families that have not been tested (EDM, Cosmos, Stable Cascade, consistency models).
    """

    model_sampling: Any

    def __post_init__(self):
        if not (self.is_eps_or_v or self.is_flow):
            families = [c.__name__ for c in type(self.model_sampling).__mro__[1:3]]
            raise ValueError(
                f"Collaborative Score Distillation: got a model that samples by {' and '.join(families)}; "
                "expected an eps-, v- or flow model (SD 1.x, SD 2.x, SDXL, SD 3, Flux and their relatives)."
            )

    @property
    def is_eps_or_v(self) -> bool:
        family = type(self.model_sampling)
        discrete = getattr(family, "timestep", None) is host.ModelSamplingDiscrete.timestep
        return discrete and family.calculate_denoised in _EPS_OR_V

    @property
    def is_flow(self) -> bool:
        return isinstance(self.model_sampling, host.CONST) and isinstance(self.model_sampling, _FLOW)

    def sigma(self, time: float) -> float:
        """The host's sigma at a fraction of training time, 0 (clean) to 1 (noise)."""
        sigmas = self.model_sampling.sigmas
        if self.is_flow:
            return max(float(self.model_sampling.percent_to_sigma(1 - time)), float(sigmas[0]))
        # Whole training steps: the model would be told of the nearest one, though the noise were of another.
        return float(sigmas[min(round(time * len(sigmas)), len(sigmas) - 1)])

    def sigmas(self, order: Timesteps, steps: int, seed: int, reuse: int = 1) -> Tensor:
        """The host's sigma of every step, and the zero with which the host closes a schedule: [steps + 1].

        reuse   steps in a row that share a level
        """
        levels = [self.sigma(time) for time in times(order, -(-steps // reuse), seed)]
        return torch.tensor([levels[step // reuse] for step in range(steps)] + [0.0])

    def level(self, sigma: float) -> Level:
        sigmas = self.model_sampling.sigmas
        # Flow schedules start at the first step after zero.
        time = (int((sigmas - sigma).abs().argmin()) + self.is_flow) / len(sigmas)
        if self.is_flow:
            return Level.flow(sigma, time)
        alpha = (1 + sigma**2) ** -0.5
        return Level(alpha, sigma * alpha, time)

    def host_sigma(self, level: Level) -> float:
        return level.sigma if level.is_flow else level.sigma / level.alpha

    def host_x(self, x_t: Tensor, level: Level) -> Tensor:
        """x_t in the scaling in which the host keeps it."""
        return x_t if level.is_flow else x_t / level.alpha
