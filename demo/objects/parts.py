"""Parts of an object: a solid at its place, in a colour."""

from dataclasses import dataclass

import numpy as np

from .shapes import Solid

Colour = tuple[float, float, float]
Triple = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Part:
    """A solid, stretched, turned and moved.

    half      half its extent along its own x, y and z
    centre    where it stands
    colour    sRGB, 0..1
    second    colour of every second stripe around its y axis
    stripes   how many there are; 0: none
    axes      ``[3, 3]``, its own axes as columns
    """

    solid: Solid
    half: Triple
    centre: Triple
    colour: Colour
    second: Colour = (1.0, 1.0, 1.0)
    stripes: int = 0
    axes: np.ndarray | None = None

    def hits(self, o: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Where rays o + t d meet it, with d of length one, for those that come near.

        Numbers of the rays ``[n]``, t, normals of length one and colours, ``[n, 3]`` each.
        """
        centre, half = np.asarray(self.centre, np.float32), np.asarray(self.half, np.float32)
        turn = np.eye(3, dtype=np.float32) if self.axes is None else self.axes.astype(np.float32)
        near = np.flatnonzero(_passing(o - centre, d, float(np.linalg.norm(half))))
        start, along = ((o - centre) @ turn) / half, (d[near] @ turn) / half
        t, normals = self.solid.hits(start, along)
        normals = (normals / half) @ turn.T
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        points = start + np.where(np.isfinite(t), t, 0)[:, None] * along
        return near, t, normals, self._colours(points)

    def _colours(self, points: np.ndarray) -> np.ndarray:
        colours = np.tile(np.array(self.colour, np.float32), (len(points), 1))
        if self.stripes:
            turn = np.arctan2(points[:, 0], points[:, 2]) / (2 * np.pi) * self.stripes
            colours[(np.round(turn).astype(int) % 2) == 1] = self.second
        return colours


def leaning(degrees: float, axis: int = 0) -> np.ndarray:
    """Axes turned about x (0), y (1) or z (2)."""
    sine, cosine = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    turned = np.eye(3, dtype=np.float32)
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    turned[first, first] = turned[second, second] = cosine
    turned[first, second], turned[second, first] = -sine, sine
    return turned


def _passing(o: np.ndarray, d: np.ndarray, radius: float) -> np.ndarray:
    """Whether rays ``[P, 3]`` of length one come nearer to the origin than that."""
    return o @ o - (d @ o) ** 2 < radius**2
