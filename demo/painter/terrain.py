"""The ground of a scene: ridges behind one another and rivers across the plain."""

from dataclasses import dataclass

import numpy as np

from .noise import curve, generator, surface
from .shapes import grid, soft


@dataclass(frozen=True)
class Ridge:
    """One layer of land.

    line       ``[W]``, its upper edge, in pixels from the top
    coverage   ``[H, W]``, how much of each pixel it covers, 0..1
    light      ``[H, W]``, 0 in shade, 1 lit
    bands      ``[H, W]``, share of a second colour, 0..1: fields, woods, snow caps
    """

    line: np.ndarray
    coverage: np.ndarray
    light: np.ndarray
    bands: np.ndarray


def _light(rng: np.random.Generator, line: np.ndarray, depth: np.ndarray, strength: float) -> np.ndarray:
    """Light of a ridge, ``[H, W]``. Slopes that face left are lit. They run down and to the right from the crest."""
    height, width = depth.shape
    slope = np.gradient(line)
    slope = np.convolve(np.pad(slope, 4, mode="edge"), np.ones(9, np.float32) / 9, mode="valid")
    columns = np.arange(width)[None] - np.clip(0.45 * depth, 0, width).astype(np.int64)
    faces = slope[np.clip(columns, 0, width - 1)]
    texture = surface(rng, (height, width), (height / 9, height / 9), octaves=2, gain=0.6)
    return np.clip(0.55 - strength * faces + 0.11 * texture, 0, 1).astype(np.float32)


def mountains(seed: int, height: int, width: int) -> Ridge:
    """The far mountains, with snow on the highest peaks."""
    rng = generator(seed, 1)
    peaks = 0.8 - np.abs(curve(rng, width, 0.3 * height, octaves=3, gain=0.4))
    line = height * (0.44 - 0.055 * curve(rng, width, 0.7 * height, octaves=3) - 0.07 * peaks)
    line = np.clip(line, 0.2 * height, 0.56 * height)
    y, _ = grid(0, 0, height, width)
    depth = y - line[None]
    edge = 0.035 * height * (1 + 0.5 * curve(rng, width, 0.09 * height))
    caps = soft((np.clip(0.40 * height - line, 0, None) * 0.55 + edge - 0.02 * height - depth) / 3)
    return Ridge(line, soft(depth), _light(rng, line, depth, 0.55), caps * soft(0.46 * height - line))


def woods(seed: int, height: int, width: int) -> Ridge:
    """The wooded hills. Their edge is rounded by the crowns of trees."""
    rng = generator(seed, 2)
    line = height * (0.565 - 0.04 * curve(rng, width, 0.5 * height, octaves=2))
    line = line - height * 0.010 * np.abs(curve(rng, width, 0.05 * height))
    y, _ = grid(0, 0, height, width)
    depth = y - line[None]
    bands = surface(rng, (height, width), (0.07 * height, 0.16 * height), octaves=2)
    return Ridge(line, soft(depth), _light(rng, line, depth, 0.4), np.clip(0.45 + 0.35 * bands, 0, 1))


def plain(seed: int, height: int, width: int) -> Ridge:
    """The plain with its fields."""
    rng = generator(seed, 3)
    line = height * (0.665 - 0.022 * curve(rng, width, 0.7 * height, octaves=2))
    y, _ = grid(0, 0, height, width)
    depth = y - line[None]
    bands = surface(rng, (height, width), (0.085 * height, 0.6 * height), octaves=2, gain=0.6)
    return Ridge(line, soft(depth), _light(rng, line, depth, 0.5), np.clip(0.5 + 0.55 * bands, 0, 1))


def meadow(seed: int, height: int, width: int) -> Ridge:
    """The nearest ground, coarsely textured."""
    rng = generator(seed, 4)
    line = height * (0.90 - 0.045 * curve(rng, width, 0.6 * height, octaves=2))
    line = np.clip(line, 0.8 * height, height * 1.1)
    y, _ = grid(0, 0, height, width)
    depth = y - line[None]
    bands = surface(rng, (height, width), (0.06 * height, 0.10 * height), octaves=1)
    return Ridge(line, soft(depth), _light(rng, line, depth, 0.5), np.clip(0.5 + 0.4 * bands, 0, 1))


@dataclass(frozen=True)
class River:
    """Water: coverage and shimmer ``[H, W]``, both 0..1."""

    coverage: np.ndarray
    shimmer: np.ndarray


def river(seed: int, height: int, width: int, ground: Ridge) -> River:
    """About one river for every three heights of width; it widens as it comes nearer."""
    rng = generator(seed, 5)
    y, x = grid(0, 0, height, width)
    coverage = np.zeros((height, width), np.float32)
    for _ in range(max(1, round(width / (3.2 * height)))):
        source = rng.uniform(0.05, 0.95) * width
        start = float(ground.line[int(source) % width])
        near = np.clip((y - start) / max(height - start, 1), 0, 1)
        bend = np.sin(rng.uniform(2.5, 4.5) * near**0.7 + rng.uniform(0, 6.3))
        centre = source + height * (0.38 * bend * near + rng.uniform(-0.5, 0.5) * near)
        half = height * (0.016 + 0.10 * near**1.3)
        steepness = np.hypot(1, np.gradient(centre, axis=0))
        coverage = np.maximum(coverage, soft(np.minimum((half - np.abs(x - centre)) / steepness, y - start)))
    shimmer = surface(rng, (height, width), (0.035 * height, 0.3 * height), octaves=1)
    return River(coverage * ground.coverage, np.clip(0.5 + 0.4 * shimmer, 0, 1))
