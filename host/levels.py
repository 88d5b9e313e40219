"""The noise schedule of a ComfyUI model as csd levels.

For eps- and v-models, ComfyUI's x is variance exploding: x = x_0 + s * eps. It is multiplied by 1 / sqrt(1 + s^2) on
the way into the model. That product is our x_t, with alpha = 1 / sqrt(1 + s^2) and sigma = s * alpha. For flow models,
ComfyUI's x is our x_t = (1 - s) * x_0 + s * eps.

Noise ranges are given as times between 0 and 1. For models that were trained in discrete steps (SD, SDXL), time is the
fraction of training time. Other models have schedules of their own: half of the schedule is sigma .76 for Flux and .89
for Wan. So for these models, a time means as much noise in proportion to the signal as Stable Diffusion has at that
time. With s the sigma of Stable Diffusion, sigma is

    flow models                     s / (1 + s)
    continuous models (CosXL)       s

From time .02 down to 0, and from .98 up to 1, sigma goes linearly to the model's own least and largest sigma. The
largest sigma of a flow is 0.999: at 1 there is no image to be edited.

Flow models on pixels have noise of another standard deviation than one (`noise_scale`; HiDream-O1: 8). It makes up for
the averaging of 8 x 8 pixels to one cell, so a time means the same sigma as for latents.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import comfy.model_sampling as host
import numpy as np
import torch
from torch import Tensor

from ..csd.level import Level
from ..csd.timesteps import Timesteps, times

_EPS_OR_V = (host.EPS.calculate_denoised, host.V_PREDICTION.calculate_denoised)
_CONVERSIONS = ("calculate_input", "calculate_denoised", "noise_scaling")  # a relative may change any of them
_FLOW = (host.ModelSamplingDiscreteFlow, host.ModelSamplingFlux)
_FLOWS_MOST = 0.999  # at 1 there is no image in x_t, and what the model says of it is lost in eps
_STEPS, _TO_THE_END = 1000, 20  # training steps of Stable Diffusion, and the steps that are linear at either end


@dataclass(frozen=True)
class Levels:
    """Converts times between 0 and 1 to sigmas of the host, and sigmas to levels.

    Raises ValueError for families that have not been tested (EDM, Cosmos, Stable Cascade, consistency models).
    """

    model_sampling: Any

    def __post_init__(self):
        if not (self.is_eps_or_v or self.is_flow):
            families = [c.__name__ for c in type(self.model_sampling).__mro__[1:3]]
            raise ValueError(
                f"Collaborative Score Distillation: got a model that samples by {' and '.join(families)}; "
                "expected an eps-, v- or flow model (SD 1.x, SD 2.x, SDXL, CosXL, SD 3, Flux and their relatives)."
            )

    @property
    def is_eps_or_v(self) -> bool:
        known = type(self.model_sampling).calculate_denoised in _EPS_OR_V
        unscaled = getattr(self.model_sampling, "sigma_data", None) == 1
        return known and unscaled and (self.is_discrete or self._is_continuous)

    @property
    def is_discrete(self) -> bool:
        """Whether the model was trained in discrete steps. It is told the nearest step."""
        return getattr(type(self.model_sampling), "timestep", None) is host.ModelSamplingDiscrete.timestep

    @property
    def _is_continuous(self) -> bool:
        return isinstance(self.model_sampling, host.ModelSamplingContinuousEDM)

    @property
    def is_flow(self) -> bool:
        kind, own = type(self.model_sampling), host.CONST
        known = all(getattr(kind, name, None) is getattr(own, name) for name in _CONVERSIONS)
        return known and isinstance(self.model_sampling, _FLOW)

    @property
    def noise_scale(self) -> float:
        """The standard deviation of pure noise. Only newer hosts have models with another one than 1."""
        return float(getattr(self.model_sampling, "noise_scale", 1.0)) if self.is_flow else 1.0

    def sigma(self, time: float, own: bool = False) -> float:
        """The host's sigma at a time, 0 (clean) to 1 (noise).

        own   whether the time is a fraction of the model's own schedule, as for the host's samplers
        """
        if self.is_discrete:
            # Whole training steps only: the model rounds to the nearest step, and the noise has to match it.
            sigmas = self.model_sampling.sigmas
            return float(sigmas[min(round(time * len(sigmas)), len(sigmas) - 1)])
        if own:
            return float(np.clip(float(self.model_sampling.percent_to_sigma(1 - time)), *self._ends))
        return float(np.interp(time * _STEPS, np.arange(_STEPS + 1), self._by_ratio))

    @property
    def _ends(self) -> tuple[float, float]:
        """The model's least and largest sigma; of a flow, the largest at which the image still shows."""
        least, most = float(self.model_sampling.sigmas[0]), float(self.model_sampling.sigmas[-1])
        return least, min(most, _FLOWS_MOST) if self.is_flow else most

    @cached_property
    def _by_ratio(self) -> np.ndarray:
        """Sigma at the times 0, 0.001, ... 1, by signal-to-noise ratio."""
        reference = torch.as_tensor(host.ModelSamplingDiscrete().sigmas).double().numpy()
        ratio = np.append(reference, reference[-1])
        sigma = np.clip(ratio / (1 + ratio) if self.is_flow else ratio, *self._ends)
        least, most = self._ends
        sigma[: _TO_THE_END + 1] = np.linspace(least, sigma[_TO_THE_END], _TO_THE_END + 1)
        sigma[-_TO_THE_END - 1 :] = np.linspace(sigma[-_TO_THE_END - 1], most, _TO_THE_END + 1)
        return sigma

    def sigmas(self, order: Timesteps, steps: int, seed: int, reuse: int = 1, own: bool = False) -> Tensor:
        """The host's sigma of every step, and the zero that ends a schedule of the host: [steps + 1].

        reuse   how many steps in a row share a level
        own     see `sigma`
        """
        levels = [self.sigma(time, own) for time in times(order, -(-steps // reuse), seed)]
        return torch.tensor([levels[step // reuse] for step in range(steps)] + [0.0])

    def level(self, sigma: float) -> Level:
        """The level of a sigma. One of a flow ends at 0.999, for schedules of the host begin at 1."""
        if self.is_flow:
            return Level.flow(min(sigma, _FLOWS_MOST), self._time(sigma))
        alpha = (1 + sigma**2) ** -0.5
        return Level(alpha, sigma * alpha, self._time(sigma))

    def _time(self, sigma: float) -> float:
        if self.is_discrete:
            sigmas = self.model_sampling.sigmas
            return int((sigmas - sigma).abs().argmin()) / len(sigmas)
        return float(np.interp(sigma, self._by_ratio, np.arange(_STEPS + 1) / _STEPS))

    def host_sigma(self, level: Level) -> float:
        return level.sigma if level.is_flow else level.sigma / level.alpha

    def host_x(self, x_t: Tensor, level: Level) -> Tensor:
        """x_t in the host's scaling."""
        return x_t if level.is_flow else x_t / level.alpha
