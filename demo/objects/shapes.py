"""Where rays meet simple solids. Each solid has its own axes and is about two units wide.

A ray is o + t d with o ``[3]`` and d ``[P, 3]``. A solid says where rays enter it: t ``[P]``, infinite where they do
not, and the normal there ``[P, 3]``, of any length.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

Hits = tuple[np.ndarray, np.ndarray]
_FLAT = 1e-9  # below it, a direction counts as parallel


class Solid(Protocol):
    def hits(self, o: np.ndarray, d: np.ndarray) -> Hits: ...


@dataclass(frozen=True)
class Ball:
    """x^2 + y^2 + z^2 <= 1."""

    def hits(self, o: np.ndarray, d: np.ndarray) -> Hits:
        a, b, c = (d * d).sum(1), d @ o, o @ o - 1
        inside = b * b - a * c
        t = np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, np.inf)
        return _ahead(t), o + _finite(t)[:, None] * d


@dataclass(frozen=True, eq=False)
class Hull:
    """What lies below all planes: normals ``[K, 3]`` @ x <= offsets ``[K]``."""

    normals: np.ndarray
    offsets: np.ndarray

    def hits(self, o: np.ndarray, d: np.ndarray) -> Hits:
        slope, room = d @ self.normals.T, self.offsets - self.normals @ o
        t = room / np.where(np.abs(slope) < _FLAT, _FLAT, slope)
        into = np.where(slope < 0, t, -np.inf)
        out = np.where(slope > 0, t, np.inf).min(1)
        beside = ((np.abs(slope) < _FLAT) & (room < 0)).any(1)
        first = into.max(1)
        return _ahead(np.where((first < out) & ~beside, first, np.inf)), self.normals[into.argmax(1)]


def box() -> Hull:
    """-1 <= x, y, z <= 1."""
    axes = np.eye(3, dtype=np.float32)
    return Hull(np.concatenate([axes, -axes]), np.ones(6, np.float32))


def prism(bottom: float, top: float) -> Hull:
    """A box whose width along z goes from `bottom` at y = -1 to `top` at y = 1; a roof where `top` is 0."""
    slant, middle = (bottom - top) / 2, (bottom + top) / 2
    normals = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, slant, 1], [0, slant, -1]]
    return Hull(np.array(normals, np.float32), np.array([1, 1, 1, 1, middle, middle], np.float32))


@dataclass(frozen=True)
class Tube:
    """A round solid along y from -1 to 1, whose radius goes from `bottom` to `top`."""

    bottom: float = 1.0
    top: float = 1.0

    def hits(self, o: np.ndarray, d: np.ndarray) -> Hits:
        (side, normal), (ends, caps) = self._side(o, d), self._ends(o, d)
        return np.minimum(side, ends), np.where((side <= ends)[:, None], normal, caps)

    def _side(self, o: np.ndarray, d: np.ndarray) -> Hits:
        middle, slope = (self.bottom + self.top) / 2, (self.top - self.bottom) / 2
        radius = middle + slope * o[1]
        a = d[:, 0] ** 2 + d[:, 2] ** 2 - (slope * d[:, 1]) ** 2
        b = o[0] * d[:, 0] + o[2] * d[:, 2] - slope * radius * d[:, 1]
        c = o[0] ** 2 + o[2] ** 2 - radius**2
        root, a = np.sqrt(np.maximum(b * b - a * c, 0)), np.where(np.abs(a) < _FLAT, _FLAT, a)
        nearest = np.full(len(d), np.inf, np.float32)
        for t in ((-b - root) / a, (-b + root) / a):
            height = o[1] + t * d[:, 1]
            on = (b * b >= a * c) & (np.abs(height) <= 1) & (middle + slope * height >= 0)
            nearest = np.minimum(nearest, _ahead(np.where(on, t, np.inf)))
        points = o + _finite(nearest)[:, None] * d
        wide = middle + slope * points[:, 1]
        return nearest, np.stack([points[:, 0], -slope * wide, points[:, 2]], 1)

    def _ends(self, o: np.ndarray, d: np.ndarray) -> Hits:
        end = np.where(d[:, 1] < 0, 1.0, -1.0)  # the end that faces the ray
        t = (end - o[1]) / np.where(np.abs(d[:, 1]) < _FLAT, _FLAT, d[:, 1])
        points = o + t[:, None] * d
        on = points[:, 0] ** 2 + points[:, 2] ** 2 <= np.where(end > 0, self.top, self.bottom) ** 2
        return _ahead(np.where(on, t, np.inf)), end[:, None] * np.array([0, 1, 0], np.float32)


def _ahead(t: np.ndarray) -> np.ndarray:
    return np.where(t > 0, t, np.inf)


def _finite(t: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(t), t, 0)
