"""Painted landscapes: the same scene in five looks, keyed by a seed, at any size."""

import numpy as np

from .light import GAINS, lit, nearest
from .looks import PALETTES
from .render import render
from .scene import Scene, make_scene

LOOKS = tuple(PALETTES)
SOURCE = LOOKS[0]
EDITED = tuple(look for look in LOOKS if look != SOURCE)

__all__ = ["EDITED", "GAINS", "LOOKS", "SOURCE", "Scene", "lit", "make_scene", "nearest", "paint", "render"]


def paint(seed: int, look: str, height: int = 128, width: int = 512, light: float = 0.0) -> np.ndarray:
    """Paints scene `seed` in `look`: float32 ``[height, width, 3]``, 0..1. The geometry is the same in every look."""
    return lit(render(make_scene(seed, height, width), look), look, light)
