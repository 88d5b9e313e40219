"""Progress, and previews of the whole set instead of the first particle only."""

from collections.abc import Callable
from dataclasses import dataclass

import latent_preview
import torch
from einops import rearrange
from torch import Tensor

from ..csd.scene import Crops, merge
from ..csd.windows import Windows

_FRAMES_SHOWN = 8


def whole(scene: Crops, particles: Tensor) -> Tensor:
    """One latent picture of the particles [N, C, h, w]: the first canvas, or a few frames beside each other."""
    if isinstance(scene, Windows):
        return merge(scene, particles)[:1]
    return rearrange(particles[:_FRAMES_SHOWN], "n ... w -> ... (n w)")[None]


@dataclass(frozen=True)
class WholePicture:
    """The host's progress callback `show`, which gets the whole picture on `device`."""

    show: Callable
    scene: Crops
    device: torch.device

    def __call__(self, number: int, particles: Tensor, x, total: int) -> None:
        self.show(number, whole(self.scene, particles).to(self.device), x, total)


def callback(model, steps: int, scene: Crops) -> WholePicture:
    return WholePicture(latent_preview.prepare_callback(model, steps), scene, model.load_device)


def placed(callback, particles: Tensor, model) -> Tensor:
    """Particles on the device that a callback expects. The host's own previewers expect the model's device."""
    return particles if isinstance(callback, WholePicture) else particles.to(model.load_device)
