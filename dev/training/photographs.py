"""Freely licensed photographs, cut and varied for training.

Eight come inside the scikit-image package; by its own descriptions they are in the public domain or under CC0.
Further ones take part where they are unpacked into `runs/photographs`, those without colours into `old` there. The
model card names those that did, with their packages and licences.
"""

from functools import cache
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from .checkpoint import RUNS

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
FURTHER = RUNS / "photographs"
WITHOUT_COLOURS = FURTHER / "old"
MOST_SHRUNK = 0.35  # cuts begin at this share of a picture's shorter side


@cache
def photographs_at_hand() -> tuple[Path, ...]:
    """The files of `NAMES` in scikit-image, and those in `FURTHER` and `WITHOUT_COLOURS`."""
    packaged = Path(skimage.__file__).parent / "data"
    return (*(packaged / name for name in NAMES), *sorted(FURTHER.rglob("*.jpg")))


@cache
def photograph(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


def _jitter(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vary brightness, contrast, saturation and white balance a little."""
    grey = image.mean(axis=-1, keepdims=True)
    image = grey + (image - grey) * rng.uniform(0.6, 1.4)
    image = (image - 0.5) * rng.uniform(0.8, 1.2) + 0.5 + rng.uniform(-0.08, 0.08)
    return np.clip(image * rng.uniform(0.88, 1.12, 3), 0, 1).astype(np.float32)


def _in_other_colours(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All hues turned by one random angle around grey."""
    angle = rng.uniform(0, 2 * np.pi)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) / 3
    return image @ turn.T


def _tinted(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colours for an old photograph that has none: each level of grey gets a tint, drawn at five levels."""
    grey = image.mean(axis=-1)
    tints = np.linspace(0, 1, 5)[:, None] + rng.uniform(-0.22, 0.22, (5, 3))
    levels = [np.interp(grey, np.linspace(0, 1, 5), tints[:, channel]) for channel in range(3)]
    return np.clip(np.stack(levels, axis=-1), 0, 1)


def photo_crop(rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """A random cut of a random photograph -> float32 ``[size, size, 3]``, 0..1; textures come up a third as often."""
    paths = photographs_at_hand()
    weights = np.array([1 / 3 if path.name in TEXTURES else 1.0 for path in paths])
    path = paths[rng.choice(len(paths), p=weights / weights.sum())]
    picture = photograph(path)
    side = int(min(picture.size) * rng.uniform(MOST_SHRUNK, 1.0))
    left = int(rng.integers(0, picture.width - side + 1))
    top = int(rng.integers(0, picture.height - side + 1))
    box = (left, top, left + side, top + side)
    image = np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS, box=box), np.float32) / 255
    if rng.random() < 0.5:
        image = image[:, ::-1]
    if path.parent == WITHOUT_COLOURS:
        image = _tinted(image, rng) if rng.random() < 0.6 else image
    elif rng.random() < 0.4:
        image = _in_other_colours(image, rng)
    return _jitter(image, rng)
