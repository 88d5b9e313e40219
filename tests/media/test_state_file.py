"""State files that somebody else wrote, or writes at the same time."""

import json
import os
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import save_file

from collaborative_score_distillation.dev.environment.env import ROOT
from collaborative_score_distillation.media import state_file
from collaborative_score_distillation.media.state_file import FORMAT, Saved, checksum, read, write

RECORD = {"residual": torch.ones(2), "step_size": torch.ones(2), "time": torch.ones(2), "cost": torch.ones(2)}
SAVED = Saved(2, torch.arange(8.0), {"mean": torch.ones(8)}, RECORD, {"seed": "1"})


def crafted(path, tensors=None, **about):
    """A file with a right checksum, whatever it holds."""
    tensors = SAVED.tensors() if tensors is None else tensors
    about = {"format": FORMAT, "step": "2", "settings": json.dumps({"seed": "1"}), **about}
    save_file(tensors, path, {**about, "checksum": checksum(tensors)})
    return path


def without(*names):
    return {key: tensor for key, tensor in SAVED.tensors().items() if key not in names}


def test_a_good_file(tmp_path):
    found = read(crafted(tmp_path / "a.safetensors"))
    assert found.step == 2 and torch.equal(found.theta, SAVED.theta) and found.settings == SAVED.settings


CRAFTED = {
    "a negative step": {"step": "-1"},
    "half a step": {"step": "1.5"},
    "no number": {"step": "seven"},
    "settings of a list": {"settings": "[1]"},
    "settings of numbers": {"settings": '{"seed": 1}'},
    "settings that are no JSON": {"settings": "{"},
    "deep settings": {"settings": "[" * 100_000},
    "no theta": {"tensors": without("theta")},
    "no record": {"tensors": without(*(f"record.{name}" for name in RECORD))},
    "half a record": {"tensors": without("record.cost")},
    "whole numbers": {"tensors": {**SAVED.tensors(), "theta": torch.arange(8)}},
    "NaN": {"tensors": {**SAVED.tensors(), "theta": torch.full((8,), torch.nan)}},
    "infinite memory": {"tensors": {**SAVED.tensors(), "memory.mean": torch.full((8,), torch.inf)}},
    "a cost of three": {"tensors": {**SAVED.tensors(), "record.cost": torch.ones(3)}},
    "a curve of two axes": {"tensors": {**SAVED.tensors(), "record.time": torch.ones(2, 2)}},
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_files(tmp_path, name):
    path = crafted(tmp_path / "a.safetensors", **CRAFTED[name])
    with pytest.raises(ValueError, match="state file: got a.safetensors, which cannot be read as a state .*expected"):
        read(path)


@pytest.mark.parametrize("missing", ["step", "settings", "format", "checksum"])
def test_files_that_say_too_little(tmp_path, missing):
    about = {"format": FORMAT, "step": "2", "settings": "{}", "checksum": checksum(SAVED.tensors())}
    save_file(SAVED.tensors(), tmp_path / "a.safetensors", {k: v for k, v in about.items() if k != missing})
    with pytest.raises(ValueError, match="cannot be read as a state"):
        read(tmp_path / "a.safetensors")


def test_a_folder_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path / "elsewhere" / "run.safetensors", SAVED)
    (tmp_path / "csd_states").symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere" / "run.safetensors").read_bytes()
    with pytest.raises(OSError, match="csd_states is a link"):
        write(tmp_path / "csd_states" / "run.safetensors", Saved(3, SAVED.theta, {}, RECORD, {}))
    with pytest.raises(ValueError, match="csd_states is a link"):
        read(tmp_path / "csd_states" / "run.safetensors")
    assert (tmp_path / "elsewhere" / "run.safetensors").read_bytes() == before


WRITER = """
import sys, torch
from pathlib import Path
from collaborative_score_distillation.media.state_file import Saved, write
record = {name: torch.ones(2) for name in ("residual", "step_size", "time", "cost")}
for step in range(60):
    write(Path(sys.argv[1]), Saved(step, torch.full((5000,), float(sys.argv[2])), {}, record, {"seed": sys.argv[2]}))
"""


def test_two_processes_with_one_name(tmp_path):
    """Each write succeeds, and the file is whole at any moment, the one's or the other's."""
    path = tmp_path / "run.safetensors"
    write(path, SAVED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".import")}
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, n], env=environment, stderr=subprocess.PIPE) for n in ("1", "2")]
    while any(writer.poll() is None for writer in writers):
        found = read(path)
        assert len(found.theta.unique()) == 1 or found.step == SAVED.step
    assert [(writer.returncode, writer.stderr.read()) for writer in writers] == [(0, b""), (0, b"")]
    assert read(path).step == 59 and [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


def test_parts_of_killed_processes_are_taken_away(tmp_path):
    path, parts = tmp_path / "run.safetensors", [tmp_path / f"run.safetensors.{n}.part" for n in ("old", "new")]
    for part in parts:
        part.write_bytes(b"half")
    os.utime(parts[0], (time.time() - 4000,) * 2)
    write(path, SAVED)
    assert not parts[0].exists() and parts[1].exists() and path.exists()


def test_a_name_is_no_pattern(tmp_path):
    other = tmp_path / "abc.safetensors.x.part"
    other.write_bytes(b"")
    os.utime(other, (0, 0))
    state_file.write(tmp_path / "a[b]c.safetensors", SAVED)
    assert other.exists()
