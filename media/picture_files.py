"""Picture, depth and mask files. ValueError, with the file's name, where one cannot be read."""

from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image, UnidentifiedImageError
from torch import Tensor

_COLOUR = ("RGB", "RGBA", "L", "LA", "P", "PA", "1", "CMYK", "YCbCr")
_DEPTH = ("I;16", "I;16B", "I;16L", "I", "F", "L")
_ARRAYS = (".npy", ".npz")


def read_picture(path: Path) -> Tensor:
    """[H, W, 3] in 0 ... 1, as stored: not turned, transparency left out."""
    image = _opened(path)
    if image.mode not in _COLOUR:
        raise ValueError(f"{path.name}: got a picture of kind {image.mode}, expected 8 bits a colour; convert it.")
    return torch.from_numpy(np.array(image.convert("RGB"), dtype=np.float32)) / 255


def write_picture(path: Path, picture: Tensor, like: Path | None = None) -> None:
    """Write [H, W, 3] in 0 ... 1 in the format of the name, with transparency and notes of the file `like`."""
    image = Image.fromarray((picture.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())
    source = _opened(like) if like else None
    if source is not None and source.has_transparency_data:
        image.putalpha(source.convert("RGBA").getchannel("A"))
    notes = {key: source.info[key] for key in ("exif", "icc_profile") if key in source.info} if source else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **notes, **_best(path))


def writable(path: Path) -> bool:
    """Whether pictures can be written in the format of the name."""
    return Image.registered_extensions().get(path.suffix.lower()) in Image.SAVE


def _best(path: Path) -> dict:
    kinds = {".jpg": {"quality": 95, "subsampling": 0}, ".webp": {"lossless": True}}
    return kinds.get(path.suffix.lower().replace(".jpeg", ".jpg"), {})


def read_mask(path: Path) -> Tensor:
    """[H, W], 1 where the picture counts: whatever is not black."""
    return torch.from_numpy(np.array(_opened(path).convert("L"))).gt(0).float()


def write_mask(path: Path, mask: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((mask > 0).mul(255).to(torch.uint8).cpu().numpy()).save(path)


def read_depth(path: Path) -> Tensor:
    """[H, W] in the file's own unit, 0 where unknown: a picture of one channel, .npy, or .npz."""
    numbers = _array(path) if path.suffix.lower() in _ARRAYS else _depth_picture(path)
    depth = torch.from_numpy(numbers.astype(np.float32))
    return torch.where(torch.isfinite(depth) & (depth > 0), depth, 0)


def write_depth(path: Path, depth: Tensor) -> None:
    """Write [H, W] as .npy, float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, depth.float().cpu().numpy(), allow_pickle=False)


def nearest(maps: Tensor, size: tuple[int, int], borders: tuple[int, int, int, int]) -> Tensor:
    """A depth map or mask [H, W] at another size, no values mixed, zeros around it (left, right, top, bottom)."""
    scaled = torch.nn.functional.interpolate(rearrange(maps, "h w -> 1 1 h w"), size, mode="nearest-exact")
    return torch.nn.functional.pad(scaled, borders)[0, 0]


def _opened(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path.name}: got a file that cannot be read as a picture ({error}); replace it.") from error


def _depth_picture(path: Path) -> np.ndarray:
    image = _opened(path)
    if image.mode not in _DEPTH:
        raise ValueError(
            f"{path.name}: got depth as a picture of kind {image.mode}, expected one channel of 16 bits, or .npy."
        )
    return np.array(image)


def _array(path: Path) -> np.ndarray:
    """The array of an .npy file, or the only one or the one called `depth` of an .npz. Nothing in it is run."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded as arrays:
                loaded = arrays["depth" if "depth" in arrays.files else arrays.files[0]]
    except Exception as error:  # a broken archive fails in many ways
        raise ValueError(f"{path.name}: got a file that cannot be read as an array ({error}); replace it.") from error
    numbers = loaded.squeeze()
    if numbers.ndim != 2 or numbers.dtype.kind not in "fiu":
        raise ValueError(f"{path.name}: got {numbers.dtype} of shape {loaded.shape}, expected numbers [height, width].")
    return numbers
