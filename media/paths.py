"""Which files a set may name, and how a folder appears whole or not at all.

Names come out of files that anybody may have written and out of saved workflows, so nothing is
opened before it is known to lie where it should: below one folder, with links followed.
"""

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path, PurePosixPath, PureWindowsPath

_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f]')


def plain(name: str) -> str:
    """A relative path with forward slashes, without `./`. ValueError where it is absolute or goes up."""
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise ValueError(f"got {name!r}, expected the path of a file.")
    windows = PureWindowsPath(name)
    if ".." in windows.parts or windows.drive or windows.root or PurePosixPath(name).is_absolute():
        raise ValueError(f"got {name!r}, expected a relative path that goes down only, without `..`.")
    return PurePosixPath(name).as_posix()


def inside(folder: Path, name: str) -> Path:
    """Where `name` lies below `folder`, whether or not it exists. ValueError where a link leads elsewhere."""
    base = folder.resolve()
    path = (base / plain(name)).resolve()
    if not path.is_relative_to(base):
        raise ValueError(f"got {name!r}, a link to somewhere else; put the file itself into {folder.name!r}.")
    return path


def existing(folder: Path, name: str) -> Path:
    """A file below `folder`. ValueError where there is none."""
    path = inside(folder, name)
    if not path.is_file():
        raise ValueError(f"got {name!r}, of which there is no file in {folder.name!r}; add it or correct the path.")
    return path


def folder_name(name: str) -> str:
    """A name for one new folder, on any system. ValueError where it is none."""
    if not name or name != name.strip(" .") or _UNSAFE.search(name) or {"/", "\\"} & set(name) or len(name) > 200:
        raise ValueError(
            f'got the folder name {name!r}, expected one name without slashes, none of <>:"|?*, no space or dot at '
            "its ends, and at most 200 characters."
        )
    return name


def publish(parent: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """A new folder parent/name, or name_2, name_3, ... where that exists, with what `fill` writes into it.

    It is filled under a hidden name and renamed at the end. Where `fill` fails or is interrupted, nothing is left.
    """
    parent.mkdir(parents=True, exist_ok=True)
    hidden = parent / f".{name}.{uuid.uuid4().hex}"
    hidden.mkdir()
    try:
        fill(hidden)
        return _renamed(hidden, name)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _renamed(folder: Path, name: str) -> Path:
    for number in count(1):
        target = folder.with_name(name if number == 1 else f"{name}_{number}")
        if os.path.lexists(target):
            continue
        try:
            return folder.rename(target)
        except OSError:
            if not os.path.lexists(target):  # somebody was faster only if it is there now
                raise


def versions(folder: Path, names: Iterable[str]) -> str:
    """Changes when one of the files below `folder` is exchanged, by size and time."""
    stats = ((name, os.stat(inside(folder, name))) for name in names)
    text = "\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
