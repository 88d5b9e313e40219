"""Contenders get the same model, instruction and scales, and as many evaluations."""

import copy

import pytest

from collaborative_score_distillation.dev.environment.workflow import load_workflow, to_prompt
from collaborative_score_distillation.dev.evaluation import contenders
from collaborative_score_distillation.dev.evaluation.contenders import Edit

SIZE = (128, 512)


@pytest.fixture(scope="module")
def edit(object_info, workflows):
    return Edit(to_prompt(load_workflow(workflows / "panorama_edit.json"), object_info))


@pytest.mark.parametrize("make, count", [(contenders.window_by_window, 4), (contenders.multidiffusion, 7)])
def test_evaluations_are_matched(edit, make, count):
    wanted = 840
    prompt, used = make(edit, SIZE, wanted)
    steps = next(node["inputs"]["steps"] for node in prompt.values() if node["class_type"] == "BasicScheduler")
    assert used == 3 * count * steps
    assert abs(used - wanted) <= 3 * count / 2


@pytest.mark.parametrize("make", [contenders.window_by_window, contenders.multidiffusion])
def test_scales_seed_and_instruction_are_the_edits(edit, make):
    prompt, _ = make(edit, SIZE, 840)
    sampler = edit.inputs("CSDEditSampler")
    guider = next(node["inputs"] for node in prompt.values() if node["class_type"] == "DualCFGGuider")
    assert guider["cfg_conds"] == sampler["guidance"]
    assert guider["cfg_cond2_negative"] == sampler["image_guidance"]
    assert prompt[edit.id("CLIPTextEncode", "Instruction")] == edit.prompt[edit.id("CLIPTextEncode", "Instruction")]


def test_only_one_picture_is_saved(edit):
    prompts = [contenders.picture_of_source(edit), contenders.through_vae(edit, "night")]
    prompts += [make(edit, SIZE, 840)[0] for make in (contenders.window_by_window, contenders.multidiffusion)]
    for prompt in prompts:
        kinds = [node["class_type"] for node in prompt.values()]
        assert kinds.count("SaveImage") == 1 and "PreviewImage" not in kinds


def test_the_edit_itself_is_left_alone(edit):
    before = copy.deepcopy(edit.prompt)
    contenders.multidiffusion(edit, SIZE, 840)
    edit.with_inputs({("CLIPTextEncode", "Instruction"): {"text": "make it night"}})
    edit.with_picture("photo.png")
    assert edit.prompt == before


def test_a_photograph_takes_the_scenes_place(edit):
    changed = edit.with_picture("photo.png")
    assert changed.prompt[changed.source[0]] == {"class_type": "LoadImage", "inputs": {"image": "photo.png"}}
