"""What the commands run, keep, print and draw."""

import json

import numpy as np
import pytest
from PIL import Image

from collaborative_score_distillation.dev.environment.client import quiet
from collaborative_score_distillation.dev.evaluation import contenders, results
from collaborative_score_distillation.dev.evaluation.comparison import Comparison, Result
from collaborative_score_distillation.dev.evaluation.contenders import Coupled, Matched
from collaborative_score_distillation.dev.evaluation.kinds import CLIP, FLOOR, PANORAMA, VIEW_SET, prompted
from collaborative_score_distillation.dev.evaluation.scenes import label, report, sheet_of, summary, write_sheet
from collaborative_score_distillation.dev.evaluation.sheet import chosen
from collaborative_score_distillation.dev.evaluation.truth import PaintedPanorama

LINE = {"psnr": 20.0, "error": 0.05, "above_floor": 0.04, "evaluations": 840, "seconds": 2.0}


@pytest.fixture(scope="module")
def quick(object_info):
    """A small set with few steps, as an edit."""
    edit, _ = prompted(VIEW_SET, object_info, 1_000_003, "night")
    sampler = {("CSDEditSampler", None): {"steps": 2}}
    return edit.with_inputs({(VIEW_SET.painter, None): {"count": 3, "width": 64, "height": 64}, **sampler})


def test_contenders_of_a_set_run_and_cost_what_the_shipped_one_costs(client, quick):
    found = Comparison(client, quick, quiet).run(VIEW_SET.contenders, VIEW_SET.shipped)
    assert list(found) == [contender.name for contender in VIEW_SET.contenders]
    shipped = found[VIEW_SET.shipped]
    assert shipped.pictures.shape == (3, 64, 64, 3) and len(shipped.files) == 3
    for contender in VIEW_SET.contenders:
        result = found[contender.name]
        assert result.pictures.shape == shipped.pictures.shape and result.seconds > 0
        assert abs(result.evaluations - shipped.evaluations) <= 3 * 3
        if isinstance(contender, Coupled) and contender.after:
            assert result.evaluations == found[contender.after].evaluations
            assert result.seconds > found[contender.after].seconds


def test_a_panorama_is_a_set_of_one(client, object_info):
    edit, workflow = prompted(PANORAMA, object_info, 1_000_003, "night")
    edit = edit.with_inputs({("CSDEditSampler", None): {"steps": 1}, ("CSDDemoScene", None): {"width": 256}})
    comparison = Comparison(client, edit, quiet, workflow)
    result = comparison.coupled(Coupled("any", contenders.whole_workflow))
    assert result.pictures.shape == (1, 128, 256, 3) and result.evaluations > 0
    matched = comparison.matched(Matched("other", contenders.multidiffusion), result.pictures.shape, 0)
    assert matched.pictures.shape == result.pictures.shape and matched.evaluations == 3
    assert not np.array_equal(matched.pictures, result.pictures)


def test_the_table_has_a_line_for_each_contender_the_worst_first():
    lines = {"ours": LINE | {"psnr": 25.0}, "paper": LINE, FLOOR: {"psnr": 29.0, "error": 0.01, "above_floor": 0.0}}
    rows = summary(CLIP, lines).splitlines()
    assert "flicker" in rows[0] and [row.split(" | ")[0] for row in rows[2:]] == ["| paper", "| ours", f"| {FLOOR}"]
    assert rows[2] == "| paper | 20.00 dB | 0.0500 | 0.0400 | 840 | 2.0 |" and rows[4].endswith("| - | - |")


def test_labels():
    assert label(CLIP, "paper", LINE) == (
        "paper   20.0 dB   flicker 0.0500, 0.0400 above the floor   840 evaluations, 420 a second"
    )
    assert label(PANORAMA, "any", {"evaluations": 3, "seconds": 1}) == "any   3 evaluations, 3 a second"


def test_means_by_look():
    done = {(1, "night"): {"ours": {"psnr": 20.0}}, (1, "winter"): {"ours": {"psnr": 22.0}}}
    found = report(PANORAMA, 1, done)
    assert found["panoramas"] == 1 and found["edits"] == 2 and found["means"]["ours"]["psnr"] == 21.0
    assert found["by look"]["winter"]["ours"]["psnr"] == 22.0


def test_every_panorama_has_a_sheet_and_the_first_of_other_kinds():
    assert sheet_of(PANORAMA, 1_000_002, "night").name == "1000002_night.png"
    assert sheet_of(CLIP, 1_000_001, "night").name == "strip.png" and sheet_of(CLIP, 1_000_002, "night") is None


def test_a_sheet_has_a_row_for_each(tmp_path):
    pictures = np.full((1, 64, 128, 3), 0.5, np.float32)
    truth = PaintedPanorama(pictures, [64], "night")
    results = {"ours": Result(pictures, [], 3, 1.0)}
    heights = []
    for given in (truth, None):
        write_sheet(PANORAMA, Result(pictures, []), results, {"ours": {}}, given, tmp_path / "sheet.png")
        heights.append(Image.open(tmp_path / "sheet.png").height)
    assert heights[0] * 2 == heights[1] * 3


def test_strips_show_first_and_last():
    pictures = np.linspace(0, 1, 20, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 2, 3), np.float32)
    strip = chosen(pictures)
    assert strip.shape == (2, 12, 3) and strip[0, 0, 0] == 0 and strip[0, -1, 0] == 1


def test_results_are_kept_and_a_line_that_was_cut_off_is_not(tmp_path):
    path = tmp_path / "kept.jsonl"
    results.keep(path, (1, "night"), {"ours": {"psnr": 20.0}})
    with path.open("a") as file:
        file.write(json.dumps({"scene": 2, "look": "night"})[:-5])
    assert results.known(path) == {(1, "night"): {"ours": {"psnr": 20.0}}}
    assert results.missing([(1, "night"), (2, "night")], path) == [(2, "night")]


def test_results_of_other_code_are_not_taken_up(tmp_path, monkeypatch):
    workflow = tmp_path / "workflow.json"
    workflow.write_text("{}")
    (tmp_path / "csd").mkdir()
    monkeypatch.setattr(results, "ROOT", tmp_path)
    before = results.edit_version(workflow)
    (tmp_path / "csd" / "new.py").write_text("x = 1\n")
    changed = results.edit_version(workflow)
    workflow.write_text("{ }")
    assert len({before, changed, results.edit_version(workflow)}) == 3
