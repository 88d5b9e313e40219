"""Anti-aliased coverage (0..1) of simple shapes, sampled at pixel centres."""

import numpy as np

SOFTNESS = 1.4  # pixels over which an edge fades


def grid(top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel-centre coordinates ``y [height, 1]`` and ``x [1, width]`` of a patch."""
    y = np.arange(top, top + height, dtype=np.float32)[:, None] + 0.5
    x = np.arange(left, left + width, dtype=np.float32)[None] + 0.5
    return y, x


def soft(distance: np.ndarray) -> np.ndarray:
    """Coverage from a signed distance in pixels (positive inside)."""
    return np.clip(distance / SOFTNESS + 0.5, 0, 1)


def disc(y: np.ndarray, x: np.ndarray, centre: tuple[float, float], radius: float) -> np.ndarray:
    return soft(radius - np.hypot(y - centre[0], x - centre[1]))


def convex(y: np.ndarray, x: np.ndarray, points: list[tuple[float, float]]) -> np.ndarray:
    """Coverage of a convex polygon with corners (y, x), clockwise as seen on the screen."""
    inside = np.full((), np.inf, np.float32)
    for (y0, x0), (y1, x1) in zip(points, points[1:] + points[:1]):
        length = max(float(np.hypot(y1 - y0, x1 - x0)), 1e-6)
        inside = np.minimum(inside, ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / length)
    return soft(inside)


def box(y: np.ndarray, x: np.ndarray, top: float, left: float, bottom: float, right: float) -> np.ndarray:
    return soft(np.minimum(np.minimum(y - top, bottom - y), np.minimum(x - left, right - x)))
