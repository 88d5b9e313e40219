"""How good an edited panorama is, measured against the painted truth or the source.

All pictures are float arrays [H, W, 3] in 0 ... 1 of the same size.
"""

import kornia
import numpy as np
import torch

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


def seam(picture: np.ndarray, truth: np.ndarray, edges: list[int]) -> float:
    """Jump of the error across window edges (columns x - 1 | x), relative to that across all columns; 1 is no seam."""
    jumps = np.abs(np.diff((picture - truth).mean(0), axis=0)).mean(1)
    return float(jumps[[x - 1 for x in edges]].mean() / max(jumps.mean(), 1e-12))
