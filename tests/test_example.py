"""The example runs, does what it says, and stays short enough to be read."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from collaborative_score_distillation.dev.examples import edit_frames, tiny


@pytest.fixture(scope="module")
def pipe():
    return tiny.pipeline()


def test_it_fits_on_a_page():
    assert len(Path(edit_frames.__file__).read_text().splitlines()) < 80


def test_the_prompt_decides(pipe):
    frames = tiny.frames(3)
    water, oil = (edit_frames.edit(pipe, frames, prompt, 2) for prompt in ("water", "oil"))
    assert water.shape == frames.shape and not torch.allclose(water, oil, atol=1e-3)
    assert torch.equal(water, edit_frames.edit(pipe, frames, "water", 2))


def test_how_many_go_through_the_model_at_once_changes_rounding_only(pipe):
    one, all_of_them = (edit_frames.edit(pipe, tiny.frames(3), "water", 2, at_once) for at_once in (1, 3))
    assert torch.allclose(one, all_of_them, atol=1e-3)  # decoded: rounding times ten


def test_from_a_folder_to_a_folder(tmp_path):
    for number, frame in enumerate(((tiny.frames(2) + 1) * 127.5).byte().permute(0, 2, 3, 1).numpy()):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    command = [sys.executable, "-m", edit_frames.__spec__.name, "--frames", str(tmp_path), "--steps", "1"]
    imports = {"PYTHONPATH": str(Path(edit_frames.__file__).parents[3]), "PYTHONSAFEPATH": "1"}
    subprocess.run([*command, "--output", str(tmp_path / "out")], check=True, env=imports, timeout=300)
    edited = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "out").iterdir())]
    assert [picture.shape for picture in edited] == [(64, 64, 3)] * 2
