"""Progress and previews, of the whole rather than of the first particle."""

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
    """One picture of the particles [N, C, h, w]: the first canvas, or frames beside each other."""
    if isinstance(scene, Windows):
        return merge(scene, particles)[:1]
    return rearrange(particles[:_FRAMES_SHOWN], "n ... w -> ... (n w)")[None]


@dataclass(frozen=True)
class WholePicture:
    """The host's progress callback `show`, shown the whole picture on its `device`."""

    show: Callable
    scene: Crops
    device: torch.device

    def __call__(self, number: int, particles: Tensor, x, total: int) -> None:
        self.show(number, whole(self.scene, particles).to(self.device), x, total)


def callback(model, steps: int, scene: Crops) -> WholePicture:
    return WholePicture(latent_preview.prepare_callback(model, steps), scene, model.load_device)


def placed(callback, particles: Tensor, model) -> Tensor:
    """Particles where a callback expects them: the host's own previewers work on the model's device."""
    return particles if isinstance(callback, WholePicture) else particles.to(model.load_device)
