"""How much memory painting takes. The constants were measured, in bytes per texel of the painted scene.

Scenes of clips and views are wider than their pictures and twice as fine.
"""

from math import ceil

from .painter.clip import REACH, SPEEDS
from .painter.diorama import MARGIN
from .painter.layers import FINE

SCENE, CLIP, VIEWS = 220, 300, 330
A_PAIR, A_FRAME = 6, 32  # bytes per pixel: for the motion of a pair, and for a frame while motion is computed
KEPT = 64  # frames that are kept meanwhile


def scene(height: int, width: int) -> int:
    """Bytes for a painted scene."""
    return SCENE * height * width


def clip(frames: int, height: int, width: int, pairs: int) -> int:
    """Bytes for a painted clip and its true motion between pairs of frames."""
    world = width + ceil(2 * REACH * SPEEDS["meadow"] * height)
    pixels = height * width
    return CLIP * FINE**2 * height * world + pixels * (12 * frames + A_PAIR * pairs + A_FRAME * min(frames, KEPT) + 500)


def views(count: int, height: int, width: int) -> int:
    """Bytes for painted views, with their depth."""
    world = width + ceil(2 * MARGIN * height)
    return VIEWS * FINE**2 * height * world + height * width * (20 * count + 500)
