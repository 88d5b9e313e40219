"""Five kinds of objects out of simple parts: y is up, they face +z, and they fit into a ball of radius one.

Each looks different from in front, from behind and from its sides. Proportions vary with the seed.
"""

from collections.abc import Callable, Iterator

import numpy as np

from .parts import Colour, Part, leaning
from .shapes import Ball, Tube, box, prism

COLOURS: dict[str, Colour] = {
    "red": (0.82, 0.16, 0.14),
    "orange": (0.93, 0.52, 0.12),
    "yellow": (0.95, 0.82, 0.22),
    "green": (0.25, 0.60, 0.25),
    "blue": (0.18, 0.38, 0.78),
    "purple": (0.52, 0.28, 0.68),
    "pink": (0.93, 0.55, 0.68),
    "white": (0.93, 0.93, 0.91),
}
DARK, GLASS, WOOD = (0.13, 0.13, 0.15), (0.55, 0.75, 0.88), (0.48, 0.31, 0.18)
CREAM, SLATE, LAMP, STOP = (0.96, 0.93, 0.85), (0.33, 0.29, 0.33), (1.0, 0.95, 0.65), (0.75, 0.08, 0.08)

Vary = Callable[[float], float]


def _brighter(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(factor * part, 1.0) for part in colour)
    return red, green, blue


def _house(colour: Colour, vary: Vary) -> Iterator[Part]:
    wide, tall, deep, roof = vary(0.52), vary(0.36), vary(0.52), vary(0.30)
    floor, eaves = -0.64, -0.64 + 2 * tall
    yield Part(box(), (wide, tall, deep), (0, floor + tall, 0), colour)
    gable = leaning(90, 1)  # the ridge goes from front to back
    yield Part(prism(1, 0), (0.97 * deep, roof, 0.98 * wide), (0, eaves + roof, 0), colour, axes=gable)
    pitch = np.rad2deg(np.arctan2(2 * roof, wide))
    slope = np.hypot(2 * roof, wide) / 2 + 0.07
    for side in (-1, 1):
        centre = (side * (wide / 2 + 0.03), eaves + roof - 0.01, 0)
        yield Part(box(), (slope, 0.04, deep + 0.08), centre, SLATE, axes=leaning(-side * pitch, 2))
    yield Part(box(), (0.14, 0.25, 0.02), (0, floor + 0.25, deep), WOOD)
    yield Part(Ball(), (0.025, 0.025, 0.025), (0.09, floor + 0.25, deep + 0.02), LAMP)
    for side in (-1, 1):
        yield Part(box(), (0.10, 0.11, 0.02), (side * 0.34 * wide / 0.52, floor + 0.42, deep), GLASS)
        yield Part(box(), (0.02, 0.13, 0.26), (side * wide, floor + 0.40, 0), GLASS)
    yield Part(Tube(), (0.12, 0.02, 0.12), (0, eaves + 0.14, 0.98 * deep), LAMP, axes=leaning(90))
    yield Part(box(), (0.12, tall + roof + 0.05, 0.10), (0.0, floor + tall + roof + 0.05, -deep - 0.05), WOOD)


def _tree(colour: Colour, vary: Vary) -> Iterator[Part]:
    trunk, crown = vary(0.15), vary(0.52)
    yield Part(Tube(1.3, 0.8), (trunk, 0.45, trunk), (0, -0.50, 0), WOOD)
    yield Part(Ball(), (crown, 0.9 * crown, crown), (0, 0.28, 0), colour)
    for turn in (45, 165, 285):
        place = np.deg2rad(turn)
        centre = (0.34 * np.sin(place), 0.06, 0.34 * np.cos(place))
        yield Part(Ball(), (vary(0.32), vary(0.28), vary(0.32)), centre, _brighter(colour, 0.9))
    yield Part(Ball(), (0.26, 0.24, 0.26), (0.06, 0.68, 0), _brighter(colour, 1.08))
    front = crown + 0.06
    yield Part(box(), (0.15, 0.16, 0.12), (0, 0.14, front), CREAM)
    yield Part(prism(1, 0), (0.15, 0.09, 0.20), (0, 0.38, front), STOP, axes=leaning(90, 1))
    yield Part(Tube(), (0.06, 0.02, 0.06), (0, 0.15, front + 0.12), DARK, axes=leaning(90))
    for side in (-1, 1):  # a ladder leans on the back
        yield Part(box(), (0.025, 0.55, 0.025), (side * 0.13, -0.38, -0.46), CREAM, axes=leaning(12))
    for step in range(5):
        height = -0.80 + 0.2 * step
        yield Part(box(), (0.13, 0.025, 0.025), (0, height, -0.55 + 0.21 * (height + 0.8)), CREAM)


