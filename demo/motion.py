"""The true motion of painted clips: where a frame's pixels are in another frame, and whether they are visible there."""

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..csd.correspondence import Flow, Sight, cells, inside, pull
from ..csd.windows import as_size
from .painter.clip import Clip

_KEPT = 64  # frames whose shares of the planes are kept
SURE, DOUBTFUL = 0.95, 0.7
"""How much of a pixel must belong to one plane, and must be the same in both frames. From SURE on the pixel is fully
valid, up to DOUBTFUL not at all, and linear in between."""


def true_motion(clip: Clip, pairs: Tensor, follow: Callable[[Iterable], Iterable] = iter) -> Flow:
    """The motion of a clip for pairs of frames ``[P, 2]``, on the clip's own grid, kept in half precision.

    follow   wraps the pairs, for a progress bar and for cancelling
    """
    size = (clip.height, clip.width)
    own, shares = cells(size), lru_cache(_KEPT)(lambda frame: torch.from_numpy(clip.shares(frame)))
    place = torch.empty(len(pairs), *size, 2, dtype=torch.float16)
    valid = torch.empty(len(pairs), *size, dtype=torch.float16)
    for row, (i, j) in follow(list(enumerate(pairs.tolist()))):
        sight = _sight(clip, i, j, shares(i), shares(j))
        place[row], valid[row] = sight.place[0] - own, sight.valid[0]
    return Flow(clip.frames, pairs, place, valid, relative=True)


def _sight(clip: Clip, i: int, j: int, here: Tensor, there: Tensor) -> Sight:
    """The sight of the pair (i, j). Each pixel moves with the plane that takes most of it.

    here, there   shares of the planes in frames i and j, [planes, H, W]

    A pixel that is half covered in one frame only does not show the same thing in both. It is not valid.
    """
    front = here.argmax(0)
    place = torch.from_numpy(clip.carry(i, j, front.numpy()))[None]
    in_picture = inside(place, as_size(here.shape[1:])).float()
    moved = pull(there[None], Sight(place, in_picture))[0]
    agreement = here.minimum(moved).sum(0)
    # Clouds are thin, so their edges are valid: sky and clouds count as one plane.
    sky = [plane.layer.name in ("sky", "clouds") for plane in clip.planes]
    whole = torch.cat([here[np.logical_not(sky)], here[sky].sum(0, keepdim=True)]).amax(0)
    sure = ((agreement.minimum(whole) - DOUBTFUL) / (SURE - DOUBTFUL)).clamp(0, 1)
    return Sight(place, in_picture * sure)
