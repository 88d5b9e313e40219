"""What an installed copy of the extension contains: the files that the registry packs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pathspec import PathSpec

from .env import ROOT

RULES = (".gitignore", ".comfyignore")
NEVER = (".git/", ".comfyignore")  # the registry leaves out the first; nobody needs the second


def left_out(root: Path) -> PathSpec:
    """What is not packed: both files of rules, which are written alike."""
    lines = [line for name in RULES for line in (root / name).read_text(encoding="utf-8").splitlines()]
    return PathSpec.from_lines("gitwildmatch", [*lines, *NEVER])


def packed(root: Path = ROOT) -> Iterator[Path]:
    """The files of an installed copy, relative to `root`."""
    rules = left_out(root)
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = sorted(name for name in folders if not rules.match_file(f"{(here / name).as_posix()}/"))
        for name in sorted(files):
            if not rules.match_file((here / name).as_posix()):
                yield here / name


def install(folder: Path, root: Path = ROOT) -> Path:
    """Copy the extension into `folder` as an installation would; returns `folder`."""
    for file in packed(root):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / file, folder / file)
    return folder
