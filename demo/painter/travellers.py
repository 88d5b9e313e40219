"""The object that moves through a clip: a balloon or a cart, painted like houses and trees."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from .layers import Layer, covered, draw, painted
from .objects import Patch, Stroke
from .shapes import box, convex, disc, soft


def _balloon(patch: Patch, base: float, centre: float, size: float) -> Iterator[Stroke]:
    """A balloon of height `size`: stripes of two colours, a basket on two ropes."""
    y, x = patch.y, patch.x
    radius, neck = 0.36 * size, base - 0.24 * size
    middle = base - 0.64 * size
    taper = [
        (middle + 0.42 * radius, centre - 0.90 * radius),
        (middle + 0.42 * radius, centre + 0.90 * radius),
        (neck, centre + 0.20 * radius),
        (neck, centre - 0.20 * radius),
    ]
    for side in (-0.13, 0.13):
        rope = box(y, x, neck - 1, centre + side * radius - 0.9, base - 0.1 * size, centre + side * radius + 0.9)
        yield patch.stroke("trunk", rope, 0.4)
    envelope = np.maximum(disc(y, x, (middle, centre), radius), convex(y, x, taper))
    half = np.sqrt(np.clip(1 - ((y - middle) / radius) ** 2, 0, 1)) + 1.1 * np.clip((y - middle) / radius - 0.35, 0, 1)
    across = np.clip((x - centre) / (radius * np.maximum(half, 0.25)), -1, 1)
    light = 0.62 - 0.5 * (x - centre) / radius - 0.32 * (y - middle) / radius
    yield patch.stroke("canvas", envelope, light, 1.0)
    gores = soft(np.cos(4.5 * np.arcsin(across)) * radius / 4.5)
    yield patch.stroke("canvas", envelope * gores, light, 0.0)
    basket = box(y, x, base - 0.12 * size, centre - 0.085 * size, base, centre + 0.085 * size)
    yield patch.stroke("trunk", basket, 0.75 - 3 * (x - centre) / size)


def _cart(patch: Patch, base: float, centre: float, size: float) -> Iterator[Stroke]:
    """A cart of height `size`: a wagon with a round cover on two wheels."""
    y, x = patch.y, patch.x
    half, wheel, floor = 0.72 * size, 0.22 * size, base - 0.22 * size
    sides = floor - 0.20 * size
    rise, reach = 0.58 * size, 0.90 * half
    across, up = (x - centre) / reach, np.clip((sides + 0.1 * size - y) / rise, 0, None)
    cover = soft((1 - (np.abs(across) ** 3.5 + up**3.5) ** (1 / 3.5)) * rise) * soft(sides + 1 - y)
    light = 0.78 - 0.35 * across + 0.35 * (up - 0.6)
    yield patch.stroke("canvas", cover, light, 1.0)
    for fold in (-0.5, 0.0, 0.5):
        yield patch.stroke("canvas", 0.5 * cover * soft(0.02 * size - np.abs(x - centre - fold * reach)), 0.0, 1.0)
    boards = [
        (sides, centre - half),
        (sides, centre + half),
        (floor, centre + 0.9 * half),
        (floor, centre - 0.9 * half),
    ]
    yield patch.stroke("canvas", convex(y, x, boards), 0.75 - 0.6 * (y - sides) / size - 0.3 * across, 0.0)
    yield patch.stroke("trunk", box(y, x, floor - 1.5, centre - 0.95 * half, floor + 1.5, centre + 0.95 * half), 0.3)
    for side in (-0.56, 0.56):
        hub = (base - wheel, centre + side * half)
        yield patch.stroke("trunk", disc(y, x, hub, wheel), 0.0)
        yield patch.stroke("wall", disc(y, x, hub, 0.68 * wheel), 0.5, 0.5)
        spokes = np.minimum(np.abs(y - hub[0]), np.abs(x - hub[1]))
        yield patch.stroke("trunk", disc(y, x, hub, 0.7 * wheel) * soft(0.09 * wheel + 0.3 - spokes), 0.2)


KINDS = {"balloon": (_balloon, 0.30, 0.8), "cart": (_cart, 0.19, 1.6)}


def traveller(kind: str, height: int) -> tuple[Layer, tuple[float, float]]:
    """The layer of a balloon or a cart for a scene `height` texels high, and (y, x) of the middle of its foot."""
    shape, tall, wide = KINDS[kind]
    size = tall * height
    canvas = (int(1.1 * size) + 8, int(wide * size) + 12)
    foot = (canvas[0] - 5.0, canvas[1] / 2)
    patch = Patch.around(canvas, *foot, size, wide * size)
    if patch is None:
        raise ValueError(f"traveller: got a scene {height} texels high, in which a {kind} has no room; make it higher.")
    strokes = list(shape(patch, *foot, size))
    return Layer(kind, covered(canvas, strokes), painted(canvas, partial(draw, strokes))), foot
