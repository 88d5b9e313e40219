"""What is said of settings out of the range of the model, and how long a run will take."""

import importlib
import logging
import re
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="module")
def about(host):
    advice, presets = host.module("host.advice"), host.module("host.presets")
    row = next(row for row in presets.TABLE if row.label == "first demo model")

    def say(guidance=1.5, step_size=1.0, per_step=0, count=7):
        settings = SimpleNamespace(step_size=step_size, particles_per_step=per_step)
        return advice.about(row, guidance, settings, count)

    return say


def test_usual_settings_need_no_advice(about):
    assert about() == ""


@pytest.mark.parametrize(
    "setting, said",
    [
        ({"guidance": 100.0}, "guidance 100 is high for this model .first demo model.: .* above about 4; try 1.5"),
        ({"step_size": 50.0}, "step_size 50 is large for this model .first demo model.: .* above about 2; try 1.5"),
        ({"per_step": 50}, "particles_per_step 50 is more than there are; all 7 move"),
    ],
)
def test_settings_out_of_range(about, caplog, setting, said):
    with caplog.at_level(logging.WARNING):
        about(**setting)
    assert re.search(said, caplog.text)


def test_a_sampler_says_it_before_it_runs(model, edit, caplog):
    """Generic limits, for the tiny model is an InstructPix2Pix."""
    with caplog.at_level(logging.WARNING):
        edit(model, steps=1, guidance=100.0)
    assert "guidance 100 is high for this model (InstructPix2Pix)" in caplog.text


def test_the_time_that_is_left(host, monkeypatch):
    progress = host.module("host.progress")
    countdown = progress.Countdown(total=10, begun=2, start=100.0)
    monkeypatch.setattr(importlib.import_module("time"), "perf_counter", lambda: 110.0)
    assert countdown.after(4) == "Step 4 of 10, about 30 s left."
    assert countdown.after(10) == "Step 10 of 10."
