"""Dead leaves: pictures of shapes that cover each other, with sizes after a power law, as things in photographs have.

Statistics of their edges are those of photographs (Lee, Mumford and Huang, 2001). So a filter that is learnt on them
works on photographs, of which there are few with a free licence.
"""

import numpy as np
from PIL import Image, ImageFilter

from ...demo.painter.noise import surface

FINER = 2  # texels a pixel, along each side
LEAVES = (200, 500)
LARGEST = 0.7  # of the picture's side
CORNERS = (1.0, 2.0, 6.0)  # exponents of |x|^p + |y|^p < 1: a rhombus, an ellipse, nearly a rectangle


def _radii(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Densities fall as radius^-3, so every scale covers about as much."""
    smallest = rng.uniform(4, 14)  # texels
    return np.minimum(smallest / np.sqrt(1 - rng.random(count)), LARGEST * size)


def _palette(rng: np.random.Generator) -> np.ndarray:
    """Two to seven colours ``[k, 3]`` that go together: they vary more in brightness than in hue."""
    count, vivid = rng.integers(2, 8), rng.uniform(0.02, 0.3)
    grey = rng.uniform(0.05, 0.95, (count, 1))
    return np.clip(grey + rng.normal(0, vivid, (count, 3)) + rng.normal(0, 0.08, 3), 0, 1)


def _texture(rng: np.random.Generator, size: int) -> np.ndarray:
    """Smooth noise ``[size, size]``, often longer in one direction, as grass and bark are."""
    step = np.exp(rng.uniform(0, np.log(24)))
    stretch = np.exp(rng.normal(0, 0.7))
    return surface(rng, (size, size), (max(1.0, step * stretch), max(1.0, step / stretch)), octaves=2)


def _add(picture: np.ndarray, rng: np.random.Generator, radius: float, colour: np.ndarray, texture: np.ndarray) -> None:
    """Paint one leaf over the picture, in place."""
    size = len(picture)
    centre, turn = rng.uniform(-0.1 * size, 1.1 * size, 2), rng.uniform(0, np.pi)
    slim = rng.uniform(0.25, 1)
    first, last = (np.clip(centre + sign * (1.5 * radius + 1), 0, size).astype(int) for sign in (-1, 1))
    y, x = np.mgrid[first[0] : last[0], first[1] : last[1]] - centre[:, None, None]
    along, across = x * np.cos(turn) + y * np.sin(turn), (y * np.cos(turn) - x * np.sin(turn)) / slim
    corner = rng.choice(CORNERS)
    inside = np.abs(along / radius) ** corner + np.abs(across / radius) ** corner < 1
    shade = rng.normal(0, 0.12) * along / radius
    rough = rng.exponential(0.05) * texture[first[0] : last[0], first[1] : last[1]]
    picture[first[0] : last[0], first[1] : last[1]][inside] = (colour + (shade + rough)[..., None])[inside]


def dead_leaves(rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """A picture of its own kind, float32 ``[size, size, 3]``, 0..1."""
    fine = FINER * size
    palette, textures = _palette(rng), [_texture(rng, fine) for _ in range(3)]
    picture = np.broadcast_to(palette[0], (fine, fine, 3)).copy()
    for radius in _radii(rng, int(rng.integers(*LEAVES)), fine):
        colour = palette[rng.integers(len(palette))] + rng.normal(0, 0.05, 3)
        _add(picture, rng, radius, colour, textures[rng.integers(len(textures))])
    above, below = rng.uniform(0.75, 1.2, 2)
    light = np.linspace(above, below, fine)[:, None, None]
    image = Image.fromarray((np.clip(picture * light, 0, 1) * 255 + 0.5).astype(np.uint8))
    blurred = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6))).reduce(FINER)
    return np.asarray(blurred, np.float32) / 255
