"""Cameras around an object, and the words that say from where it is seen.

The object stands at the origin: y is up, and it faces +z. The azimuth goes round it: 0 sees its front, 90 its left side
(to the right of a viewer in front of it), 180 its back. The elevation is the height above the horizon. Both in degrees.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..csd.geometry import Cameras
from ..csd.windows import Size

FIELD_OF_VIEW = 30.0
"""Degrees across the shorter side. An object of radius one then fills a picture from a distance of four."""
ABOVE = 50.0
"""Degrees of elevation from which on a view counts as one from above."""
SECTORS = {
    "none": (),
    "four": ("front", "side", "back", "side"),
    "eight": ("front", "front left", "left side", "back left", "back", "back right", "right side", "front right"),
}
"""Names of the sectors of azimuth. They are equally wide, and the first one is centred at 0 degrees."""


def orbit(azimuth: Sequence[float], elevation: Sequence[float], size: Size, distance: float = 4.0) -> Cameras:
    """Cameras that look at the origin. size: (H, W) in pixels; distance in world units."""
    turn, rise = (torch.tensor(angles, dtype=torch.float64).deg2rad() for angles in (azimuth, elevation))
    backward = torch.stack([turn.sin() * rise.cos(), rise.sin(), turn.cos() * rise.cos()], 1)
    right = torch.stack([turn.cos(), torch.zeros_like(turn), -turn.sin()], 1)
    poses = torch.eye(4, dtype=torch.float64).repeat(len(turn), 1, 1)
    poses[:, :3, :3] = torch.stack([right, torch.linalg.cross(right, backward), -backward], 2)
    poses[:, :3, 3] = distance * backward
    return Cameras(lens(size).repeat(len(turn), 1, 1), poses.float(), size)


def lens(size: Size, degrees: float = FIELD_OF_VIEW) -> Tensor:
    """Intrinsics [3, 3] of pictures of `size` (H, W) that span an angle across their shorter side."""
    height, width = size
    focal = 0.5 * min(size) / math.tan(math.radians(degrees / 2))
    return torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])


def view_words(azimuth: float, elevation: float, words: str) -> str:
    """What a prompt says of a view, one of the choices of `SECTORS`: "front view", "from above"; "" for "none".

    Of eight sectors, a view from above has one, too: "front left view, from above". Of four it has none, as in
    DreamFusion (arXiv 2209.14988).
    """
    names = SECTORS[words]
    if not names:
        return ""
    view = f"{names[round(azimuth / 360 * len(names)) % len(names)]} view"
    if elevation < ABOVE:
        return view
    return f"{view}, from above" if words == "eight" else "from above"


def all_view_words(words: str) -> list[str]:
    """Everything that `view_words` can say, each once."""
    names = SECTORS[words]
    views = [view_words(360 * place / len(names), rise, words) for place in range(len(names)) for rise in (0, ABOVE)]
    return list(dict.fromkeys(views)) or [""]


def seen_from(text: str, view: str) -> str:
    """A prompt with the words for a view: "a red car, front view"."""
    return f"{text}, {view}" if view else text
