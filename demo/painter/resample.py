"""Samples layers at any place for a moving camera, without shimmer.

Texels are finer than pixels, and a cubic B-spline interpolates between them. It blurs an edge by about the width of a
soft edge in a still picture. The blur is the same wherever texels lie between pixels, so nothing shimmers.
"""

import numpy as np


def resample(texture: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Texture ``[C, h, w]`` at rows y ``[m]`` and columns x ``[n]`` -> ``[C, m, n]``.

    Coordinates are in texels, whose centres are at halves. Outside the texture, values are zero.
    """
    top, rows = _weights(y - 0.5, texture.shape[1])
    left, columns = _weights(x - 0.5, texture.shape[2])
    used = texture[:, top : top + rows.shape[1], left : left + columns.shape[1]]
    return np.matmul(np.matmul(rows, used), columns.T)


def resample_at(texture: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Texture ``[C, h, w]`` at places y, x ``[n]`` -> ``[C, n]``. Coordinates are those of `resample`."""
    height, width = texture.shape[1:]
    table = np.pad(texture, ((0, 0), (3, 3), (3, 3))).transpose(1, 2, 0).reshape(-1, len(texture))
    (top, rows), (left, columns) = _taps(y - 0.5), _taps(x - 0.5)
    top, left = np.clip(top + 3, 1, height + 3), np.clip(left + 3, 1, width + 3)
    total = np.zeros((len(y), len(texture)), np.float32)
    for down in range(4):
        for right in range(4):
            weight = (rows[:, down] * columns[:, right]).astype(np.float32)
            total += weight[:, None] * table[(top + down - 1) * (width + 6) + left + right - 1]
    return total.T


def _weights(position: np.ndarray, length: int) -> tuple[int, np.ndarray]:
    """The first texel that is needed, and weights ``[n, needed]`` of the texels from it on."""
    before, taps = _taps(position)
    first = int(np.clip(before.min() - 1, 0, length - 1))
    last = int(np.clip(before.max() + 3, first + 1, length))
    texels = before[:, None] + np.arange(-1, 3)
    row, tap = np.nonzero((texels >= first) & (texels < last))
    weights = np.zeros((len(position), last - first), np.float32)
    weights[row, texels[row, tap] - first] = taps[row, tap]
    return first, weights


def _taps(position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The texel below each position ``[n]``, and weights ``[n, 4]`` of four texels; the first is one before it."""
    before = np.floor(position).astype(np.int64)
    part = position - before
    return before, np.stack([(1 - part) ** 3 / 6, _near(part), _near(1 - part), part**3 / 6], -1)


def _near(distance: np.ndarray) -> np.ndarray:
    return 2 / 3 - distance**2 * (1 - distance / 2)
