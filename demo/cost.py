"""What painting takes in memory, measured: bytes for a texel of the scene that is painted, and for what comes out.

Scenes of clips and views are wider than their pictures and twice as fine.
"""

from math import ceil

from .painter.clip import REACH, SPEEDS
from .painter.diorama import MARGIN
from .painter.layers import FINE

SCENE, CLIP, VIEWS = 220, 300, 330
A_PAIR, A_FRAME, KEPT = 6, 32, 64  # bytes a pixel: the motion of a pair, what is kept of a frame while it is found


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
