"""Houses and trees of a scene, as strokes from far to near."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .noise import generator
from .shapes import box, convex, disc, grid
from .terrain import Ridge, River


@dataclass(frozen=True)
class Stroke:
    """One touch of paint.

    part        what it shows
    top, left   where it lies on the canvas
    coverage    ``[h, w]``, how much of each pixel it covers, 0..1
    light       ``[h, w]``, 0 in shade, 1 lit
    tone        0..1, between the two pairs of colours that a look has for the part
    """

    part: str
    top: int
    left: int
    coverage: np.ndarray
    light: np.ndarray
    tone: float


@dataclass(frozen=True)
class Patch:
    """The part of the canvas that an object may touch."""

    top: int
    left: int
    y: np.ndarray
    x: np.ndarray

    @classmethod
    def around(cls, canvas: tuple[int, int], base: float, centre: float, tall: float, wide: float) -> "Patch | None":
        top, bottom = max(0, int(base - tall - 3)), min(canvas[0], int(base + 4))
        left, right = max(0, int(centre - wide / 2 - 3)), min(canvas[1], int(centre + wide / 2 + 4))
        if bottom <= top or right <= left:
            return None
        return cls(top, left, *grid(top, left, bottom - top, right - left))

    def stroke(self, part: str, coverage: np.ndarray, light: np.ndarray | float = 0.6, tone: float = 0.5) -> Stroke:
        coverage = np.broadcast_to(coverage, (self.y.shape[0], self.x.shape[1])).astype(np.float32)
        light = np.broadcast_to(np.clip(light, 0, 1), coverage.shape).astype(np.float32)
        return Stroke(part, self.top, self.left, coverage, light, tone)


def _house(patch: Patch, base: float, centre: float, size: float, tone: float) -> Iterator[Stroke]:
    y, x = patch.y, patch.x
    half, wall, roof = 0.62 * size, 0.55 * size, 0.42 * size
    eaves = base - wall
    light = 0.75 - 0.5 * (x - centre) / size
    yield patch.stroke("wall", box(y, x, eaves - 1, centre - half, base, centre + half), light, tone)
    over = 0.10 * size
    corners = [
        (eaves, centre - half - over),
        (eaves - roof, centre - 0.62 * half),
        (eaves - roof, centre + 0.62 * half),
        (eaves, centre + half + over),
    ]
    yield patch.stroke("roof", convex(y, x, corners), 0.8 - 0.6 * (y - eaves + roof) / roof, tone)
    for side in (-0.5, 0.5):
        middle, reach = centre + side * half, max(0.13 * size, 1.4)
        pane = box(y, x, eaves + 0.14 * size, middle - reach, eaves + 0.14 * size + 2 * reach, middle + reach)
        yield patch.stroke("window", pane, 0.6)


def _conifer(patch: Patch, base: float, centre: float, size: float, tone: float) -> Iterator[Stroke]:
    y, x = patch.y, patch.x
    yield patch.stroke("trunk", box(y, x, base - 0.2 * size, centre - 0.05 * size, base, centre + 0.05 * size))
    crown = np.zeros((y.shape[0], x.shape[1]), np.float32)
    for foot, tip, half in ((0.14, 0.62, 0.30), (0.36, 0.82, 0.24), (0.58, 1.0, 0.17)):
        corners = [
            (base - foot * size, centre - half * size),
            (base - tip * size, centre),
            (base - foot * size, centre + half * size),
        ]
        crown = np.maximum(crown, convex(y, x, corners))
    yield patch.stroke("conifer", crown, 0.5 - 2.2 * (x - centre) / size + 0.25 * (base - y) / size, tone)


def _leafy(patch: Patch, base: float, centre: float, size: float, tone: float) -> Iterator[Stroke]:
    y, x = patch.y, patch.x
    yield patch.stroke("trunk", box(y, x, base - 0.45 * size, centre - 0.06 * size, base, centre + 0.06 * size))
    crown = disc(y, x, (base - 0.68 * size, centre), 0.32 * size)
    crown = np.maximum(crown, disc(y, x, (base - 0.52 * size, centre - 0.2 * size), 0.22 * size))
    crown = np.maximum(crown, disc(y, x, (base - 0.52 * size, centre + 0.2 * size), 0.22 * size))
    yield patch.stroke("leaves", crown, 0.45 - 1.1 * (x - centre) / size - 1.1 * (y - base + 0.62 * size) / size, tone)


KINDS = {"house": (_house, 1.6, 1.1), "conifer": (_conifer, 0.8, 1.1), "leafy": (_leafy, 1.0, 1.1)}


def _place(rng: np.random.Generator, height: int, width: int) -> list[tuple[str, float, float, float, float]]:
    """(kind, x in pixels, nearness 0..1, relative size, tone) of single houses and of groups of trees."""
    places = []
    for _ in range(max(1, round(rng.uniform(0.8, 1.6) * width / height))):
        places.append(("house", rng.uniform(0, width), rng.uniform(0.05, 0.55), rng.uniform(0.9, 1.15), rng.uniform()))
    for _ in range(max(1, round(2.2 * width / height))):
        kind, centre, near = rng.choice(["conifer", "leafy"]), rng.uniform(0, width), rng.uniform(0.02, 0.8)
        for _ in range(int(rng.integers(1, 4))):
            spot = centre + rng.normal(0, 0.16 * height), float(np.clip(near + rng.normal(0, 0.06), 0, 0.9))
            places.append((str(kind), *spot, rng.uniform(0.8, 1.2), rng.uniform()))
    return sorted(places, key=lambda place: place[2])


def strokes(seed: int, height: int, width: int, ground: Ridge, water: River) -> list[Stroke]:
    """All houses and trees that stand on dry ground."""
    result: list[Stroke] = []
    for kind, centre, near, scale, tone in _place(generator(seed, 20), height, width):
        column = int(np.clip(centre, 0, width - 1))
        line = float(ground.line[column])
        base = line + 2 + near * (0.93 * height - line)
        wet = water.coverage[int(np.clip(base, 0, height - 1)), max(0, column - 6) : column + 7].max() > 0.2
        draw, wide, tall = KINDS[kind]
        size = scale * height * (0.10 + 0.12 * near) * (1.0 if kind == "house" else 1.35)
        patch = None if wet else Patch.around((height, width), base, centre, tall * size, wide * size)
        if patch is not None:
            result += draw(patch, base, centre, size, tone)
    return result
