"""The host's input and output directories, and nothing outside them.

Folders and files are named as the host names files in saved workflows. The name is a path below the input directory. If
it ends in ` [output]`, it is a path below the output directory.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import folder_paths

from ..media.paths import inside
from ..media.picture_files import writable

_OUTPUT = " [output]"
_DEPTH, _MOST = 3, 20_000  # levels, and directory entries, that are searched for the list of folders


def input_directory() -> Path:
    return Path(folder_paths.get_input_directory())


def output_directory() -> Path:
    return Path(folder_paths.get_output_directory())


def folder(name: str, expected: str = "the name of a folder with a transforms.json") -> Path:
    """The folder of that name. ValueError if it does not exist, or lies outside these directories."""
    return _found(name, "folder", expected, os.path.isdir)


def file(name: str) -> Path:
    """The file of that name. ValueError where it lies elsewhere or is not there."""
    return _found(name, "file", "the name of a file", os.path.isfile)


def answer(look: Callable[[str], object], name: str | None) -> bool | str:
    """What `validate_inputs` says of a name: True, or the words with which `look` refuses it.

    A node looks on the disk with it. The host would look in its list, which lacks what was made since then. `name` is
    None where it comes through a link: its value is not known yet.
    """
    try:
        return True if name is None else bool(look(name))
    except (ValueError, OSError) as error:
        return str(error)


def _found(name: str, kind: str, expected: str, is_there: Callable[[Path], bool]) -> Path:
    if not isinstance(name, str):
        raise ValueError(f"{kind}: got a {type(name).__name__}, expected {expected}.")
    base, below = (output_directory(), name.removesuffix(_OUTPUT)) if name.endswith(_OUTPUT) else (None, name)
    path = inside(base or input_directory(), below)
    if not is_there(path):
        where = "output" if base else "input"
        raise ValueError(f"got {name!r}, expected a {kind} that is in ComfyUI's {where} directory; choose another.")
    return path


def name_of(path: Path) -> str:
    """The name by which `folder` and `file` find a folder or a file of the output directory."""
    return path.resolve().relative_to(output_directory().resolve()).as_posix() + _OUTPUT


def folders_with(file: str) -> list[str]:
    """Names of all folders that contain a file of this name, at most three levels down."""
    return _folders(lambda found: found == file)


def folders_of_pictures() -> list[str]:
    """Names of all folders with a picture in them, at most three levels down."""
    return _folders(lambda found: writable(Path(found)))


def _folders(wanted: Callable[[str], bool]) -> list[str]:
    """Names of all folders with a file whose name is wanted."""
    found = ((folder, mark) for folder, files, mark in _walked() if folder.parts and any(map(wanted, files)))
    return [folder.as_posix() + mark for folder, mark in found]


def files_ending(suffix: str) -> list[str]:
    """Names of all files with this ending, in any case of letters, at most three levels down."""
    found = ((folder / file, mark) for folder, files, mark in _walked() for file in sorted(files))
    return [path.as_posix() + mark for path, mark in found if path.suffix.lower() == suffix]


def _walked() -> Iterator[tuple[Path, list[str], str]]:
    """All folders in order: the path below the directory, the files, and the mark of the directory."""
    for base, mark in ((input_directory(), ""), (output_directory(), _OUTPUT)):
        yield from sorted((folder, files, mark) for folder, files in _below(base))


def _below(base: Path) -> Iterator[tuple[Path, list[str]]]:
    seen = 0
    for path, folders, files in os.walk(base):
        seen += 1 + len(folders) + len(files)
        if seen > _MOST:  # the whole server waits while the list is made; a name that is not listed can be typed
            return
        below = Path(path).relative_to(base)
        yield below, files
        folders[:] = [name for name in folders if not name.startswith(".") and len(below.parts) < _DEPTH]
