"""How far pictures of the same thing disagree: flicker of clips, reprojection error of view sets.

Pictures are float arrays [N, H, W, 3] in 0 ... 1. Every figure is a mean absolute difference of colours, 0 ... 1. Each
picture is compared with its partners, moved to where they show the same thing, over the pixels that both show.
"""

from __future__ import annotations

import numpy as np
import torch
from einops import rearrange

from ...csd.correspondence import Correspondence, pull
from ...csd.windows import as_size

CHUNK = 16  # pairs looked at together
LARGEST = 0.1  # the difference that a map shows as white


def neighbours(count: int) -> torch.Tensor:
    """Each picture and the next one, [count - 1, 2]."""
    return torch.stack([torch.arange(count - 1), torch.arange(1, count)], -1)


def differences(
    pictures: np.ndarray, correspondence: Correspondence, pairs: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Where pictures i disagree with their partners j: mean absolute differences and their validity, [P, H, W] each."""
    values = rearrange(torch.as_tensor(np.asarray(pictures), dtype=torch.float32), "n h w c -> n c h w")
    errors, valid = [], []
    for some in pairs.split(CHUNK):
        sight = correspondence.look(some, as_size(values.shape[-2:]))
        moved = pull(values, sight, rows=some[:, 1])
        errors.append((values[some[:, 0]] - moved).abs().mean(1))
        valid.append(sight.valid)
    return torch.cat(errors).numpy(), torch.cat(valid).numpy()


def disagreement(pictures: np.ndarray, correspondence: Correspondence, pairs: torch.Tensor) -> float:
    """The mean difference over all valid pixels of all pairs: for a clip and its neighbours, flicker."""
    errors, valid = differences(pictures, correspondence, pairs)
    if not valid.any():
        raise ValueError("Got pictures that show nothing in common; choose pairs that overlap.")
    return float((errors * valid).sum(dtype=np.float64) / valid.sum(dtype=np.float64))


def above_floor(pictures: np.ndarray, floor: np.ndarray, correspondence: Correspondence, pairs: torch.Tensor) -> float:
    """The disagreement of pictures less that of `floor`, the truth through the VAE: what no edit can avoid."""
    return disagreement(pictures, correspondence, pairs) - disagreement(floor, correspondence, pairs)


def heat(errors: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Maps [..., H, W] as pictures [..., H, W, 3]: black, red, yellow, white at 0.1; grey where nothing is known."""
    level = np.clip(errors / LARGEST, 0, 1)[..., None] * 3
    colours = np.clip(level - np.arange(3), 0, 1)
    return colours * valid[..., None] + 0.35 * (1 - valid[..., None])
