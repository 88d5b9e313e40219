"""Small pictures straight from latents, for the report. No VAE is run: one cell of a latent becomes one pixel.

The host knows for most families how the channels of a latent become colours, as its previews need it.
"""

from collections.abc import Sequence

import latent_preview
import numpy as np
import torch
from torch import Tensor

from ..csd.correspondence import Correspondence
from ..csd.scene import Crops
from ..csd.windows import Windows
from ..media import measures
from .io import known


def pictures(model, latents: Tensor) -> list[np.ndarray]:
    """Pictures [h, w, 3] uint8 of latents [n, C, h, w] as the model takes them. None for a family without colours.

    model   ModelPatcher
    """
    form = model.model.latent_format
    if form.latent_rgb_factors is None:
        return []
    bias, reshape = (getattr(form, f"latent_rgb_factors_{name}", None) for name in ("bias", "reshape"))
    previewer = known(
        latent_preview.Latent2RGBPreviewer,
        latent_rgb_factors=form.latent_rgb_factors,
        latent_rgb_factors_bias=bias,
        latent_rgb_factors_reshape=reshape,
    )
    return [np.array(previewer.decode_latent_to_preview(row[None].float().cpu())) for row in latents]


def compared(
    scene: Crops, correspondence: Correspondence | None, before: Sequence[np.ndarray], after: Sequence[np.ndarray]
) -> dict:
    """`change` and `varies` of a `Record`: along a canvas, from frame to frame, or over a set of pictures."""
    if not len(before) or not len(after):
        return {}
    pair = [torch.from_numpy(np.stack(part)).float() / 255 for part in (before, after)]
    return {"change": measures.change(*pair), "varies": _varies(scene, correspondence, *pair)}


def _varies(
    scene: Crops, correspondence: Correspondence | None, before: Tensor, after: Tensor
) -> tuple[str, float] | None:
    if isinstance(scene, Windows):
        across = -(-scene.canvas[1] // scene.window[1])
        return ("uneven by", measures.unevenness(before, after, across)) if across > 1 else None
    if len(before) == 1:
        return None
    if correspondence is not None and correspondence.in_time:
        return "flicker", measures.flicker(before, after)
    return "uneven by", measures.spread(before, after)
