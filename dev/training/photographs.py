"""Freely licensed photographs that come inside the scikit-image package, cut and varied for training.

All of them are in the public domain or under CC0 according to scikit-image's own descriptions of its data.
"""

from functools import cache
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

NAMES = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "camera.png",
    "brick.png",
    "grass.png",
    "gravel.png",
)
TEXTURES = {"brick.png", "grass.png", "gravel.png"}


@cache
def photograph(name: str) -> Image.Image:
    """One of `NAMES` as an RGB picture, read from the installed package."""
    return Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB")


def _jitter(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vary brightness, contrast, saturation and white balance a little."""
    grey = image.mean(axis=-1, keepdims=True)
    image = grey + (image - grey) * rng.uniform(0.6, 1.4)
    image = (image - 0.5) * rng.uniform(0.8, 1.2) + 0.5 + rng.uniform(-0.08, 0.08)
    return np.clip(image * rng.uniform(0.88, 1.12, 3), 0, 1).astype(np.float32)


def photo_crop(rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """A random cut of a random photograph -> float32 ``[size, size, 3]``, 0..1; textures come up a third as often."""
    weights = np.array([1 / 3 if name in TEXTURES else 1.0 for name in NAMES])
    picture = photograph(str(rng.choice(NAMES, p=weights / weights.sum())))
    side = int(min(picture.size) * rng.uniform(0.35, 1.0))
    left = int(rng.integers(0, picture.width - side + 1))
    top = int(rng.integers(0, picture.height - side + 1))
    box = (left, top, left + side, top + side)
    image = np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS, box=box), np.float32) / 255
    if rng.random() < 0.5:
        image = image[:, ::-1]
    return _jitter(image, rng)
