"""Sets of frames and views: contenders get the same frames, model, scales, and as many evaluations."""

import numpy as np
import pytest

from collaborative_score_distillation.dev.evaluation import set_contenders as contenders
from collaborative_score_distillation.dev.evaluation.demo_set import chosen, prompted, scenes, summary
from collaborative_score_distillation.dev.evaluation.demo_video import VIDEO
from collaborative_score_distillation.dev.evaluation.demo_views import VIEWS
from collaborative_score_distillation.dev.evaluation.set_comparison import (
    ALONE,
    CEILING,
    OURS,
    PAPER,
    SetResult,
    measured,
)


@pytest.fixture(scope="module", params=[VIDEO, VIEWS], ids=["video", "views"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def edit(kind, object_info):
    return prompted(kind, object_info, 1_000_003, "night")[0]


def kinds(prompt):
    return [node["class_type"] for node in prompt.values()]


def test_the_scene_and_the_instruction_are_set(edit, kind):
    assert edit.inputs(kind.painter)["seed"] == 1_000_003
    assert edit.inputs("CLIPTextEncode", "Instruction")["text"] == "make it night"


def test_the_shipped_edit_keeps_its_correspondence(edit):
    prompt = contenders.as_shipped(edit)
    assert "correspondence" in prompt[edit.inputs("CSDEditSampler")["coupling"][0]]["inputs"]
    assert prompt[edit.inputs("CSDEditSampler")["noise"][0]]["inputs"]["field"] == "carried"


def test_the_papers_coupling_knows_none(edit):
    prompt = contenders.papers_coupling(edit)
    sampler = prompt[edit.id("CSDEditSampler")]["inputs"]
    assert "correspondence" not in prompt[sampler["coupling"][0]]["inputs"]
    assert prompt[sampler["noise"][0]]["inputs"] == {"field": "independent"}
    assert not {"CSDOpticalFlow", "CSDViewCorrespondence"} & set(kinds(prompt))
    assert {k: v for k, v in sampler.items() if k not in ("coupling", "noise")} == {
        k: v for k, v in edit.inputs("CSDEditSampler").items() if k not in ("coupling", "noise")
    }


def test_evaluations_are_matched(edit):
    prompt, used = contenders.one_by_one(edit, 8, 960)
    steps = next(node["inputs"]["steps"] for node in prompt.values() if node["class_type"] == "BasicScheduler")
    assert used == 3 * 8 * steps == 960
    assert "CSDEditSampler" not in kinds(prompt)


def test_one_node_saves(edit, kind):
    prompts = [contenders.source_frames(edit), contenders.truth_through_vae(edit, kind.painter, "night")]
    for prompt in [*prompts, contenders.as_shipped(edit), contenders.papers_coupling(edit)]:
        assert kinds(prompt).count("SaveImage") == 1
        assert not {"SaveVideo", "CSDViewSetSave", "PreviewImage"} & set(kinds(prompt))


def test_scenes_are_held_out_and_go_through_the_looks():
    assert [seed for seed, _ in scenes(6)] == list(range(1_000_001, 1_000_007))
    assert len({look for _, look in scenes(4)}) == 4


def test_the_truth_agrees_with_itself(kind, edit):
    truth = kind.truth(edit.inputs(kind.painter), "night")
    shuffled = truth.pictures[::-1].copy()
    assert truth.error(truth.pictures) < 0.005 < truth.error(shuffled)


def test_figures_are_given_above_the_floor(kind):
    flat = np.full((2, 8, 8, 3), 0.5, np.float32)
    results = {ALONE: SetResult(flat + 0.1, 6, 1.0), CEILING: SetResult(flat + 0.01)}
    lines = measured(results, flat, lambda pictures: float(pictures.mean() - 0.5))
    assert lines[ALONE]["above_floor"] == pytest.approx(0.09, abs=1e-4)
    assert lines[ALONE]["psnr"] == pytest.approx(20, abs=1e-3)
    assert "evaluations" not in lines[CEILING]
    full = summary(kind, dict.fromkeys((ALONE, PAPER, OURS), lines[ALONE]) | {CEILING: lines[CEILING]})
    assert kind.error in full and full.count("\n") == 5


def test_strips_show_first_and_last():
    pictures = np.linspace(0, 1, 20, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 2, 3), np.float32)
    strip = chosen(pictures)
    assert strip.shape == (2, 12, 3) and strip[0, 0, 0] == 0 and strip[0, -1, 0] == 1
