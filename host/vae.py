"""A VAE that takes a few images at a time, and never takes them for a video.

The host passes as many images at once as it expects to fit into memory. For a long clip, this estimate can be wrong.
"""

from collections.abc import Callable
from copy import copy
from typing import Any

import comfy.model_management
import comfy.sd
import comfy.utils
import torch
from torch import Tensor

from .budget import afford
from .errors import named
from .rows import Rows


def takes_clips(vae: comfy.sd.VAE) -> bool:
    """Whether a VAE takes a batch of pictures for one video, as those of Wan and Qwen-Image do."""
    return vae.latent_dim == 3 and not vae.not_video


def pictures(decoded: Tensor) -> Tensor:
    """Pictures [N, H, W, 3] out of what a VAE decodes; that of a video model gives them a moment each."""
    return decoded.flatten(0, 1) if decoded.ndim == 5 else decoded


def of_pictures(vae: Any) -> Any:
    """The VAE itself, or one that takes each picture by itself where it would take them for one video."""
    return BatchedVAE(vae, 1) if takes_clips(vae) else vae


class BatchedVAE(comfy.sd.VAE):
    """Passes at most `at_once` images at a time to another VAE, with which it shares everything.

    The VAE of a video model would take the images for one video. So it gets each image by itself, and the result does
    not depend on how many there are. Raises ValueError if the other VAE is for sound.
    """

    def __init__(self, vae: comfy.sd.VAE, at_once: int):
        if at_once < 1:
            raise ValueError(f"images at once: got {at_once}, expected at least 1.")
        if vae.latent_dim == 1 or vae.extra_1d_channel is not None:
            raise ValueError("VAE: got one for sound, expected one for images; connect the VAE of an image model.")
        self.__dict__.update(vae.__dict__)
        self._whole, self._at_once, self._encoded_at_once = vae, at_once, 1 if takes_clips(vae) else at_once

    def encode(self, pixel_samples: Tensor) -> Tensor:
        """Images [N, H, W, C] in 0 ... 1 -> latents [N, C, h, w], or [N, C, 1, h, w] of a video model."""
        return self._in_parts(self._whole.encode, pixel_samples, self._encoded_at_once)

    def encode_tiled(self, pixel_samples: Tensor, *args, **kwargs) -> Tensor:
        """As `encode`, but in tiles, which bound the memory for one image."""
        return self._in_parts(
            lambda part: self._whole.encode_tiled(part, *args, **kwargs), pixel_samples, self._encoded_at_once
        )

    def decode(self, samples_in: Tensor, *args, **kwargs) -> Tensor:
        """Latents [N, C, h, w] or [N, C, T, h, w] -> images [N, H, W, C] or [N, T, H, W, C] in 0 ... 1."""
        return self._in_parts(lambda part: self._whole.decode(part, *args, **kwargs), samples_in, self._at_once)

    @staticmethod
    def _in_parts(run: Callable[[Tensor], Any], batch: Tensor, at_once: int) -> Tensor:
        count = batch.shape[0]
        if count <= at_once:
            return run(batch)
        progress, whole = comfy.utils.ProgressBar(count), batch.new_empty(0)
        for start in range(0, count, at_once):
            comfy.model_management.throw_exception_if_processing_interrupted()
            part = run(batch[start : start + at_once])
            whole = _room(count, part) if start == 0 else whole
            whole[start : start + len(part)] = part
            progress.update(len(part))
        return whole


class HintVAE(BatchedVAE):
    """A VAE for the hints of a run's particles, which encodes each of them once, however often a call asks for it."""

    def __init__(self, vae: comfy.sd.VAE):
        super().__init__(vae, 1)
        self._kept: dict[tuple, Tensor] = {}
        self._rows: Rows = (0,)

    def of_rows(self, rows: Rows) -> "HintVAE":
        """The same one for a call about the hints `rows`. What they have encoded is kept for both."""
        part = copy(self)
        part._rows = rows
        return part

    def encode(self, pixel_samples: Tensor) -> Tensor:
        """The hints `rows` [n, H, W, C] -> latents [n, C, h, w], or [n, C, 1, h, w] of a video model."""
        return torch.cat([self._encoded(row, hint[None]) for row, hint in zip(self._rows, pixel_samples, strict=True)])

    def _encoded(self, row: int, hint: Tensor) -> Tensor:
        key = (row, *hint.shape)
        if key not in self._kept:
            self._kept[key] = super().encode(hint).to(comfy.model_management.intermediate_device())
        return self._kept[key]


def _room(count: int, part: Tensor) -> Tensor:
    """An uninitialised batch of `count` images or latents of the kind in `part`."""
    with named("CSD VAE Batch"):
        size = count * part[0].numel() * part.element_size()
        afford(size, f"{count} images or latents of shape {tuple(part.shape[1:])}", "take fewer or smaller images")
        return part.new_empty(count, *part.shape[1:])
