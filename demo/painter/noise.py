"""Smooth random fields: cubic B-spline surfaces over coarse grids of normal numbers."""

import numpy as np


def generator(seed: int, key: int) -> np.random.Generator:
    """An independent generator for each (seed, key). So the draws of one layer never change those of another."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, key])))


def spline_matrix(length: int, step: float) -> np.ndarray:
    """Weights ``[length, knots]`` of the uniform cubic B-spline with a knot every `step` pixels."""
    position = np.arange(length, dtype=np.float32)[:, None] / step + 1
    distance = np.abs(position - np.arange(int(np.ceil(length / step)) + 3, dtype=np.float32)[None])
    near = 2 / 3 - distance**2 * (1 - distance / 2)
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    return np.where(distance < 1, near, far).astype(np.float32)


def curve(rng: np.random.Generator, length: int, step: float, octaves: int = 1, gain: float = 0.5) -> np.ndarray:
    """A smooth random curve ``[length]``, mean about 0, standard deviation about 1; each octave halves the step."""
    total = np.zeros(length, dtype=np.float32)
    for octave in range(octaves):
        weights = spline_matrix(length, step / 2**octave)
        knots = rng.standard_normal(weights.shape[1]).astype(np.float32)
        total += gain**octave * (weights @ knots)
    return total * 1.45 / np.sqrt(sum(gain ** (2 * octave) for octave in range(octaves)))


def surface(
    rng: np.random.Generator, size: tuple[int, int], step: tuple[float, float], octaves: int = 1, gain: float = 0.5
) -> np.ndarray:
    """A smooth random surface ``[height, width]``, mean about 0, standard deviation about 1; steps in pixels (y, x)."""
    total = np.zeros(size, dtype=np.float32)
    for octave in range(octaves):
        rows = spline_matrix(size[0], step[0] / 2**octave)
        columns = spline_matrix(size[1], step[1] / 2**octave)
        knots = rng.standard_normal((rows.shape[1], columns.shape[1])).astype(np.float32)
        total += gain**octave * (rows @ knots @ columns.T)
    return total * 2.1 / np.sqrt(sum(gain ** (2 * octave) for octave in range(octaves)))
