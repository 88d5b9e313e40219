"""How good an edited panorama is, measured against the painted truth or the source.

All pictures are float arrays [H, W, 3] in 0 ... 1 of the same size.
"""

import kornia
import numpy as np
import torch
from einops import rearrange
from torch.nn.functional import adaptive_avg_pool2d

from ...csd.windows import as_size

DRIFT_WIDTH = 64  # pixels, half a window of the demo
HIGHEST = 120.0  # dB; where pictures are equal there is no ratio


def psnr(picture: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal to noise ratio in dB, at most 120; for sets [N, H, W, 3] too, over all pictures at once."""
    ours, theirs = (torch.from_numpy(np.asarray(values, np.float64)) for values in (picture, truth))
    return min(float(kornia.metrics.psnr(ours, theirs, 1.0)), HIGHEST)


def drift(picture: np.ndarray, truth: np.ndarray) -> float:
    """Drift: how much the colour error varies along x, 0 ... 1.

    The error is averaged over each column and smoothed over 64 pixels. Drift is its standard deviation along x, as root
    mean square over the colours. An error that is the same everywhere gives no drift.
    """
    columns = (picture - truth).mean(0)
    kernel = np.ones(DRIFT_WIDTH) / DRIFT_WIDTH
    smooth = np.stack([np.convolve(channel, kernel, mode="valid") for channel in columns.T])
    return float(np.sqrt(smooth.var(axis=1).mean()))


def tones(error: np.ndarray, side: int = DRIFT_WIDTH) -> np.ndarray:
    """The low-frequency colour error [rows, columns, 3]: means over squares of `side` pixels, less those of their row.

    Squares are a little smaller where they do not fit. An error that is the same along x gives zeros. What the drift is
    for a panorama of one row of windows, its root mean square is for pictures of any height.
    """
    values = rearrange(torch.from_numpy(np.asarray(error, np.float64)), "h w c -> 1 c h w")
    means = adaptive_avg_pool2d(values, as_size(-(-length // side) for length in values.shape[-2:]))[0]
    return rearrange(means - means.mean(-1, keepdim=True), "c h w -> h w c").numpy()


def own_and_chance(errors: np.ndarray) -> tuple[float, float]:
    """Errors [seeds, ...] of one edit from several seeds, taken apart: (what all have in common, what chance adds).

    Both are root mean squares, and their squares sum to that of an error. The part in common is without bias: chance
    does not average out over a few seeds, and what is left of it is subtracted. At least two seeds.
    """
    chance = errors.var(axis=0, ddof=1).mean()
    common = np.square(errors.mean(axis=0)).mean() - chance / len(errors)
    return float(np.sqrt(max(common, 0))), float(np.sqrt(chance))


def sky(picture: np.ndarray) -> float:
    """Spread of the colour of the top quarter over eight columns: standard deviation, root mean square over colours."""
    top = torch.from_numpy(np.asarray(picture, np.float64))[: picture.shape[0] // 4]
    columns = adaptive_avg_pool2d(rearrange(top, "h w c -> 1 c h w"), (1, 8))[0, :, 0]
    return float(columns.var(dim=1, correction=0).mean().sqrt())


def root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))


def seam(picture: np.ndarray, truth: np.ndarray, edges: list[int]) -> float:
    """Jump of the error across window edges (columns x - 1 | x), relative to that across all columns; 1 is no seam."""
    jumps = np.abs(np.diff((picture - truth).mean(0), axis=0)).mean(1)
    return float(jumps[[x - 1 for x in edges]].mean() / max(jumps.mean(), 1e-12))
