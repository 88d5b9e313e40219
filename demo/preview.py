"""Features of a latent from which a linear map makes a preview.

The autoencoder keeps the hue of a picture in the mean of its latent, not in each cell. A linear map of the cells alone
gives a grey preview. So the features also hold the products of every cell with the mean.
"""

import torch
from torch.nn.functional import pad


def preview_features(latent: torch.Tensor) -> torch.Tensor:
    """Scaled latents ``[B, 4, h, w]`` -> ``[B, 24, h, w]``: (cell, 1) times (mean, 1) without the product 1 * 1."""
    cells = pad(latent, (0, 0, 0, 0, 0, 1), value=1.0)
    means = pad(latent.mean(dim=(-2, -1)), (0, 1), value=1.0)
    products = torch.einsum("bchw,bm->bcmhw", cells, means)
    return products.flatten(1, 2)[:, :-1]
