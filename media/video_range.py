"""A stretch of a video as a batch of frames, and edited frames brought back to the video's size, rate and sound."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from torch import Tensor

from ..csd.windows import Size, as_size
from .footage import Footage
from .framing import Framing, edge_padded, even
from .work import Afford, Follow, unlimited

_WEIGH_EVERY = 64  # frames between two checks of memory, for a file with more frames than it says


@dataclass(frozen=True)
class VideoRange:
    """Where a batch of frames comes from.

    framing   how a picture of the source lies in its frame
    rate      frames per second of the source
    start     number of the first source frame in the batch
    stride    every how many source frames one was taken
    count     how many frames were taken
    audio     the sound of the stretch as ComfyUI passes it, or None
    """

    framing: Framing
    rate: Fraction
    start: int
    stride: int
    count: int
    audio: dict | None = None

    @property
    def pace(self) -> Fraction:
        """Frames per second with which the batch lasts as long as its stretch of the video."""
        return self.rate / self.stride

    def restored(self, frames: Tensor, follow: Follow = iter, afford: Afford = unlimited) -> Tensor:
        """Edited frames [count, h, w, 3] in the size of the source, rounded up to even sides: [count, H, W, 3]."""
        if len(frames) != self.count:
            raise ValueError(
                f"got {len(frames)} frames, expected the {self.count} of the range; connect the frames of the same "
                "CSD Video Frame Batch, none left out and none added."
            )
        height, width = even(self.framing.source)
        borders = (0, width - self.framing.source[1], 0, height - self.framing.source[0])
        size = self.count * height * width * frames.shape[-1] * frames.element_size()
        afford(size, f"{self.count} frames of {width} x {height} pixels", "take fewer frames")
        out = frames.new_empty(self.count, height, width, frames.shape[-1])
        for row, frame in follow(list(zip(out, frames))):
            row.copy_(edge_padded(self.framing.undo(frame), borders))
        return out

    def report(self) -> str:
        """What the restored video is, in words."""
        height, width = self.framing.source
        text = f"{self.count} frames of {width} x {height} pixels at {float(self.pace):.5g} frames a second"
        text += f", {float(self.count / self.pace):.3f} seconds, {'with' if self.audio else 'without'} sound"
        if even(self.framing.source) != self.framing.source:
            padded = even(self.framing.source)
            text += (
                f"; padded at the right and bottom edge to {padded[1]} x {padded[0]}, since encoders need even sides"
            )
        return text + "."


def taken(
    source: Footage,
    start: int,
    stride: int,
    count: int,
    shape: Callable[[Size], Framing],
    follow: Follow = iter,
    afford: Afford = unlimited,
) -> tuple[Tensor, Framing]:
    """Every `stride`-th frame from `start` on, as a batch, and its framing.

    count   how many frames; 0: all
    shape   size of the source's pictures -> framing

    Raises ValueError where there is no such frame, or not enough memory.
    """
    pictures, framing, last, weighed, said = [], None, None, 0, expected(source, start, stride, count)
    for picture in islice(source.frames(start, follow), 0, (count - 1) * stride + 1 if count else None, stride):
        framing = framing or shape(as_size(picture.shape[:2]))
        if len(pictures) >= weighed:
            _weigh(max(said, len(pictures) + 1), framing, afford)
            weighed = max(said, len(pictures) + _WEIGH_EVERY)
        if picture is not last:
            last, frame = picture, framing.apply(picture)
        pictures.append(frame)
    if framing is None:
        length = source.count(follow)
        raise ValueError(
            f"got start {start} in a video of {length} frames, expected 0 to {length - 1}; choose an earlier start."
        )
    return batched(pictures), framing


def expected(source: Footage, start: int, stride: int, count: int) -> int:
    """How many frames a stretch has, as far as the file says; 0 where it does not."""
    about = source.about()
    held = 0 if about is None else max(-(-(about - start) // stride), 0)
    return min(count, held) if count else held


def _weigh(count: int, framing: Framing, afford: Afford) -> None:
    height, width = framing.frame
    size = count * height * width * 12 + framing.source[0] * framing.source[1] * 24
    turn = "lower `count` or `side`, or raise `stride`"
    afford(size, f"{count} frames of {width} x {height} pixels", turn)


def batched(pictures: list[Tensor]) -> Tensor:
    """Pictures [h, w, 3] as a batch. Empties the list meanwhile, so that every picture is in memory only once."""
    out = pictures[0].new_empty(len(pictures), *pictures[0].shape)
    pictures.reverse()
    for row in out:
        row.copy_(pictures.pop())
    return out
