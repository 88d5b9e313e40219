"""What a batch of frames was taken from, and edited ones brought back to the size, the pace and the sound of it."""

from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

from .framing import Framing, edge_padded, even


@dataclass(frozen=True)
class VideoRange:
    """What a batch of frames was taken from.

    framing   how a frame lies in a picture of the source
    rate      frames a second of the source, at a constant pace
    start, stride, count   source frames start, start + stride, ... of which there are `count`
    audio     the sound of that range as the host passes it, or None
    """

    framing: Framing
    rate: Fraction
    start: int
    stride: int
    count: int
    audio: dict | None = None

    @property
    def pace(self) -> Fraction:
        """Frames a second at which the batch lasts as long as the range that it was taken from."""
        return self.rate / self.stride

    def restored(self, frames: Tensor) -> Tensor:
        """Edited frames [count, h, w, 3] at the source's size, the next even one: [count, H, W, 3]."""
        if len(frames) != self.count:
            raise ValueError(
                f"got {len(frames)} frames, expected the {self.count} of the range; connect the frames of the same "
                "VideoFrameBatch, none left out and none added."
            )
        height, width = even(self.framing.source)
        borders = (0, width - self.framing.source[1], 0, height - self.framing.source[0])
        out = frames.new_empty(self.count, height, width, frames.shape[-1])
        for row, frame in zip(out, frames):
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


def batched(pictures: list[Tensor]) -> Tensor:
    """Pictures [h, w, 3] as a batch. Empties the list on the way, so that memory holds every picture only once."""
    out = pictures[0].new_empty(len(pictures), *pictures[0].shape)
    pictures.reverse()
    for row in out:
        row.copy_(pictures.pop())
    return out
