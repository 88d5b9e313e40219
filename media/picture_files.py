"""Picture, depth and mask files. ValueError, with the file's name, where one cannot be read.

Headers are read first: a picture that is too large is refused before a pixel is decoded. PIL may only try the listed
formats. Otherwise the first bytes of a file would choose the decoder.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image, ImageOps
from torch import Tensor

from .array_files import SUFFIXES, array_size, read_array

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM", "TGA")
MOST_PIXELS = 2**27  # 134 megapixels
_COLOUR = ("RGB", "RGBA", "L", "LA", "P", "PA", "1", "CMYK", "YCbCr")
_ORIENTATION = 0x0112  # in EXIF data; from 5 on, height and width change places
_DEPTH = ("I;16", "I;16B", "I;16L", "I", "F", "L")


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture or an array file, from its header alone."""
    if path.suffix.lower() in SUFFIXES:
        return array_size(path)
    with _header(path) as image:
        return image.height, image.width


def is_transparent(path: Path) -> bool:
    """Whether a picture has transparency, from its header alone."""
    with _header(path) as image:
        return image.has_transparency_data


def read_picture(path: Path) -> Tensor:
    """[H, W, 3] in 0 ... 1, as stored: not rotated, without transparency."""
    with _header(path) as image:
        _refuse_kind(path, image.mode)
        return torch.from_numpy(np.array(image.convert("RGB"))).float().div_(255)


def upright_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture as it is meant to be seen, from its header alone."""
    with _header(path) as image:
        turned = image.getexif().get(_ORIENTATION, 1) >= 5
        return (image.width, image.height) if turned else (image.height, image.width)


def upright_picture(path: Path) -> Tensor:
    """[H, W, 3] in 0 ... 1, turned as its EXIF data say, with white where it is transparent."""
    with _header(path) as image:
        _refuse_kind(path, image.mode)
        seen = ImageOps.exif_transpose(image)
        if seen.has_transparency_data:
            cut_out = seen.convert("RGBA")
            seen = Image.alpha_composite(Image.new("RGBA", cut_out.size, "white"), cut_out)
        return torch.from_numpy(np.array(seen.convert("RGB"))).float().div_(255)


def write_picture(path: Path, picture: Tensor, like: Path | None = None) -> None:
    """Writes [H, W, 3] in 0 ... 1, in the format of the file name.

    like   a file whose transparency, EXIF data and colour profile the new one gets
    """
    image = Image.fromarray((picture.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())
    notes = _add_what_pixels_lack(image, like) if like else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **notes, **_best(path))


def _add_what_pixels_lack(image: Image.Image, like: Path) -> dict:
    """Gives a picture the transparency of a file. Returns the file's EXIF data and colour profile."""
    with _header(like) as source:
        if source.has_transparency_data:
            image.putalpha(source.convert("RGBA").getchannel("A"))
        return {key: source.info[key] for key in ("exif", "icc_profile") if key in source.info}


def writable(path: Path) -> bool:
    """Whether pictures can be written in the format of the file name."""
    return Image.registered_extensions().get(path.suffix.lower()) in FORMATS


def _best(path: Path) -> dict:
    kinds = {".jpg": {"quality": 95, "subsampling": 0}, ".webp": {"lossless": True}}
    return kinds.get(path.suffix.lower().replace(".jpeg", ".jpg"), {})


def read_mask(path: Path) -> Tensor:
    """[H, W], 1 where the picture counts: where the mask is not black."""
    with _header(path) as image:
        return torch.from_numpy(np.array(image.convert("L"))).gt(0).float()


def write_mask(path: Path, mask: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((mask > 0).mul(255).to(torch.uint8).cpu().numpy()).save(path)


def read_depth(path: Path) -> Tensor:
    """[H, W] in the file's own unit, 0 where unknown. The file is a picture of one channel, .npy or .npz."""
    numbers = read_array(path) if path.suffix.lower() in SUFFIXES else _depth_picture(path)
    depth = torch.from_numpy(numbers.astype(np.float32))
    return torch.where(torch.isfinite(depth) & (depth > 0), depth, 0)


def write_depth(path: Path, depth: Tensor) -> None:
    """Writes [H, W] as .npy, float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, depth.float().cpu().numpy(), allow_pickle=False)


def nearest(maps: Tensor, size: tuple[int, int], borders: tuple[int, int, int, int]) -> Tensor:
    """A depth map or mask [H, W] at another size, without mixing values.

    borders   zeros to add at the left, right, top and bottom; negative: cut off
    """
    scaled = torch.nn.functional.interpolate(rearrange(maps, "h w -> 1 1 h w"), size, mode="nearest-exact")
    return torch.nn.functional.pad(scaled, borders)[0, 0]


@contextmanager
def _header(path: Path) -> Iterator[Image.Image]:
    """A picture of which only the header has been read. Its pixels are decoded when they are used."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            _refuse_large(path, image.size)
            yield image
    except (_Refused, MemoryError):
        raise
    except Exception as error:  # a broken picture fails in many ways
        kinds = ", ".join(FORMATS)
        raise ValueError(
            f"{path.name}: got a file that cannot be read as a picture ({error}), expected one of {kinds}; replace it."
        ) from error


def _refuse_large(path: Path, size: tuple[int, int]) -> None:
    if size[0] * size[1] > MOST_PIXELS:
        raise _Refused(
            f"{path.name}: got a picture of {size[0]} x {size[1]} pixels, expected at most {MOST_PIXELS // 10**6} "
            "million; make it smaller."
        )


def _refuse_kind(path: Path, mode: str) -> None:
    if mode not in _COLOUR:
        raise _Refused(f"{path.name}: got a picture of kind {mode}, expected 8 bits a colour; convert it.")


class _Refused(ValueError):
    """The header says that the picture cannot be used."""


def _depth_picture(path: Path) -> np.ndarray:
    with _header(path) as image:
        if image.mode not in _DEPTH:
            raise _Refused(
                f"{path.name}: got depth as a picture of kind {image.mode}, expected one channel of 16 bits, or .npy."
            )
        return np.array(image)
