"""A VAE that takes few images at a time.

The host hands over as many images at once as it believes to fit into memory, which makes the memory
that a long clip needs a matter of estimates.
"""

from collections.abc import Callable
from typing import Any

import comfy.model_management
import comfy.sd
import comfy.utils
from torch import Tensor

from .budget import afford
from .errors import named


class BatchedVAE(comfy.sd.VAE):
    """Another VAE, with which it shares everything, asked for at most `at_once` images at a time.

    Raises ValueError where the other one takes a batch for the moments of one clip or for sound.
    """

    def __init__(self, vae: comfy.sd.VAE, at_once: int):
        if at_once < 1:
            raise ValueError(f"images at once: got {at_once}, expected at least 1.")
        of_a_clip = vae.latent_dim == 3 and not vae.not_video
        if of_a_clip or vae.latent_dim == 1 or vae.extra_1d_channel is not None:
            raise ValueError("VAE: got one for whole clips or for sound, expected one for single images.")
        self.__dict__.update(vae.__dict__)
        self._whole, self._at_once = vae, at_once

    def encode(self, pixel_samples: Tensor) -> Tensor:
        """Images [N, H, W, C] in 0 ... 1 -> latents [N, C, h, w]."""
        return self._in_parts(self._whole.encode, pixel_samples)

    def decode(self, samples_in: Tensor, *args, **kwargs) -> Tensor:
        """Latents [N, C, h, w] -> images [N, H, W, C] in 0 ... 1."""
        return self._in_parts(lambda part: self._whole.decode(part, *args, **kwargs), samples_in)

    def _in_parts(self, run: Callable[[Tensor], Any], batch: Tensor) -> Tensor:
        count = batch.shape[0]
        if count <= self._at_once:
            return run(batch)
        progress, whole = comfy.utils.ProgressBar(count), batch.new_empty(0)
        for start in range(0, count, self._at_once):
            comfy.model_management.throw_exception_if_processing_interrupted()
            part = run(batch[start : start + self._at_once])
            whole = _room(count, part) if start == 0 else whole
            whole[start : start + len(part)] = part
            progress.update(len(part))
        return whole


def _room(count: int, part: Tensor) -> Tensor:
    """An empty batch of `count` images or latents like those of a part."""
    with named("CSD VAE Batch"):
        size = count * part[0].numel() * part.element_size()
        afford(size, f"{count} images or latents of shape {tuple(part.shape[1:])}", "take fewer or smaller images")
        return part.new_empty(count, *part.shape[1:])
