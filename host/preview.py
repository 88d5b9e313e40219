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
    """One latent picture of the particles [N, C, h, w]: the first canvas, or a few frames in rows."""
    if isinstance(scene, Windows):
        return merge(scene, particles)[:1]
    return in_rows(particles[:_FRAMES_SHOWN])


def in_rows(frames: Tensor) -> Tensor:
    """Frames [n, ..., h, w] in rows, as one picture [1, ..., H, W] that is about twice as wide as high."""
    count, across = len(frames), columns(len(frames), *frames.shape[-2:])
    blank = torch.zeros_like(frames[:1]).expand(-count % across, *frames.shape[1:])
    return rearrange(torch.cat([frames, blank]), "(r c) ... h w -> 1 ... (r h) (c w)", c=across)


def columns(count: int, height: int, width: int) -> int:
    """How many frames a row has, so that all are shown as large as possible in a picture twice as wide as high."""

    def length(across: int) -> tuple[int, int, int]:
        down = -(-count // across)
        return max(across * width, 2 * down * height), across * down - count, down

    return min(range(1, count + 1), key=length)


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
