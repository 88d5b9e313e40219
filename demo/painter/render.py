"""Painting a scene in a look, from far to near."""

import numpy as np

from .looks import PALETTES, Colour, Look, Pair, mix
from .objects import Stroke
from .scene import Scene
from .sky import Sky
from .terrain import Ridge

HAZE = {"mountains": 0.32, "woods": 0.14, "plain": 0.05}


def _cover(canvas: np.ndarray, paint: np.ndarray | Colour, coverage: np.ndarray) -> None:
    """Lays paint over the canvas, in place."""
    canvas += (np.asarray(paint, np.float32) - canvas) * coverage[..., None]


def backdrop(sky: Sky, look: Look) -> np.ndarray:
    """The sky without its clouds ``[H, W, 3]``."""
    canvas = mix(*look.sky, sky.height**0.8)
    _cover(canvas, (1.0, 1.0, 1.0), sky.stars * look.stars)
    _cover(canvas, look.glow, sky.glow * look.glow_strength)
    _cover(canvas, look.disc, sky.disc)
    return canvas


def clouds(canvas: np.ndarray, sky: Sky, look: Look) -> None:
    _cover(canvas, mix(*look.clouds, sky.cloud_light), sky.clouds * look.cloud_opacity)


def land(canvas: np.ndarray, ridge: Ridge, pairs: tuple[Pair, Pair], haze: Colour, amount: float) -> None:
    rows = slice(max(0, int(ridge.line.min()) - 2), None)  # above them the ridge covers nothing
    first, second = (mix(*pair, ridge.light[rows]) for pair in pairs)
    paint = mix(first, second, ridge.bands[rows])
    _cover(canvas[rows], paint + (np.asarray(haze, np.float32) - paint) * np.float32(amount), ridge.coverage[rows])


def river(canvas: np.ndarray, scene: Scene, look: Look) -> None:
    below = slice(max(0, int(scene.plain.line.min()) - 2), None)
    _cover(canvas[below], mix(*look.river, scene.river.shimmer[below]), scene.river.coverage[below])


def touch(canvas: np.ndarray, stroke: Stroke, look: Look) -> None:
    height, width = stroke.coverage.shape
    first, second = (np.asarray(pair, np.float32) for pair in look.parts[stroke.part])
    shade, lit = first + (second - first) * stroke.tone
    patch = canvas[stroke.top : stroke.top + height, stroke.left : stroke.left + width]
    _cover(patch, mix(shade, lit, stroke.light), stroke.coverage)


def render(scene: Scene, look: str) -> np.ndarray:
    """Paints `scene` in `look`: float32 ``[height, width, 3]``, 0..1."""
    if look not in PALETTES:
        raise ValueError(f"Got look {look!r}; expected one of {', '.join(PALETTES)}.")
    palette = PALETTES[look]
    canvas = backdrop(scene.sky, palette)
    clouds(canvas, scene.sky, palette)
    land(canvas, scene.mountains, (palette.mountains, palette.caps), palette.haze, HAZE["mountains"])
    land(canvas, scene.woods, palette.woods, palette.haze, HAZE["woods"])
    land(canvas, scene.plain, palette.plain, palette.haze, HAZE["plain"])
    river(canvas, scene, palette)
    for stroke in scene.strokes:
        touch(canvas, stroke, palette)
    land(canvas, scene.meadow, palette.meadow, palette.haze, 0.0)
    return np.clip(canvas, 0, 1)
