"""The latent space: centring it, scaling it, and seeing colours in it."""

import torch
from einops import rearrange

from ...demo.preview import preview_features
from .pictures import to_unit
from .setup import Network


def channel_statistics(latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation per channel, each ``[4]``, of ``[N, 4, h, w]``."""
    values = rearrange(latents.float(), "n c h w -> c (n h w)")
    return values.mean(dim=1), values.std(dim=1)


@torch.no_grad()
def standardise(model: Network, mean: torch.Tensor, deviation: torch.Tensor) -> float:
    """Fold a shift and a scale per channel into the 1x1 convolutions on both sides of the latent, in place.

    Afterwards all channels have mean 0 and one common deviation; returns the factor that makes it 1.
    """
    common = deviation.mean()
    factor = common / deviation
    mean_rows = slice(0, len(mean))
    inward, outward = model.quant_conv, model.post_quant_conv
    outward.bias += (outward.weight[:, :, 0, 0] * mean).sum(dim=1)
    outward.weight /= factor.view(1, -1, 1, 1)
    inward.weight[mean_rows] *= factor.view(-1, 1, 1, 1)
    inward.bias[mean_rows] = (inward.bias[mean_rows] - mean) * factor
    inward.bias[len(mean) :] += 2 * factor.log()
    return float(1 / common)


@torch.no_grad()
def fit_preview(latents: torch.Tensor, pictures: torch.Tensor, scale: float) -> torch.Tensor:
    """Least squares from the preview's features (and 1) to colours in -1..1 -> ``[25, 3]``.

    Fitted on whole panoramas and on their left halves and quarters, whose means differ more.
    """
    small = torch.nn.functional.interpolate(to_unit(pictures) * 2 - 1, size=latents.shape[-2:], mode="area")
    inputs, outputs = [], []
    for width in (small.shape[-1], small.shape[-1] // 2, small.shape[-1] // 4):
        features = preview_features(latents[..., :width].float() * scale)
        inputs.append(rearrange(features, "n c h w -> (n h w) c"))
        outputs.append(rearrange(small[..., :width], "n c h w -> (n h w) c"))
    features = torch.cat(inputs)
    features = torch.cat([features, torch.ones(len(features), 1)], dim=1)
    return torch.linalg.lstsq(features.double(), torch.cat(outputs).double()).solution.float()
