"""Which files a set may name, and how a folder or a file is written whole or not at all.

Names come from saved workflows and from files of unknown origin. So every path is checked before it is opened: with
links followed, it has to lie below one folder.
"""

import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path, PurePosixPath, PureWindowsPath

_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # devices, not files, on Windows
_HIDDEN = re.compile(r"\..+\.[0-9a-f]{32}")
_LEFT_BEHIND = 3600.0  # seconds without a write after which a hidden folder counts as left by a killed process


def plain(name: str) -> str:
    """The relative path with forward slashes and without `./`. ValueError where it is absolute or goes up."""
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise ValueError(f"got {name!r}, expected the path of a file.")
    windows = PureWindowsPath(name)
    if ".." in windows.parts or windows.drive or windows.root or PurePosixPath(name).is_absolute():
        raise ValueError(f"got {name!r}, expected a relative path that goes down only, without `..`.")
    return PurePosixPath(name).as_posix()


def inside(folder: Path, name: str) -> Path:
    """The path of `name` below `folder`; it need not exist. ValueError where a link leads out of the folder."""
    try:
        base = folder.resolve()
        path = (base / plain(name)).resolve()
        os.path.lexists(path)  # a name that is too long shows here
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise ValueError(f"got {_short(name)}, which leads nowhere ({_why(error)}), expected a file's path.") from error
    if not path.is_relative_to(base):
        raise ValueError(f"got {name!r}, a link to somewhere else; put the file itself into {folder.name!r}.")
    return path


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or "links in a circle"


def _short(name: str) -> str:
    return repr(name if len(name) <= 100 else name[:100] + "...")


def existing(folder: Path, name: str) -> Path:
    """A file below `folder`. ValueError where there is none."""
    path = inside(folder, name)
    try:
        found = path.is_file()
    except OSError as error:
        raise ValueError(f"got {_short(name)}, which cannot be looked at ({error.strerror}).") from error
    if not found:
        raise ValueError(
            f"got {_short(name)}, of which there is no file in {folder.name!r}; add it or correct the path."
        )
    return path


def folder_name(name: str, what: str = "folder") -> str:
    """The name, if a folder (or a file, as `what` says) can have it on any system. ValueError otherwise."""
    bad = name != name.strip(" .") or _UNSAFE.search(name) or {"/", "\\"} & set(name) or _RESERVED.fullmatch(name)
    if not name or bad or len(name.encode()) > 200:
        raise ValueError(
            f'got the {what} name {_short(name)}, expected one name without slashes, none of <>:"|?*, no space or dot '
            "at its ends, at most 200 bytes long, and none that Windows keeps for devices (CON, NUL, ...)."
        )
    return name


def publish(parent: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """Makes a new folder parent/name and lets `fill` write into it. If it exists: name_2, name_3, ...

    The folder is filled under a hidden name and renamed at the end. If `fill` fails or is interrupted, nothing is left.
    What a killed process has left is removed an hour later, by the next call. ValueError where the disk refuses.
    """
    with _hidden(parent, name, f"folder {name!r}") as hidden:
        hidden.mkdir()
        fill(hidden)
        to_disk(hidden)
        return _renamed(hidden, name)


@contextmanager
def _hidden(parent: Path, name: str, what: str) -> Iterator[Path]:
    """A hidden place in `parent` to fill and rename. What is left of it in the end is removed.

    what   names what is saved in the ValueError where the disk refuses
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _tidy(parent)
        hidden = parent / f".{name}.{uuid.uuid4().hex}"
        try:
            yield hidden
        finally:
            if hidden.is_dir():
                shutil.rmtree(hidden, ignore_errors=True)
            else:
                hidden.unlink(missing_ok=True)
    except OSError as error:
        raise ValueError(
            f"got a disk that does not take the {what} ({error}), expected room and leave to write in "
            f"{parent.name!r}; nothing was saved."
        ) from error


def to_disk(path: Path) -> None:
    """Waits until the disk holds a file, or all files of a folder. A rename before that may survive without them."""
    for entry in [path] if path.is_file() else path.rglob("*"):
        if entry.is_file():
            with entry.open("rb+") as file:
                os.fsync(file.fileno())


def _tidy(parent: Path) -> None:
    """Removes hidden folders and files of processes that were killed while they filled them."""
    limit = time.time() - _LEFT_BEHIND
    for entry in os.scandir(parent):
        if not _HIDDEN.fullmatch(entry.name) or entry.is_symlink():
            continue
        if entry.is_dir() and _touched(entry.path) < limit:
            shutil.rmtree(entry.path, ignore_errors=True)
        elif entry.is_file() and entry.stat().st_mtime < limit:
            Path(entry.path).unlink(missing_ok=True)


def _touched(folder: str) -> float:
    """When something was last written into a folder or below it. A new file changes the time of its folder."""
    return max((os.stat(path).st_mtime for path, *_ in os.walk(folder)), default=time.time())


def _renamed(folder: Path, name: str) -> Path:
    targets = (folder.with_name(name if number == 1 else f"{name}_{number}") for number in count(1))
    while True:
        target = next(target for target in targets if not os.path.lexists(target))
        try:
            return folder.rename(target)
        except OSError:
            if not os.path.lexists(target):  # if it is there now, another process was faster
                raise


def publish_file(parent: Path, name: str, suffix: str, fill: Callable[[Path], None]) -> Path:
    """A new file parent/name.suffix, or name_2.suffix, ... where that exists, which `fill` writes.

    It is written under a hidden name, so that there is either the whole file or none. ValueError where the disk
    refuses.
    """
    with _hidden(parent, name, f"file {name + suffix!r}") as hidden:
        fill(hidden)
        to_disk(hidden)
        return _placed(hidden, name, suffix)


def _placed(file: Path, name: str, suffix: str) -> Path:
    numbers = count(2)
    target = file.with_name(f"{name}{suffix}")
    while True:
        try:
            target.open("xb").close()  # takes the name, so that nobody else does
        except FileExistsError:
            target = file.with_name(f"{name}_{next(numbers)}{suffix}")
        else:
            return file.replace(target)


def versions(folder: Path, names: Iterable[str]) -> str:
    """A hash of the sizes and times of files below `folder`, which changes when one of them does. Names are `plain`."""
    stats = ((name, _stat(folder / name)) for name in names)
    text = "\n".join(f"{name} {stat}" for name, stat in stats)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _stat(path: Path) -> str:
    try:
        stat = os.stat(path)
    except OSError as error:
        return type(error).__name__
    return f"{stat.st_size} {stat.st_mtime_ns}"
