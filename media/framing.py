"""Where the frames of a clip come from, and what brings edited ones back to the size, the pace and the sound of it.

Three sizes are told apart: the source's, the same scaled down with its aspect ratio kept, and the frame's, which is
the scaled one padded or cropped to a multiple.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..csd.windows import Size, as_size

SIZES = {"longest side": max, "shortest side": min}


@dataclass(frozen=True)
class Framing:
    """How a picture of `source` pixels, scaled to `scaled`, lies in a frame of `frame` pixels; all (height, width)."""

    source: Size
    scaled: Size
    frame: Size

    @property
    def borders(self) -> tuple[int, int, int, int]:
        """Pixels added to the scaled picture at its left, right, top and bottom; below zero where they are cut off.

        What is added goes to the right and to the bottom, what is cut off to both sides.
        """
        missing = [have - want for have, want in zip(self.frame, self.scaled)]
        top, left = (min(pixels, 0) // 2 for pixels in missing)
        return left, missing[1] - left, top, missing[0] - top

    def apply(self, picture: Tensor) -> Tensor:
        """A source picture [H, W, 3] in 0 ... 1 as a frame [h, w, 3]."""
        return edge_padded(resized(picture, self.scaled), self.borders)

    def undo(self, frame: Tensor) -> Tensor:
        """A frame [h, w, 3], or the same enlarged, as a picture of the source's size [H, W, 3].

        Raises ValueError where the frame's aspect ratio is another one.
        """
        height, width = frame.shape[:2]
        if height * self.frame[1] != width * self.frame[0]:
            raise ValueError(
                f"got frames of {width} x {height} pixels, expected {self.frame[1]} x {self.frame[0]} or a multiple "
                "of that; connect the frames of the same VideoFrameBatch."
            )
        scale = height / self.frame[0]
        left, right, top, bottom = (-round(pixels * scale) for pixels in self.borders)
        inner = edge_padded(frame, (left, right, top, bottom))
        return resized(inner, self.source)


def framed(source: Size, size: str, side: int, edge: str, multiple: int) -> Framing:
    """The frame for pictures of `source` (height, width) pixels.

    size   'longest side' or 'shortest side': it measures at most `side`; 'source': as it is
    edge   'pad' up or 'crop' down to a multiple of `multiple`; sides shorter than that are padded
    """
    scale = min(Fraction(side, SIZES[size](source)), Fraction(1)) if size in SIZES else Fraction(1)
    scaled = as_size(max(round(length * scale), 1) for length in source)
    rounding = math.floor if edge == "crop" else math.ceil
    frame = as_size(max(rounding(length / multiple), 1) * multiple for length in scaled)
    return Framing(source, scaled, frame)


def even(size: Size) -> Size:
    """The next size with even sides, which encoders of 4:2:0 video need."""
    return as_size(length + length % 2 for length in size)


def resized(picture: Tensor, size: Size) -> Tensor:
    """[H, W, C] in 0 ... 1 at another size, bicubic with antialiasing; the same tensor where nothing is to do."""
    if tuple(picture.shape[:2]) == tuple(size):
        return picture
    rows = rearrange(picture, "h w c -> 1 c h w")
    scaled = F.interpolate(rows, size, mode="bicubic", antialias=True, align_corners=False)
    return rearrange(scaled, "1 c h w -> h w c").clamp(0, 1)


def edge_padded(picture: Tensor, borders: tuple[int, int, int, int]) -> Tensor:
    """[H, W, C] with its edges repeated (or cut off, below zero) at the left, right, top and bottom."""
    if not any(borders):
        return picture
    channels_first = rearrange(picture, "h w c -> 1 c h w")
    return rearrange(F.pad(channels_first, borders, mode="replicate"), "1 c h w -> h w c")
