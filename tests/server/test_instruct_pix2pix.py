"""The InstructPix2Pix workflows run to their end with the demo model in the checkpoint's place."""

import pytest

from collaborative_score_distillation.csd import presets
from collaborative_score_distillation.dev.benchmarks import evaluations
from collaborative_score_distillation.dev.environment.workflow import load_workflow, to_prompt
from collaborative_score_distillation.dev.evaluation.comparison import cost
from collaborative_score_distillation.dev.evaluation.edit import Edit
from collaborative_score_distillation.dev.evaluation.stand_in import VIEWS, on_demo_model

STEPS, PER_PARTICLE = 2, 5
PARTICLES = {"panorama_edit": 12, "video_edit": 8, "view_set_edit": VIEWS}
SAVERS = {"panorama_edit": "SaveImage", "video_edit": "SaveVideo", "view_set_edit": "CSDViewSetSave"}


def stood_in(workflows, object_info, name: str) -> Edit:
    prompt = to_prompt(load_workflow(workflows / f"{name}_instruct_pix2pix.json"), object_info)
    return Edit(on_demo_model(prompt))


@pytest.mark.parametrize("name", SAVERS)
def test_runs_and_saves(client, object_info, workflows, name):
    edit = stood_in(workflows, object_info, name).with_inputs({("CSDEditSampler", None): {"steps": STEPS}})
    run = client.run(edit.prompt)
    assert run.files[edit.id(SAVERS[name])]
    assert cost(edit, run)["evaluations"] == STEPS * PER_PARTICLE * PARTICLES[name]


def test_the_stand_in_leaves_the_workflow_as_it_was(workflows, object_info):
    prompt = to_prompt(load_workflow(workflows / "panorama_edit_instruct_pix2pix.json"), object_info)
    made = on_demo_model(prompt)
    kinds = {node["class_type"] for node in prompt.values()}
    assert "CheckpointLoaderSimple" in kinds and {"CSDDemoModel", "CSDDemoScene"}.isdisjoint(kinds)
    assert Edit(made).inputs("CSDEditSampler") == Edit(prompt).inputs("CSDEditSampler")


def test_defaults_and_fast_settings(workflows, object_info):
    shipped = stood_in(workflows, object_info, "panorama_edit")
    plain = evaluations.plain(shipped, object_info)
    sampler = plain.inputs("CSDEditSampler")
    assert (sampler["steps"], sampler["step_size"]) == (presets.BALANCED_STEPS, presets.BALANCED_STEP_SIZE)
    assert sampler["model"] == shipped.inputs("CSDEditSampler")["model"] and "noise" not in sampler
    paper = evaluations.papers(plain, "panorama").inputs("CSDEditSampler")
    assert paper["steps"] == presets.PAPER_STEPS and set(evaluations.PAPER) < set(paper)
    fast = evaluations.fast(plain)
    assert fast.inputs("CSDEditSampler")["steps"] == presets.FAST_STEPS
    assert fast.inputs("CSDSavings")["uses"] == presets.FAST_REUSE
