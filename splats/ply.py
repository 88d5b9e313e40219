"""Splats in .ply files, as the authors of Gaussian splatting write them and other tools read them.

    header       ply, format binary_little_endian 1.0, element vertex N, one line for each property, end_header
    x, y, z      the centre; nx, ny, nz are written as zeros and not read
    f_dc_*       the first coefficient of red, green and blue
    f_rest_*     the other coefficients: all of red, all of green, all of blue
    opacity      its logit
    scale_*      the logarithm of the scales
    rot_*        the quaternion, w first

A file is known by its header: what it would unfold to, and whether all of it is there, before memory is taken.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from ..media.work import Afford, Follow, unlimited
from .harmonics import MOST_COEFFICIENTS
from .splats import Splats

SUFFIX = ".ply"
MOST = 2**26  # splats
_LONGEST_HEADER, _MOST_PROPERTIES = 2**16, 256  # bytes; numbers of a splat
_ROWS = 2**16  # that are read or written at once
_FORMAT = "binary_little_endian"
_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "<i2", "ushort": "<u2", "int": "<i4", "uint": "<u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4", "uint32": "<u4"},
    **{"float": "<f4", "double": "<f8", "float32": "<f4", "float64": "<f8"},
}


def _named(name: str, count: int) -> list[str]:
    return [f"{name}_{number}" for number in range(count)]


NEEDED = ["x", "y", "z", *_named("scale", 3), *_named("rot", 4), "opacity", *_named("f_dc", 3)]


@dataclass(frozen=True)
class Header:
    """What a file says of its splats.

    count    how many there are
    row      the numbers of one, by name
    begin    where they begin in the file, in bytes
    """

    count: int
    row: np.dtype
    begin: int

    @property
    def rest(self) -> list[str]:
        """Names of the coefficients after the first."""
        return _named("f_rest", sum(name.startswith("f_rest_") for name in self.row.names or ()))

    @property
    def columns(self) -> list[str]:
        """What is read, in its order."""
        return [*NEEDED, *self.rest]


def read(path: Path, follow: Follow = iter, afford: Afford = unlimited) -> Splats:
    """The splats of a file, on the CPU. Those whose numbers are not finite are left out.

    ValueError where it is none of splats, is cut off, or would take more memory than `afford` allows.
    """
    with path.open("rb") as file:
        header = _header(path, file)
        needs = 4 * header.count * len(header.columns) * 2
        afford(needs, f"{header.count:,} splats", "take a file with fewer splats")
        numbers = np.empty((header.count, len(header.columns)), np.float32)
        file.seek(header.begin)
        for start in follow(range(0, header.count, _ROWS)):
            part = numbers[start : start + _ROWS]
            _fill(part, header, _exactly(path, file, len(part) * header.row.itemsize))
    return _finite(path, _splats(torch.from_numpy(numbers)))


def _fill(part: np.ndarray, header: Header, data: bytes) -> None:
    rows = np.frombuffer(data, header.row)
    with np.errstate(over="ignore", invalid="ignore"):  # doubles too large for a float become infinite
        for column, name in enumerate(header.columns):
            part[:, column] = rows[name]


def _exactly(path: Path, file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ValueError(f"{path.name}: got a file that became shorter while it was read; write it anew.")
    return data


def _splats(numbers: Tensor) -> Splats:
    """Splats out of their numbers [N, 14 + 3 (K - 1)], in the order of `Header.columns`."""
    positions, scales, rotations, logits, first, rest = numbers.split([3, 3, 4, 1, 3, numbers.shape[1] - 14], 1)
    more = rest.unflatten(1, (3, -1)).mT if rest.shape[1] else rest.new_empty(len(rest), 0, 3)
    harmonics = torch.cat([first[:, None], more], 1)
    return Splats(*(part.contiguous() for part in (positions, scales, rotations, logits[:, 0], harmonics)))


def _finite(path: Path, splats: Splats) -> Splats:
    finite = splats.finite
    if finite.all():
        return splats
    logging.warning("%s: %d splats have NaN or infinite numbers; they are left out.", path.name, int((~finite).sum()))
    return splats[finite]


def _header(path: Path, file: IO[bytes]) -> Header:
    """The header of an open file, checked against the size of the file."""
    text = _header_text(path, file)
    lines = [line.split() for line in text.splitlines()[1:] if line.strip()]
    formats = [line[1] for line in lines if line[0] == "format" and len(line) == 3]
    if formats != [_FORMAT]:
        raise ValueError(f"{path.name}: got a .ply of the format {formats}, expected {_FORMAT}; write it as that.")
    header = _vertices(path, lines, file.tell())
    file.seek(0, 2)
    there, expected = file.tell() - header.begin, header.count * header.row.itemsize
    if there < expected:
        raise ValueError(
            f"{path.name}: got {there:,} bytes of numbers, expected {expected:,} for {header.count:,} splats; the file "
            "is cut off, copy it again."
        )
    return header


def _header_text(path: Path, file: IO[bytes]) -> str:
    """The header's lines; the file stands behind them."""
    start = file.read(_LONGEST_HEADER)
    first, end = start[:16].split(b"\n")[0].strip(), start.find(b"end_header")
    line = start.find(b"\n", end) + 1
    if first != b"ply" or end < 0 or not line or start[end:line].strip() != b"end_header":
        raise ValueError(f"{path.name}: got a file without the header of a .ply; expected one of Gaussian splats.")
    file.seek(line)
    return start[:end].decode("ascii", "replace")


