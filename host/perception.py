"""What a network makes of the pictures behind latents: features, for a kernel that compares them (`csd.features`)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .vae import of_pictures, pictures


@dataclass(frozen=True, eq=False)
class Perception:
    """Latents [n, C, h, w] in the scaling of a model -> features [n, ...] of their pictures.

    The pictures are made small first. The paper compares views of 64 x 64 pixels, by LPIPS.

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
        latents = self.model.model.process_latent_out(x)
        shown = reduced(pictures(of_pictures(self.vae).decode(latents)), self.side)
        if self.network is None:
            return of_pictures(self.vae).encode(shown)
        return self.network.encode_image(shown).image_embeds


def reduced(shown: Tensor, side: int) -> Tensor:
    """Pictures [n, H, W, 3] with a shorter side of `side` pixels. Smaller ones stay as they are."""
    scale = side / min(shown.shape[1:3])
    if scale >= 1:
        return shown
    size = [round(scale * length) for length in shown.shape[1:3]]
    return torch.nn.functional.interpolate(shown.movedim(-1, 1), size, mode="area").movedim(1, -1)
