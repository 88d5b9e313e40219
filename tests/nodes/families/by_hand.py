"""Edits written by hand: one particle after the other, through the host's own guider.

Nothing of the extension's guider is in here. What it takes from `csd` are the draws, the levels and the windows, which
have tests of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

STEPS, STEP_SIZE, SEED, TIMES, GUIDANCE = 2, 1.0, 7, (0.1, 0.6), 3.0
SETTINGS = {"seed": SEED, "steps": STEPS, "step_size": STEP_SIZE, "guidance": GUIDANCE, "image_guidance": 1.0}
SETTINGS |= {"noise_low": TIMES[0], "noise_high": TIMES[1], "particles_per_step": 0}
"""The same for CSD Edit Sampler."""


@dataclass(frozen=True)
class Prompts:
    """Of one particle, as the host's nodes give them. Without a source the baseline is `negative` alone."""

    positive: list
    negative: list
    source: list | None = None


class ByHand:
    """Delta denoising, or CSD-Edit with image guidance 1, of particles that are not coupled.

    predicted   (model, x_t of one particle, level, positive, negative, scale) -> its noise by the host
    """

    def __init__(self, ext, comfy, ask):
        self.ext, self.comfy, self.ask = ext, comfy, ask

    def predicted(self, model, x_t: Tensor, level, positive: list, negative: list, scale: float) -> Tensor:
        levels = self.ext.levels.Levels(model.get_model_object("model_sampling"))
        guider = self.comfy.samplers.CFGGuider(model)
        guider.set_conds(positive, negative)
        guider.set_cfg(scale)
        x, sigma = levels.host_x(x_t, level), torch.full((1,), levels.host_sigma(level))
        return level.eps_from_denoised(x_t, self.ask(guider, x_t, lambda guider, extra: guider(x, sigma, **extra)))

    def residual(self, model, x: Tensor, source: Tensor, eps: Tensor, level, prompts: Prompts) -> Tensor:
        """Of one particle [1, C, ...]."""
        towards, x_t = (prompts.positive, prompts.negative, GUIDANCE), level.noise(x, eps)
        away = (prompts.negative, prompts.negative, 1.0) if prompts.source is None else None
        away = away or (prompts.source, prompts.negative, GUIDANCE)
        there = self.predicted(model, level.noise(source, eps), level, *away)
        return self.predicted(model, x_t, level, *towards) - there

    def edited(
        self, model, latents: Tensor, prompts: Callable[[int], Prompts], layout=None, mask: Tensor | None = None
    ) -> Tensor:
        """The edited particles, as CSD Edit Sampler gives them with `SETTINGS` and a coupling that does nothing.

        model     the same for all, or particle i -> its model
        prompts   those of particle i
        mask      where theta may move, broadcastable to it
        """
        of_one = model if callable(model) else lambda i: model
        models = [of_one(i) for i in range(len(latents))]
        csd, format_ = self.ext.csd, models[0].model.latent_format
        levels = self.ext.levels.Levels(models[0].get_model_object("model_sampling"))
        sigmas = levels.sigmas(csd.timesteps.Descending(*TIMES), STEPS, SEED).tolist()
        scene = layout.windows_for(latents) if layout else csd.frames.Frames(len(latents))
        theta = csd.scene.merge(scene, format_.process_in(latents))
        source, noise = scene.split(theta), csd.noise.OnCanvas(scene, theta.shape[1:])
        for step, sigma in enumerate(sigmas[:-1]):
            level, x = levels.level(sigma), scene.split(theta)
            eps = noise(csd.draws.Draws(SEED, step), range(len(x)), x)
            rows = [
                self.residual(models[i], *(part[i : i + 1] for part in (x, source, eps)), level, prompts(i))
                for i in range(len(x))
            ]
            move = csd.scene.merge(scene, level.weight * torch.cat(rows))
            theta = theta - STEP_SIZE * move * (1.0 if mask is None else mask)
        return format_.process_out(scene.split(theta))
