"""Scenes are held out, and their truth is what the figures say is best."""

import numpy as np
import pytest

from collaborative_score_distillation.demo.painter import EDITED
from collaborative_score_distillation.dev.evaluation.comparison import Result
from collaborative_score_distillation.dev.evaluation.kinds import (
    CEILING,
    CLIP,
    CSD,
    FLOOR,
    PANORAMA,
    VIEW_SET,
    prompted,
    window_edges,
)
from collaborative_score_distillation.dev.evaluation.truth import PaintedSet, measured, rounded

KINDS = [PANORAMA, CLIP, VIEW_SET]


@pytest.fixture(scope="module")
def truths(object_info):
    made = {kind: prompted(kind, object_info, 1_000_003, "night")[0] for kind in KINDS}
    return {kind: kind.truth(edit, "night") for kind, edit in made.items()}


def test_scenes_are_held_out():
    assert PANORAMA.scenes(2) == [(1_000_001 + i, look) for i in range(2) for look in EDITED]
    assert [seed for seed, _ in CLIP.scenes(6)] == list(range(1_000_001, 1_000_007))
    assert len({look for _, look in VIEW_SET.scenes(4)}) == 4


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.unit)
def test_the_truth_is_a_set_of_pictures_and_best(kind, truths):
    truth = truths[kind]
    assert truth.pictures.ndim == 4 and truth.pictures.min() >= 0 and truth.pictures.max() <= 1
    assert set(kind.columns) <= set(truth.figures(truth.pictures)) | {"above_floor"}
    assert truth.figures(truth.pictures)["psnr"] == 120.0
    assert truth.figures(truth.pictures * 0.5)["psnr"] < 25


def test_another_light_of_the_look_is_nearer_than_the_truth(truths):
    from collaborative_score_distillation.demo.painter import lit

    figures = truths[PANORAMA].figures(lit(truths[PANORAMA].pictures, "night", 0.5))
    assert figures["nearest"] > 100 > 40 > figures["psnr"]


@pytest.mark.parametrize("kind", [CLIP, VIEW_SET], ids=lambda kind: kind.unit)
def test_pictures_in_disorder_disagree(kind, truths):
    truth = truths[kind]
    assert truth.error(truth.pictures) < 0.005 < truth.error(truth.pictures[::-1].copy())
    assert truth.maps(truth.pictures).shape == (len(truth.pairs), *truth.pictures.shape[1:])


def test_edges_of_windows_are_inside(object_info):
    edit, _ = prompted(PANORAMA, object_info, 1_000_003, "night")
    assert window_edges(edit, (128, 512)) == [128, 256, 384]


def test_errors_are_given_above_the_floor():
    flat = np.full((2, 8, 8, 3), 0.5, np.float32)

    class Tones(PaintedSet):
        def error(self, pictures):
            return float(pictures.mean() - 0.5)

    results = {"an edit": Result(flat + 0.1, [], 6, 1.0), FLOOR: Result(flat + 0.01, [])}
    lines = measured(results, Tones(flat, None, None), FLOOR)
    assert lines["an edit"]["above_floor"] == pytest.approx(0.09, abs=1e-4)
    assert lines["an edit"]["psnr"] == pytest.approx(20, abs=1e-3)
    assert (lines["an edit"]["evaluations"], lines["an edit"]["seconds"]) == (6, 1)
    assert "evaluations" not in lines[FLOOR]


def test_a_photograph_has_a_cost_and_no_figures():
    lines = measured({CSD: Result(np.zeros((1, 4, 4, 3)), [], 6, 1.5)}, None, CEILING)
    assert lines == {CSD: {"evaluations": 6, "seconds": 1.5}}


def test_decimals():
    assert rounded({"psnr": 1.23456789, "error": 1.23456789}, {"psnr": 3}) == {"psnr": 1.235, "error": 1.23457}
