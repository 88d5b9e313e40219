"""The sky of a scene: height, clouds, the sun or moon, stars."""

from dataclasses import dataclass

import numpy as np

from .noise import generator, surface
from .shapes import disc, grid


@dataclass(frozen=True)
class Sky:
    """Arrays ``[H, W]``, all 0..1.

    height        0 at the horizon, 1 at the top
    clouds        density of clouds
    cloud_light   how lit the clouds are
    disc          the sun or the moon
    glow          light around it
    stars         brightness of stars
    """

    height: np.ndarray
    clouds: np.ndarray
    cloud_light: np.ndarray
    disc: np.ndarray
    glow: np.ndarray
    stars: np.ndarray


def _clouds(seed: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    rng = generator(seed, 11)
    puffs = surface(rng, (height, width), (0.13 * height, 0.30 * height), octaves=3, gain=0.5)
    y, _ = grid(0, 0, height, width)
    level = np.exp(-(((y / height - rng.uniform(0.12, 0.26)) / 0.17) ** 2))
    density = np.clip((puffs * 0.6 + level - 0.8) * 1.8, 0, 1)
    density = density * density * (3 - 2 * density)
    lift = max(1, round(0.06 * height))
    below = np.vstack([density[lift:], np.repeat(density[-1:], lift, axis=0)])
    return density, np.clip(0.7 + 0.5 * (below - density), 0, 1)


def _stars(seed: int, height: int, width: int) -> np.ndarray:
    """Few and soft stars, about ten for a square of sky."""
    rng = generator(seed, 12)
    total = np.zeros((height, width), np.float32)
    spread = max(1.1, 0.010 * height)
    reach = int(np.ceil(3 * spread))
    for _ in range(max(3, round(8 * width / height))):
        cy, cx, peak = rng.uniform(0, 0.42) * height, rng.uniform(0, 1) * width, rng.uniform(0.45, 1)
        top, left = max(0, int(cy) - reach), max(0, int(cx) - reach)
        patch = total[top : int(cy) + reach, left : int(cx) + reach]
        y, x = grid(top, left, *patch.shape)
        np.maximum(patch, peak * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * spread**2)), out=patch)
    return total


def make_sky(seed: int, height: int, width: int) -> Sky:
    rng = generator(seed, 10)
    y, x = grid(0, 0, height, width)
    centre = (rng.uniform(0.13, 0.27) * height, rng.uniform(0.08, 0.92) * width)
    radius = rng.uniform(0.05, 0.07) * height
    away = np.hypot(y - centre[0], x - centre[1]) / height
    clouds, cloud_light = _clouds(seed, height, width)
    return Sky(
        height=np.broadcast_to(np.clip(1 - y / (0.62 * height), 0, 1), (height, width)),
        clouds=clouds,
        cloud_light=cloud_light,
        disc=disc(y, x, centre, radius),
        glow=np.exp(-away / 0.22).astype(np.float32),
        stars=_stars(seed, height, width),
    )
