"""Faults from outside: files that may grow no more, a writer that is killed at any moment, two writers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from ...csd.tree import named_leaves
from ...media import state_file
from ..environment.env import ROOT
from .oracles import Verdict

_WRITER = """
import resource, signal, sys
from pathlib import Path
import torch
from collaborative_score_distillation.media.state_file import Saved, write
path, limit, times = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
curves = {name: torch.ones(2) for name in ("residual", "step_size", "time", "cost")}
for step in range(times):
    write(path, Saved(step, torch.full((2**18,), float(step)), {}, curves, {}))
"""


def _writer(path: Path, limit: int = 0, times: int = 10**6) -> subprocess.Popen:
    command = [sys.executable, "-c", _WRITER, str(path), str(limit), str(times)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT / ".import")})


def _whole(path: Path) -> bool:
    """Whether a state is one that was written, old or new."""
    saved = state_file.read(path)
    return all(bool((leaf == saved.step).all()) for _, leaf in named_leaves(saved.theta))


def killed(folder: Path, times: int, seed: int = 0) -> list[Verdict]:
    """A writer that is killed at any moment leaves a whole state."""
    rng, verdicts = Random(seed), []
    for number in range(times):
        path = folder / f"killed_{number}.safetensors"
        writer = _writer(path)
        while not path.exists() and writer.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.1))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        verdicts.append(_said("killed writer", path.exists() and _whole(path), "the state was not whole"))
    return verdicts


def two_writers(folder: Path, times: int = 40) -> Verdict:
    """Two processes that write one state both succeed, and whoever reads meanwhile finds a whole one."""
    path = folder / "both.safetensors"
    writers = [_writer(path, times=times) for _ in range(2)]
    good = True
    while any(writer.poll() is None for writer in writers):
        good = good and (not path.exists() or _whole(path))
        time.sleep(0.02)
    said = [writer.communicate()[1].decode()[-300:] for writer in writers]
    return _said("two writers", good and not any(w.returncode for w in writers) and _whole(path), str(said))


def full_disk(folder: Path) -> Verdict:
    """A disk that takes no more leaves the old state, no part of the new one, and an error of the disk."""
    path = folder / "full.safetensors"
    _writer(path, times=1).communicate()
    writer = _writer(path, limit=2**16, times=1)
    said = writer.communicate()[1].decode()
    parts = list(folder.glob("full.*.part"))
    return _said("full disk", "OSError" in said and _whole(path) and not parts, said[-300:])


def _said(kind: str, good: bool, words: str) -> Verdict:
    return Verdict("result" if good else "broken", "" if good else f"{kind}: {words}", target=kind)
