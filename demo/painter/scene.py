"""A scene: the geometry of a landscape, the same in every look."""

from dataclasses import dataclass

from .objects import Stroke, strokes
from .sky import Sky, make_sky
from .terrain import Ridge, River, meadow, mountains, plain, river, woods


@dataclass(frozen=True)
class Scene:
    """Layers from far to near; all arrays are ``[height, width]``."""

    height: int
    width: int
    sky: Sky
    mountains: Ridge
    woods: Ridge
    plain: Ridge
    river: River
    strokes: list[Stroke]
    meadow: Ridge


def make_scene(seed: int, height: int = 128, width: int = 512) -> Scene:
    """Draws the geometry of scene `seed` (an integer >= 0) at a size in pixels."""
    if seed < 0 or height < 8 or width < 8:
        raise ValueError(
            f"Got seed {seed} and size {height} x {width}; expected a seed >= 0 and sides of at least 8 pixels."
        )
    ground = plain(seed, height, width)
    water = river(seed, height, width, ground)
    return Scene(
        height,
        width,
        make_sky(seed, height, width),
        mountains(seed, height, width),
        woods(seed, height, width),
        ground,
        water,
        strokes(seed, height, width, ground, water),
        meadow(seed, height, width),
    )