def _car(colour: Colour, vary: Vary) -> Iterator[Part]:
    wide, low, long = vary(0.40), vary(0.17), 0.84
    floor, cabin = -0.22, vary(0.17)
    shoulder = floor + 2 * low
    yield Part(box(), (wide, low, long), (0, floor + low, 0), colour)
    yield Part(prism(1, 0.62), (0.86 * wide, cabin, 0.52), (0, shoulder + cabin, -0.12), GLASS)
    yield Part(box(), (0.80 * wide, 0.03, 0.34), (0, shoulder + 2 * cabin, -0.12), colour)
    for side in (-1, 1):
        for end in (-1, 1):
            place = (side * wide, floor, end * 0.52)
            yield Part(Tube(), (0.20, 0.07, 0.20), place, DARK, axes=leaning(90, 2))
            yield Part(Tube(), (0.09, 0.08, 0.09), place, CREAM, axes=leaning(90, 2))
        yield Part(Ball(), (0.10, 0.10, 0.05), (side * 0.66 * wide, floor + 1.25 * low, long), LAMP)
        yield Part(box(), (0.07, 0.10, 0.02), (side * 0.78 * wide, floor + 1.25 * low, -long), STOP)
        yield Part(box(), (0.02, cabin, 0.05), (side * 0.84 * wide, shoulder + cabin, -0.12), colour)
    yield Part(box(), (0.62 * wide, 0.06, 0.02), (0, floor + 0.5 * low, long), DARK)
    yield Part(Tube(), (0.17, 0.06, 0.17), (0, floor + 1.1 * low, -long - 0.04), DARK, axes=leaning(90))
    yield Part(Tube(), (0.08, 0.07, 0.08), (0, floor + 1.1 * low, -long - 0.04), CREAM, axes=leaning(90))


def _balloon(colour: Colour, vary: Vary) -> Iterator[Part]:
    wide, tall = vary(0.58), vary(0.58)
    middle = 0.95 - tall
    bottom = middle - tall
    yield Part(Ball(), (wide, tall, wide), (0, middle, 0), colour, CREAM, stripes=8)
    neck = bottom + 0.10
    yield Part(Tube(0.35, 0.95), (0.44 * wide, 0.16, 0.44 * wide), (0, neck, 0), colour)
    for x in (-1, 1):
        for z in (-1, 1):
            yield Part(Tube(), (0.012, 0.22, 0.012), (x * 0.12, bottom - 0.18, z * 0.12), DARK)
    yield Part(box(), (0.16, 0.13, 0.16), (0, bottom - 0.42, 0), WOOD)
    yield Part(box(), (0.18, 0.03, 0.18), (0, bottom - 0.30, 0), CREAM)
    for side in (-1, 1):
        place = (side * 0.38 * wide, middle + 0.15 * tall, 0.88 * wide)
        yield Part(Ball(), (0.14, 0.17, 0.12), place, (1, 1, 1))
        yield Part(Ball(), (0.07, 0.09, 0.06), (place[0], place[1] - 0.01, place[2] + 0.10), DARK)
    yield Part(Ball(), (0.20, 0.08, 0.12), (0, middle - 0.38 * tall, 0.86 * wide), STOP)


def _mug(colour: Colour, vary: Vary) -> Iterator[Part]:
    wide, tall = vary(0.50), vary(0.56)
    yield Part(Tube(), (wide, tall, wide), (0.1, 0, 0), colour)
    yield Part(Tube(), (0.88 * wide, 0.02, 0.88 * wide), (0.1, tall, 0), WOOD)
    yield Part(Tube(), (1.04 * wide, 0.05, 1.04 * wide), (0.1, -tall, 0), CREAM)
    for turn in np.linspace(-80, 80, 9):  # the handle is at its right side
        place = np.deg2rad(turn)
        centre = (0.1 - wide - 0.26 * np.cos(place), 0.36 * np.sin(place), 0)
        yield Part(Ball(), (0.09, 0.09, 0.09), centre, colour)
    front = 0.97 * wide
    yield Part(Ball(), (0.24, 0.24, 0.06), (0.1, 0.02, front), LAMP)
    yield Part(Ball(), (0.11, 0.11, 0.05), (0.1, 0.02, front + 0.04), STOP)


KINDS: dict[str, Callable[[Colour, Vary], Iterator[Part]]] = {
    "house": _house,
    "tree": _tree,
    "car": _car,
    "balloon": _balloon,
    "mug": _mug,
}


def parts_of(kind: str, colour: str, seed: int, variation: float = 0.10) -> list[Part]:
    """The parts of object `seed`. Lengths and the colour vary by `variation` to either side of their usual value."""
    rng = np.random.default_rng([seed, 60])
    red, green, blue = (float(np.clip(part + rng.uniform(-0.4, 0.4) * variation, 0, 1)) for part in COLOURS[colour])
    return list(KINDS[kind]((red, green, blue), lambda usual: usual * (1 + variation * rng.uniform(-1, 1))))
