"""What a network makes of the pictures behind latents: features, for a kernel that compares them (`csd.features`)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .apart import look
from .refusals import refuse_other_latents
from .vae import of_pictures, pictures


@dataclass(frozen=True, eq=False)
class Perception:
    """Latents [n, C, h, w] or [n, C, T, h, w] in the scaling of a model -> features [n, D] of their pictures.

    The pictures are made small first. The paper compares views of 64 x 64 pixels, by LPIPS. ValueError where the
    latents are not those of the model.

    model     whose latents they are
    vae       decodes them
    side      of the small pictures in pixels, the shorter one
    network   a CLIP vision model, whose embeddings of the pictures are compared; None: what the VAE encodes is
    """

    model: Any
    vae: Any
    side: int = 64
    network: Any = None

    def __call__(self, x: Tensor) -> Tensor:
        refuse_other_latents(x, self.model, "coupling", "the model of CSD Perceptual Kernel")
        shown = torch.cat([self._shown(one) for one in x.split(1)])
        if self.network is None:
            return of_pictures(self.vae).encode(shown).reshape(len(x), -1)
        # Without cropping: what is at the edges of a picture counts as well.
        return self.network.encode_image(shown, crop=False).image_embeds.reshape(len(x), -1)

    def _shown(self, x: Tensor) -> Tensor:
        """Small pictures of one particle. One after the other, whole pictures take little memory."""
        look()
        return reduced(pictures(self.vae.decode(self.model.model.process_latent_out(x))), self.side)


def reduced(shown: Tensor, side: int) -> Tensor:
    """Pictures [n, H, W, 3] with a shorter side of `side` pixels. Smaller ones stay as they are."""
    scale = side / min(shown.shape[1:3])
    if scale >= 1:
        return shown
    size = [round(scale * length) for length in shown.shape[1:3]]
    return torch.nn.functional.interpolate(shown.movedim(-1, 1), size, mode="area").movedim(1, -1)
