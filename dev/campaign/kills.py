"""Writers that are killed before their first, second, third, ... touch of the disk: what lies there is whole.

Python tells an audit hook what a process is about to do to files. So a writer can be killed at every point between
two such touches: after the content was written and before it is synchronised, after that and before it is renamed, and
after that. A process of its own forks for every kill.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch

from ...csd.geometry import Cameras
from ...media import nerfstudio, paths, state_file
from ...media.view_set import Views
from ..environment.env import ROOT
from .oracles import Verdict

_TOUCHES = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.utime", "os.truncate", "os.link")
_LONG_AGO = 10**9  # seconds since 1970, so that what lies there counts as left behind


@dataclass(frozen=True)
class Writer:
    """Something that is written into a folder.

    write   does it
    whole   what is wrong with what lies there; an empty text where everything is whole
    """

    write: Callable[[Path], None]
    whole: Callable[[Path], str]


def kills(folder: Path) -> list[Verdict]:
    """Kill every writer at every touch, in processes of their own."""
    command = [sys.executable, "-m", __name__, str(folder)]
    around = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT / ".import")}
    ended = subprocess.run(command, capture_output=True, text=True, env=around)
    if ended.returncode:
        return [Verdict("broken", f"kills: {ended.stderr[-300:]}", target="killed at a touch")]
    return [Verdict(**verdict) for verdict in json.loads(ended.stdout)]


def _kills(name: str, writer: Writer, folder: Path) -> Iterator[Verdict]:
    folder.mkdir()
    writer.write(folder)
    for number in count():
        touch = _killed(writer, folder, number)
        if touch is None:
            break
        wrong = writer.whole(folder)
        outcome = "broken" if wrong else "result"
        yield Verdict(outcome, f"{name} killed before touch {number}, {touch}: {wrong}", target=f"killed {name}")
    yield _tidied(name, writer, folder)


def _killed(writer: Writer, folder: Path, number: int) -> str | None:
    """At which touch a fork that writes was killed; None where it had come to its end before."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            _die_at(number, theirs)
            writer.write(folder)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(theirs)
    with os.fdopen(ours) as said:
        touch = said.read()
    _, status = os.waitpid(child, 0)
    if status and not touch:
        raise RuntimeError(f"a writer failed by itself, with status {status}")
    return touch or None


def _die_at(number: int, pipe: int) -> None:
    """From now on, die before touch `number` of the disk, and say which that is."""
    touches = count()

    def hook(event: str, arguments: tuple) -> None:
        if event in _TOUCHES and next(touches) == number:
            os.write(pipe, f"{event} {arguments[0]}".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _tidied(name: str, writer: Writer, folder: Path) -> Verdict:
    """What the killed ones left is taken away by the next one, once it is old."""
    for path, folders, files in os.walk(folder):
        for entry in (*folders, *files):
            os.utime(Path(path, entry), (_LONG_AGO, _LONG_AGO))
    writer.write(folder)
    left = [path.name for path in folder.iterdir() if path.suffix == ".part" or path.name.startswith(".")]
    return Verdict("broken" if left else "result", f"{name}: left behind: {left}", target=f"killed {name}")


def _write_state(folder: Path) -> None:
    """The next step of a run, in the place of the last one."""
    path = folder / "run.safetensors"
    step = state_file.read(path).step + 1 if path.exists() else 0
    curves = {name: torch.ones(2) for name in ("residual", "step_size", "time", "cost")}
    state_file.write(path, state_file.Saved(step, torch.full((2**12,), float(step)), {}, curves, {}))


def _state_whole(folder: Path) -> str:
    saved = state_file.read(folder / "run.safetensors")
    whole = torch.equal(torch.as_tensor(saved.theta), torch.full((2**12,), float(saved.step)))
    return "" if whole else "numbers of two steps in one file"


def _write_views(folder: Path) -> None:
    cameras = Cameras(torch.eye(3).expand(2, 3, 3), torch.eye(4).expand(2, 4, 4), (8, 8))
    views = Views(cameras, torch.ones(2, 8, 8), torch.ones(2, 8, 8), ("a", "b"))
    paths.publish(folder, "set", lambda hidden: nerfstudio.write(hidden, views, torch.full((2, 8, 8, 3), 0.5)))


def _views_whole(folder: Path) -> str:
    shown = [path for path in folder.iterdir() if not path.name.startswith(".")]
    counts = {path.name: nerfstudio.read(path, 0, 8)[1].count for path in shown}
    return "" if counts and set(counts.values()) == {2} else f"views of each set: {counts}"


WRITERS = {"state": Writer(_write_state, _state_whole), "view set": Writer(_write_views, _views_whole)}


def main() -> None:
    torch.set_num_threads(1)  # a fork has no others
    found = [verdict for name, writer in WRITERS.items() for verdict in _kills(name, writer, Path(sys.argv[1], name))]
    print(json.dumps([vars(verdict) for verdict in found]))


if __name__ == "__main__":
    main()
