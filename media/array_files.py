"""Arrays of numbers in .npy and .npz files. The header is read first, so the size is known before memory is taken."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

SUFFIXES = (".npy", ".npz")
MOST_NUMBERS = 2**27  # as many as the largest picture has pixels


def array_size(path: Path) -> tuple[int, int]:
    """(height, width) of the array in a file, from its header alone. ValueError where it does not hold numbers."""
    with _opened(path) as file:
        return _plane(path, *_header(file))


def read_array(path: Path) -> np.ndarray:
    """The array [H, W] of an .npy file; of an .npz file the one called `depth`, or the first. Pickles are refused."""
    with _opened(path) as file:
        size = _plane(path, *_header(file))
    with _opened(path) as file:
        return npy.read_array(file, allow_pickle=False).reshape(size)


@contextmanager
def _opened(path: Path) -> Iterator:
    try:
        if path.suffix.lower() != ".npz":
            with path.open("rb") as file:
                yield file
            return
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            with archive.open("depth.npy" if "depth.npy" in names else names[0]) as file:
                yield file
    except (_Refused, MemoryError):
        raise
    except Exception as error:  # a broken archive fails in many ways
        raise ValueError(
            f"{path.name}: got a file that cannot be read as an array ({error}), expected numbers [height, width]; "
            "replace it."
        ) from error


def _header(file) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of the array that a file holds."""
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in readers:
        raise ValueError(f"it is written in version {version} of the format, which numbers do not need")
    shape, _, dtype = readers[version](file)
    return shape, dtype


def _plane(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> tuple[int, int]:
    """Height and width of an array of numbers. Axes of length one are left out."""
    size = tuple(length for length in shape if length != 1) if len(shape) > 2 else shape
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if len(size) != 2 or dtype.kind not in "fiu" or min(size) < 1:
        raise _Refused(f"{path.name}: got {dtype} of shape {shape}, expected numbers [height, width].")
    if prod(size) > MOST_NUMBERS:
        raise _Refused(
            f"{path.name}: got an array of {size[1]} x {size[0]}, expected at most {MOST_NUMBERS // 10**6} million "
            "numbers; make it smaller."
        )
    return size


class _Refused(ValueError):
    """The header says that the array cannot be used."""
