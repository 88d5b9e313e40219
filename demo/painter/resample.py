"""Layers seen through a moving camera: smooth sampling at any place, without shimmer.

The cubic B-spline over texels finer than pixels blurs an edge about as much as a still's own soft edge is wide, and
by the same amount wherever the texels come to lie between the pixels.
"""

import numpy as np


def resample(texture: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Texture ``[C, h, w]`` at rows y ``[m]`` and columns x ``[n]`` -> ``[C, m, n]``.

    Coordinates are in texels, whose centres lie at halves. Out of the texture there is nothing.
    """
    top, rows = _weights(y - 0.5, texture.shape[1])
    left, columns = _weights(x - 0.5, texture.shape[2])
    used = texture[:, top : top + rows.shape[1], left : left + columns.shape[1]]
    return np.matmul(np.matmul(rows, used), columns.T)


def _weights(position: np.ndarray, length: int) -> tuple[int, np.ndarray]:
    """The first texel that is needed and the weights ``[n, needed]`` from it on."""
    before = np.floor(position).astype(np.int64)
    first = int(np.clip(before.min() - 1, 0, length - 1))
    last = int(np.clip(before.max() + 3, first + 1, length))
    texels, part = before[:, None] + np.arange(-1, 3), position - before
    taps = np.stack([(1 - part) ** 3 / 6, _near(part), _near(1 - part), part**3 / 6], -1)
    row, tap = np.nonzero((texels >= first) & (texels < last))
    weights = np.zeros((len(position), last - first), np.float32)
    weights[row, texels[row, tap] - first] = taps[row, tap]
    return first, weights


def _near(distance: np.ndarray) -> np.ndarray:
    return 2 / 3 - distance**2 * (1 - distance / 2)
