"""Where windows lie on the image that they were cut from.

A layout counts in pixels and accompanies the particles. With it they can be put back at any scale: latents are the
same windows on a coarser grid. It has a version, and can be written as JSON.
"""

from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor

from ..csd.windows import Size, Windows, as_size, cover, positions

VERSION = 1
MOST = 2**16  # windows


@dataclass(frozen=True)
class Layout:
    """Windows on a padded image.

    size      (height, width) of the image before padding, pixels
    windows   windows on the padded image, pixels
    """

    size: Size
    windows: Windows

    def to_json(self) -> dict:
        w = self.windows
        return {
            "version": VERSION,
            "unit": "pixel",
            "size": list(self.size),
            "canvas": list(w.canvas),
            "window": list(w.window),
            "origins": [list(origin) for origin in w.origins],
            "wrap": list(w.wrap),
            "batch": w.batch,
        }

    @classmethod
    def from_json(cls, data: dict) -> "Layout":
        if data.get("version") != VERSION or data.get("unit") != "pixel":
            got = f"version {data.get('version')} in {data.get('unit')}s"
            raise ValueError(f"Layout: got {got}, expected version {VERSION} in pixels; split the image again.")
        origins = tuple(tuple(origin) for origin in data["origins"])
        windows = Windows(tuple(data["canvas"]), tuple(data["window"]), origins, tuple(data["wrap"]), data["batch"])
        return cls(tuple(data["size"]), windows)

    def windows_for(self, particles: Tensor) -> Windows:
        """The windows on the grid of the particles [N, ..., h, w]. ValueError where they do not fit."""
        if particles.shape[0] != self.windows.count:
            if particles.ndim == 5 and particles.shape[0] == 1:
                raise ValueError(
                    f"layout: got one clip of {particles.shape[2]} moments for a layout of {self.windows.count} "
                    "windows, expected a particle for each window. The VAE of a video model takes a batch for one "
                    "clip; put CSD VAE Batch between the VAE and VAE Encode."
                )
            raise ValueError(
                f"layout: got {particles.shape[0]} particles for a layout of {self.windows.count} windows; "
                "connect the layout of the CSD Particle Split that made them."
            )
        return self.windows.rescaled(as_size(particles.shape[-2:]))

    def size_on(self, windows: Windows) -> Size:
        """The size of the image before padding, in whole elements of the grid of `windows`."""
        return as_size(
            length * new // old for length, new, old in zip(self.size, windows.window, self.windows.window, strict=True)
        )


def pad(image: Tensor, size: Size) -> Tensor:
    """Repeats the last row and column of [..., H, W] until it has `size`."""
    below, right = size[0] - image.shape[-2], size[1] - image.shape[-1]
    if not (below or right):
        return image
    padded = F.pad(image.reshape(-1, 1, *image.shape[-2:]), (0, right, 0, below), mode="replicate")
    return padded.reshape(*image.shape[:-2], *size)


def plan(
    size: Size, window: Size, overlap: int, wrap: tuple[bool, bool], multiple: int, batch: int, soft: bool = False
) -> Layout:
    """A layout that covers an image of `size` pixels; `soft` as in `Windows`.

    Planar axes are padded to the size of a window and to a multiple of `multiple`. A wrapping axis cannot be padded:
    the padding would lie in the seam. Raises ValueError on sizes that cannot work.
    """
    _check(size, window, overlap, wrap, multiple)
    canvas = as_size(max(-(-length // multiple) * multiple, w) for length, w in zip(size, window))
    stride = as_size(w - overlap for w in window)
    down, across = (len(positions(*axis, multiple)) for axis in zip(canvas, window, stride, wrap))
    if batch * down * across > MOST:
        raise ValueError(
            f"CSD Particle Split: got {batch} images of {size[1]} x {size[0]} pixels, which make "
            f"{batch * down * across:,} windows of {window[1]} x {window[0]}, expected at most {MOST:,}; lower "
            "`overlap` or enlarge the window."
        )
    return Layout(size, replace(cover(canvas, window, stride, wrap, multiple, batch), soft=soft))


def _check(size: Size, window: Size, overlap: int, wrap: tuple[bool, bool], multiple: int) -> None:
    if any(w % multiple or w < multiple for w in window):
        raise ValueError(
            f"CSD Particle Split: got windows of {window[1]} x {window[0]} pixels, expected multiples of {multiple}; "
            "change the window or `multiple`."
        )
    if not 0 <= overlap < min(window) or overlap % multiple:
        raise ValueError(
            f"CSD Particle Split: got an overlap of {overlap}, expected a multiple of {multiple} from 0 to less than "
            f"the smaller side of the window ({min(window)})."
        )
    for axis, length, w, wraps in zip(("height", "width"), size, window, wrap):
        if wraps and (length % multiple or length < w):
            raise ValueError(
                f"CSD Particle Split: got a {axis} of {length} that wraps around, expected a multiple of {multiple} of "
                f"at least {w}; resize the image, since padding would lie in the seam."
            )
