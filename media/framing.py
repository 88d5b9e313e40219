"""How a picture becomes a frame whose sides are multiples, and how an edited frame gets the picture's size back.

There are three sizes. `source` is that of the picture. `scaled` is the same scaled down, with its aspect ratio kept.
`frame` is the scaled one, padded or cropped to a multiple.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..csd.windows import Size, as_size

SIZES = {"longest side": max, "shortest side": min}


@dataclass(frozen=True)
class Framing:
    """How a picture lies in its frame. All sizes are (height, width) in pixels."""

    source: Size
    scaled: Size
    frame: Size

    @property
    def borders(self) -> tuple[int, int, int, int]:
        """Pixels that are added to the scaled picture at the left, right, top and bottom; negative: cut off.

        Pixels are added at the right and at the bottom only. They are cut off on both sides.
        """
        missing = [have - want for have, want in zip(self.frame, self.scaled)]
        top, left = (min(pixels, 0) // 2 for pixels in missing)
        return left, missing[1] - left, top, missing[0] - top

    def apply(self, picture: Tensor) -> Tensor:
        """A source picture [H, W, 3] in 0 ... 1 as a frame [h, w, 3]."""
        return edge_padded(resized(picture, self.scaled), self.borders)

    def lens(self, intrinsics: Tensor) -> Tensor:
        """Intrinsics [N, 3, 3] in pixels of the source, for frames."""
        left, _, top, _ = self.borders
        moved = intrinsics.new_zeros(3, 3)
        moved[0, 2], moved[1, 2] = left, top
        return scaled_lens(intrinsics, self.source, self.scaled) + moved

    def undo(self, frame: Tensor) -> Tensor:
        """A frame [h, w, 3], which may be enlarged, as a picture of the source's size [H, W, 3].

        Raises ValueError where the aspect ratio of the frame has changed.
        """
        height, width = frame.shape[:2]
        if height * self.frame[1] != width * self.frame[0]:
            raise ValueError(
                f"got frames of {width} x {height} pixels, expected {self.frame[1]} x {self.frame[0]} or a multiple "
                "of that; connect the frames of the same CSD Video Frame Batch."
            )
        scale = height / self.frame[0]
        left, right, top, bottom = (-round(pixels * scale) for pixels in self.borders)
        inner = edge_padded(frame, (left, right, top, bottom))
        return resized(inner, self.source)


def framed(source: Size, size: str, side: int, edge: str, multiple: int) -> Framing:
    """The frame for pictures of `source` (height, width) pixels.

    size   'longest side' or 'shortest side': that side gets at most `side` pixels; 'source': no scaling
    edge   'pad' or 'crop' to a multiple of `multiple`; sides shorter than `multiple` are always padded
    """
    scale = min(Fraction(side, SIZES[size](source)), Fraction(1)) if size in SIZES else Fraction(1)
    scaled = as_size(max(round(length * scale), 1) for length in source)
    rounding = math.floor if edge == "crop" else math.ceil
    frame = as_size(max(rounding(length / multiple), 1) * multiple for length in scaled)
    return Framing(source, scaled, frame)


def scaled_lens(intrinsics: Tensor, size: Size, scaled: Size) -> Tensor:
    """Intrinsics [N, 3, 3] for pictures scaled from `size` to `scaled`, both (height, width) in pixels."""
    return torch.diag(intrinsics.new_tensor([scaled[1] / size[1], scaled[0] / size[0], 1.0])) @ intrinsics


def even(size: Size) -> Size:
    """The next size with even sides, which encoders of 4:2:0 video need."""
    return as_size(length + length % 2 for length in size)


def resized(picture: Tensor, size: Size) -> Tensor:
    """[H, W, C] in 0 ... 1 at another size, bicubic with antialiasing; the same tensor if the size is the same."""
    if tuple(picture.shape[:2]) == tuple(size):
        return picture
    rows = rearrange(picture, "h w c -> 1 c h w")
    scaled = F.interpolate(rows, size, mode="bicubic", antialias=True, align_corners=False)
    return rearrange(scaled, "1 c h w -> h w c").clamp(0, 1)


def edge_padded(picture: Tensor, borders: tuple[int, int, int, int]) -> Tensor:
    """[H, W, C] with edges repeated at the left, right, top and bottom; negative borders are cut off."""
    if not any(borders):
        return picture
    channels_first = rearrange(picture, "h w c -> 1 c h w")
    return rearrange(F.pad(channels_first, borders, mode="replicate"), "1 c h w -> h w c")
