"""A folder of pictures that belong together, read as one batch of one size."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..csd.windows import Size, as_size
from .framing import edge_padded, resized
from .paths import existing
from .picture_files import upright_picture, upright_size, writable

FITS = ("crop", "pad")
_MOST = 100_000  # pictures in one batch
_NAMED = 20  # bad files in a message
_BYTES = 12  # of a pixel: three float32


def pictures_in(folder: Path) -> list[str]:
    """Names of the pictures in a folder, not below it. In the order of their names, with 2 before 10."""
    seen = (path for path in folder.iterdir() if writable(path) and not path.name.startswith("."))
    return sorted((path.name for path in seen if path.is_file()), key=_in_order)


def _in_order(name: str) -> tuple:
    return [_number(part) for part in re.split(r"(\d+)", name.lower())], name


def _number(part: str) -> tuple[int, str]:
    """Sorts as a number where it is one. Others come after numbers, as text."""
    return (int(part), "") if part.isdecimal() else (-1, part)


def chosen(folder: Path, start: int, count: int) -> list[str]:
    """`count` names from number `start` on (0: all that follow). ValueError where there are none."""
    found = pictures_in(folder)
    names = found[start : start + count if count else None]
    if not names:
        raise ValueError(
            f"folder: got {folder.name!r} with {len(found)} pictures, expected one at least from number {start} on; "
            "put pictures into it or lower `start`."
        )
    if len(names) > _MOST:
        raise ValueError(f"folder: got {len(names):,} pictures, expected at most {_MOST:,}; lower `count`.")
    return names


def read(
    folder: Path,
    names: Sequence[str],
    size: Size,
    fit: str,
    steps: Callable[[Sequence[str]], Iterable[str]],
    afford: Callable[[int, str, str], None],
) -> Tensor:
    """The pictures [N, H, W, 3] in 0 ... 1, upright, with white where they are transparent.

    size     (height, width) in pixels
    fit      'crop': each fills the size, and what is too much is cut off. 'pad': each is seen whole, and its edges are
             repeated to fill the rest
    steps    follows the progress over the names
    afford   refuses what takes more memory than there is: bytes, what, what to change

    Headers are read first, so that nothing is decoded where one is bad. Pictures are decoded one at a time.
    ValueError that names every file that cannot be used.
    """
    what = f"{len(names):,} pictures of {size[1]} x {size[0]} pixels"
    afford(_BYTES * len(names) * size[0] * size[1], what, "lower `count`, `width` or `height`")
    _refuse_bad(names, lambda name: upright_size(existing(folder, name)))
    batch = torch.empty(len(names), *size, 3)

    def fill(row: int, name: str) -> None:
        batch[row] = fitted(upright_picture(existing(folder, name)), size, fit)

    _refuse_bad(enumerate(steps(names)), lambda numbered: fill(*numbered))
    return batch


def fitted(picture: Tensor, size: Size, fit: str) -> Tensor:
    """A picture [h, w, 3] in 0 ... 1 at another size [H, W, 3], never stretched. See `read` for `fit`."""
    ratios = [want / have for want, have in zip(size, picture.shape[:2])]
    scale = max(ratios) if fit == "crop" else min(ratios)
    scaled = as_size(max(round(have * scale), 1) for have in picture.shape[:2])
    missing = [want - have for want, have in zip(size, scaled)]
    top, left = (pixels // 2 for pixels in missing)
    return edge_padded(resized(picture, scaled), (left, missing[1] - left, top, missing[0] - top))


def _refuse_bad(items: Iterable, use: Callable) -> None:
    """Uses each item. ValueError that tells of every one that could not be used."""
    bad = []
    for item in items:
        try:
            use(item)
        except ValueError as error:
            bad.append(str(error))
    if bad:
        more = f"\nand {len(bad) - _NAMED} more." if len(bad) > _NAMED else ""
        raise ValueError("folder: got files that cannot be used:\n" + "\n".join(bad[:_NAMED]) + more)
