"""Nodes that write, on a disk that is full and on one that is read-only: real ones, small, in memory.

A process of its own boots the host, with the output folder on a disk that nobody else sees (a mount namespace of
Linux). Where the system does not permit that, nothing is tried.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ...media import state_file
from ..environment.env import ROOT
from ..environment.in_process import InProcessHost
from .oracles import Verdict
from .run import GOOD
from .world import LOOK, SET, Worlds

APART = ("unshare", "--map-root-user", "--mount")
_SIZE = 2**22  # bytes of the disk


def disks(folder: Path) -> list[Verdict]:
    """What comes of the nodes that write on such disks."""
    folder = folder / "disks"
    folder.mkdir()
    if not shutil.which(APART[0]) or subprocess.run([*APART, *_mount(folder)], capture_output=True).returncode:
        return [Verdict("not tried", "disks: the system permits no mount in a namespace", target="disk")]
    around = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT / ".import")}
    command = [*APART, sys.executable, "-m", __name__, str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, env=around)
    if ended.returncode:
        return [Verdict("broken", f"disks: {ended.stderr[-300:]}", target="disk")]
    return [Verdict(**verdict) for verdict in json.loads((folder / "verdicts.json").read_text())]


def _mount(place: Path) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "none", str(place)]


@dataclass
class Disk:
    """The output folder of a host, as a disk of its own."""

    output: Path
    host: InProcessHost
    worlds: Worlds

    @classmethod
    def mounted(cls, folder: Path) -> Disk:
        host = InProcessHost(folder / "host", "--cpu")
        output = folder / "host" / "output"
        subprocess.run(_mount(output), check=True)
        return cls(output, host, Worlds(host))

    def fill(self) -> None:
        with (self.output / "filler").open("wb", buffering=0) as file:
            for size in (2**16, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue

    def close(self) -> None:
        """Empty it of what filled it, and take no more."""
        (self.output / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(self.output)], check=True)

    def edit(self, name: str, model=None, **changes):
        """A run that keeps its state under this name."""
        world = self.worlds.of("windows")
        (state,) = self.host.run("CSDStateFile", name=name, every=1, resume=True)
        prompts = {"positive": world["CONDITIONING"], "negative": world["CONDITIONING"]}
        links = {"model": model or world["MODEL"], "latent": world["LATENT"], "layout": world["CSD_LAYOUT"], **prompts}
        return self.host.run("CSDEditSampler", **links, **{**GOOD, **changes}, state=state)[0]["samples"]

    def filled_meanwhile(self):
        """A run whose disk is full once its model is asked for the first time."""
        wrappers = importlib.import_module("comfy.patcher_extension").WrappersMP
        model = self.worlds.of("windows")["MODEL"].clone()

        def fill(executor, *args, **kwargs):
            self.fill()
            return executor(*args, **kwargs)

        model.add_wrapper_with_key(wrappers.APPLY_MODEL, "campaign", fill)
        return self.edit("meanwhile", model)

    def step(self, name: str) -> int:
        return state_file.read(self.output / "csd_states" / f"{name}.safetensors").step

    def save(self):
        images, views = self.host.run("CSDDemoViews", **LOOK, count=2, width=64, height=64)
        return self.host.run("CSDViewSetSave", images=images, views=views, name="new")

    def load(self):
        return self.host.run("CSDViewSetLoad", folder=SET, longest_side=64, multiple=8, depth_unit=0.001)[0]

    def clean(self) -> bool:
        """Whether nothing is left of what could not be written."""
        left = [path.name for path in self.output.rglob("*") if path.suffix == ".part" or path.name.startswith(".")]
        return not left and not (self.output / "new").exists()


def _refused(kind: str, run: Callable, disk: Disk) -> Verdict:
    """The node says what is wrong, and nothing is left."""
    try:
        run()
    except ValueError as error:
        spoken = str(error).startswith("CSD") and any(word in str(error) for word in ("expected", "make room"))
        good, words = spoken and disk.clean(), str(error)[:300]
    except Exception as error:  # judged by what it says
        good, words = False, f"{type(error).__name__}: {error}"[:300]
    else:
        good, words = False, "no error"
    return Verdict("refused" if good else "broken", f"{kind}: {words}", target="disk")


def _made(kind: str, run: Callable, good: Callable = lambda: True) -> Verdict:
    try:
        made = run()
    except Exception as error:  # judged by what it says
        return Verdict("broken", f"{kind}: {type(error).__name__}: {error}"[:300], target="disk")
    whole = bool(torch.isfinite(made).all()) and good()
    return Verdict("result" if whole else "broken", kind, target="disk")


def tried(disk: Disk) -> list[Verdict]:
    """A disk with room, then a full one, then one that is read-only."""
    steps = GOOD["steps"]
    room = _made("room", lambda: disk.edit("old"), lambda: disk.step("old") == steps)
    full = [
        _made("filled meanwhile", disk.filled_meanwhile, lambda: disk.step("meanwhile") == 0),
        _refused("full, a new state", lambda: disk.edit("new"), disk),
        _made("full, an old state", lambda: disk.edit("old"), lambda: disk.step("old") == steps),
        _refused("full, a view set", disk.save, disk),
    ]
    disk.close()
    closed = [
        _refused("read-only, a new state", lambda: disk.edit("new"), disk),
        _made("read-only, an old state", lambda: disk.edit("old"), lambda: disk.step("old") == steps),
        _refused("read-only, a view set", disk.save, disk),
        _made("read-only, a view set that is read", disk.load),
    ]
    return [room, *full, *closed]


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    found = tried(Disk.mounted(folder))
    (folder / "verdicts.json").write_text(json.dumps([vars(verdict) for verdict in found]))


if __name__ == "__main__":
    main()
