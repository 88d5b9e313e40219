"""The pairs of frames whose motion is measured, and a limit on their number."""

from torch import Tensor

from ..csd.correspondence import clip_pairs

MOST = 2**18


def pairs(count: int, neighbours: int, anchors: int) -> Tensor:
    """`clip_pairs` of `count` frames, [P, 2]. ValueError where there are more than `MOST` pairs."""
    near, far = min(neighbours, count - 1), min(anchors, count)
    number = count * min(2 * near + far, count - 1)
    if number > MOST:
        raise ValueError(
            f"got {count} frames with {neighbours} neighbours and {anchors} anchors, which make about {number:,} "
            f"pairs, expected at most {MOST:,}; lower `neighbours` or `anchors`, or take fewer frames."
        )
    return clip_pairs(count, near, anchors)
