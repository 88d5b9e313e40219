"""The page says what the results say, and nothing where there are none."""

import json

import pytest
from PIL import Image

from collaborative_score_distillation.dev.benchmarks import plots, report
from collaborative_score_distillation.dev.evaluation import published

MADE = {"command": "python -m it", "date": "2024-01-01", "versions": {"torch": "9.9"}}
MADE |= {"machine": {"processor": "a processor", "threads": 2, "cores": 4}}
COUPLING = {
    "shape": [4, 64, 64],
    "rows": [
        {
            "particles": 128,
            "ours": {"seconds": 0.034, "bytes": 44 * 2**20},
            "authors": {"seconds": 1.28, "bytes": 2112 * 2**20},
            "times faster": 37.6,
            "times smaller": 48.0,
        },
        {"particles": 1024, "ours": {"seconds": 2.0, "bytes": 400 * 2**20}},
    ],
}
STEP = {
    "windows": 12,
    "cells": 16,
    "note": published.NO_GPU,
    "summary": {
        "ours": {"evaluations": 60, "seconds": 40.0, "outside the model": 0.012},
        "authors": {"evaluations": 72, "seconds": 52.0, "outside the model": 0.001},
        "times faster": 1.3,
        "times fewer evaluations": 1.2,
    },
    "use of the machine": {"share": 0.61},
}
QUALITY = {
    "edits": 3,
    "means": {
        "VAE of the truth": {"psnr": 29.0, "drift": 0.003},
        "ours: 12 steps": {"psnr": 25.5, "drift": 0.01, "evaluations": 420},
        "ours: 4 steps": {"psnr": 24.5, "drift": 0.012, "evaluations": 140},
        "MultiDiffusion: 420 evaluations": {"psnr": 23.5, "drift": 0.02, "evaluations": 420},
    },
}
MEMORY = {
    "frames a step": 12,
    "runs": [
        {"frames": 24, "peak": 1280 * 2**20, "held": 20 * 2**20, "seconds a step": 1.5},
        {"frames": 240, "peak": 1472 * 2**20, "held": 84 * 2**20, "seconds a step": 1.6},
    ],
}
EVALUATIONS = {
    "counts": {"panorama": {"authors' code": 4800, "fast": 936}, "clip": {"authors' code": 14400, "fast": 1}}
}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """`made(name=results)`: the page of these results, and the folder of its pictures."""
    monkeypatch.setattr(report, "PICTURES", tmp_path)

    def make(**results):
        for name, figures in results.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(MADE | figures))
        return report.page(tmp_path), tmp_path

    return make


def test_the_page_holds_the_figures_and_what_made_them(made):
    page, _ = made(coupling=COUPLING, step=STEP, quality_cost_panorama=QUALITY)
    assert "| 128 | 34.0 ms | 44 MiB | 1280.0 ms | 2112 MiB | 37.6 | 48 |" in page
    assert "| 1024 | 2000.0 ms | 400 MiB | does not fit |" in page
    assert "**1.30 times faster**" in page and "61 %" in page and published.NO_GPU in page
    assert page.index("| ours | 4 steps | 140 |") < page.index("| ours | 12 steps | 420 | 25.50 dB | 0.0100 |")
    assert page.count("`python -m it`, 2024-01-01, a processor, 2 of 4 cores; torch 9.9.") == 3


def test_what_a_longer_clip_takes_beyond_its_own_is_a_share_of_the_first(made):
    page, _ = made(memory=MEMORY)
    assert "| 240 | 1.6 s | 1472 MiB | 192 MiB | 64 MiB | 10.0 % |" in page


def test_evaluations_stand_side_by_side(made):
    page, _ = made(evaluations=EVALUATIONS)
    assert "| authors' code | 4,800 | 14,400 |" in page and "| fast | 936 | 1 |" in page


def test_what_was_not_measured_is_left_out(made):
    page, _ = made(step=STEP)
    assert "## One exact step" in page and "## Coupling" not in page


def test_every_picture_of_the_page_is_there_and_small(made):
    page, folder = made(coupling=COUPLING, quality_cost_panorama=QUALITY)
    names = [line.split("/")[-1].rstrip(")") for line in page.splitlines() if line.startswith("![")]
    assert len(names) == 4
    for name in names:
        assert (folder / name).stat().st_size < 60_000
        assert Image.open(folder / name).size == tuple(int(side * plots.DPI) for side in plots.SIZE)


def test_results_name_the_machine_and_the_versions(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "command", lambda: "python -m it")
    results = json.loads(published.publish(tmp_path, "some", {"rows": [1]}).read_text())
    assert results["rows"] == [1] and results["machine"]["processor"] and results["versions"]["ComfyUI"]
