"""The layers of a scene, each painted by itself and transparent where it shows nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial

import numpy as np

from .looks import PALETTES, Look
from .objects import Stroke
from .render import HAZE, backdrop, clouds, land, river, touch
from .scene import Scene

FINE = 2  # texels per pixel: layers are painted finer than they are shown, to be moved by fractions of a pixel


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer of a scene.

    coverage   ``[h, w]``, how much of each texel the layer covers, 0..1, the same in every look
    paint      look -> float32 ``[4, h, w]``: colours times opacity, and opacity. For clouds the opacity is less than
               the coverage.
    """

    name: str
    coverage: np.ndarray
    paint: Callable[[str], np.ndarray]


def opaque(look: Look) -> Look:
    """The look with an opacity of one in every colour. Painted on an empty canvas, it gives colours times opacity."""

    def with_alpha(value):
        if isinstance(value, dict):
            return {key: with_alpha(one) for key, one in value.items()}
        if isinstance(value, float):
            return value
        return (*value, 1.0) if isinstance(value[0], float) else tuple(with_alpha(one) for one in value)

    return Look(**{field.name: with_alpha(getattr(look, field.name)) for field in fields(look)})


def painted(size: tuple[int, int], *touches: Callable[[np.ndarray, Look], None]) -> Callable[[str], np.ndarray]:
    """A function look -> what the touches leave on an empty canvas, ``[4, h, w]``."""

    def paint(look: str) -> np.ndarray:
        canvas = np.zeros((*size, 4), np.float32)
        for touch_up in touches:
            touch_up(canvas, opaque(PALETTES[look]))
        return np.ascontiguousarray(np.clip(canvas, 0, 1).transpose(2, 0, 1))

    return paint


def scenery(scene: Scene, cut_out: bool = False) -> list[Layer]:
    """Layers from far to near.

    cut_out   whether houses and trees are layers of their own, rather than part of the plain
    """
    size = (scene.height, scene.width)
    everything = np.ones(size, np.float32)

    def sky(look: str) -> np.ndarray:
        return np.concatenate([backdrop(scene.sky, PALETTES[look]).transpose(2, 0, 1), everything[None]])

    def of(ridge: str) -> Callable:
        def touch_up(canvas: np.ndarray, look: Look) -> None:
            pairs = (look.mountains, look.caps) if ridge == "mountains" else getattr(look, ridge)
            land(canvas, getattr(scene, ridge), pairs, look.haze, HAZE.get(ridge, 0.0))

        return touch_up

    def water(canvas: np.ndarray, look: Look) -> None:
        river(canvas, scene, look)

    standing = [] if cut_out else scene.strokes
    plain = np.maximum(scene.plain.coverage, covered(size, standing))
    return [
        Layer("sky", everything, sky),
        Layer("clouds", scene.sky.clouds, painted(size, lambda canvas, look: clouds(canvas, scene.sky, look))),
        Layer("mountains", scene.mountains.coverage, painted(size, of("mountains"))),
        Layer("woods", scene.woods.coverage, painted(size, of("woods"))),
        Layer("plain", plain, painted(size, of("plain"), water, partial(draw, standing))),
        *(cut_outs(scene) if cut_out else ()),
        Layer("meadow", scene.meadow.coverage, painted(size, of("meadow"))),
    ]


def cut_outs(scene: Scene) -> Iterator[Layer]:
    """Houses and trees, each with the canvas around it."""
    size = (scene.height, scene.width)
    for strokes in standing_alone(scene.strokes):
        coverage = covered(size, strokes)
        if coverage.max() > 0.5:  # less if it stands outside the canvas
            yield Layer("object", coverage, painted(size, partial(draw, strokes)))


def standing_alone(strokes: list[Stroke]) -> list[list[Stroke]]:
    """Strokes grouped by house or tree. Those of one object share a patch of the canvas."""
    groups: dict[tuple, list[Stroke]] = {}
    for stroke in strokes:
        groups.setdefault((stroke.top, stroke.left, stroke.coverage.shape), []).append(stroke)
    return list(groups.values())


def draw(strokes: list[Stroke], canvas: np.ndarray, look: Look) -> None:
    for stroke in strokes:
        touch(canvas, stroke, look)


def covered(size: tuple[int, int], strokes: list[Stroke]) -> np.ndarray:
    """Coverage ``[h, w]`` of strokes, 0..1."""
    bare = np.ones(size, np.float32)
    for stroke in strokes:
        height, width = stroke.coverage.shape
        bare[stroke.top : stroke.top + height, stroke.left : stroke.left + width] *= 1 - stroke.coverage
    return 1 - bare