def _vertices(path: Path, lines: list[list[str]], begin: int) -> Header:
    """The first element of the header, which has to be the splats."""
    elements = [place for place, line in enumerate(lines) if line[0] == "element"]
    first = lines[elements[0]] if elements else []
    if len(first) != 3 or first[1] != "vertex" or not first[2].isascii() or not first[2].isdigit():
        got = " ".join(first)[:60] or "no elements"
        raise ValueError(f"{path.name}: got {got!r}, expected `element vertex N` first.")
    count = int(first[2][:20])
    if not 1 <= count <= MOST:
        raise ValueError(f"{path.name}: got {count:,} splats, expected 1 to {MOST:,}.")
    end = elements[1] if len(elements) > 1 else len(lines)
    row = _row(path, [line for line in lines[elements[0] + 1 : end] if line[0] == "property"])
    return Header(count, row, begin)


def _row(path: Path, properties: list[list[str]]) -> np.dtype:
    """The type of a row. ValueError where it is not that of a splat."""
    odd = [line for line in properties if len(line) != 3 or line[1] not in _TYPES]
    if odd or len(properties) > _MOST_PROPERTIES:
        got = " ".join(odd[0])[:60] if odd else f"{len(properties)} properties"
        raise ValueError(f"{path.name}: got {got!r}, expected at most {_MOST_PROPERTIES} numbers for each splat.")
    names = [name for _, _, name in properties]
    missing = [name for name in NEEDED if name not in names]
    if missing or len(set(names)) != len(names):
        raise ValueError(
            f"{path.name}: got a .ply without {', '.join(missing[:4]) or 'names of its own for all numbers'}; expected "
            "Gaussian splats, uncompressed. A mesh, a cloud of points or a compressed file is none."
        )
    row = np.dtype([(name, _TYPES[kind]) for _, kind, name in properties])
    rest = [name for name in names if name.startswith("f_rest_")]
    if set(rest) != set(_named("f_rest", len(rest))) or len(rest) // 3 + 1 not in MOST_COEFFICIENTS or len(rest) % 3:
        raise ValueError(f"{path.name}: got {len(rest)} numbers f_rest_*, expected 0, 9, 24 or 45, counted from 0.")
    return row


def write(path: Path, splats: Splats, follow: Follow = iter) -> None:
    """Write splats to a new file. ValueError where there are none, or too many."""
    if not 1 <= len(splats) <= MOST:
        raise ValueError(f"got {len(splats):,} splats, expected 1 to {MOST:,} for a file.")
    names = [*("x", "y", "z", "nx", "ny", "nz"), *_named("f_dc", 3)]
    names += [*_named("f_rest", 3 * (splats.harmonics.shape[1] - 1)), "opacity", *_named("scale", 3), *_named("rot", 4)]
    lines = ["ply", f"format {_FORMAT} 1.0", f"element vertex {len(splats)}"]
    lines += [*(f"property float {name}" for name in names), "end_header", ""]
    with path.open("xb") as file:
        file.write("\n".join(lines).encode("ascii"))
        for start in follow(range(0, len(splats), _ROWS)):
            file.write(_rows(splats[slice(start, start + _ROWS)]).tobytes())


def _rows(splats: Splats) -> np.ndarray:
    """The numbers of splats in the order of a file."""
    first, rest = splats.harmonics[:, 0], splats.harmonics[:, 1:].mT.flatten(1)
    normals, logits = torch.zeros_like(splats.positions), splats.logits[:, None]
    parts = [splats.positions, normals, first, rest, logits, splats.log_scales, splats.rotations]
    return torch.cat(parts, 1).detach().float().cpu().numpy().astype("<f4")
