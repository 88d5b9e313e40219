"""Prompts made from a shipped workflow's."""

import copy

import pytest

from collaborative_score_distillation.dev.evaluation.edit import Builder, Edit
from collaborative_score_distillation.dev.evaluation.kinds import CLIP, PANORAMA, VIEW_SET, prompted

KINDS = [PANORAMA, CLIP, VIEW_SET]


@pytest.fixture(scope="module")
def panorama(object_info):
    return prompted(PANORAMA, object_info, 1_000_003, "night")[0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.unit)
def test_the_scene_and_the_instruction_are_set(kind, object_info):
    edit, workflow = prompted(kind, object_info, 1_000_003, "night")
    assert edit.inputs(kind.painter)["seed"] == 1_000_003
    assert edit.inputs("CLIPTextEncode", "Instruction")["text"] == "make it night"
    assert any(1_000_003 in node.get("widgets_values", []) for node in workflow["nodes"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.unit)
def test_source_and_edit_are_outputs_of_pictures(kind, object_info):
    edit, _ = prompted(kind, object_info, 1_000_003, "night")
    for node, output in (edit.source, edit.edited):
        assert object_info[edit.prompt[node]["class_type"]]["output"][output] in ("IMAGE", "IMAGE,LATENT,MASK")


def test_a_node_that_is_not_there_once_is_named(panorama):
    with pytest.raises(ValueError, match="0 nodes of type KSampler"):
        panorama.id("KSampler")
    with pytest.raises(ValueError, match="2 nodes of type CLIPTextEncode"):
        panorama.id("CLIPTextEncode")


def test_changes_are_made_in_a_copy(panorama):
    before = copy.deepcopy(panorama.prompt)
    changed = panorama.with_inputs({("CLIPTextEncode", "Instruction"): {"text": "make it winter"}})
    assert changed.inputs("CLIPTextEncode", "Instruction")["text"] == "make it winter"
    panorama.with_picture("photo.png")
    Builder(panorama.prompt).saving(panorama.edited, "any")
    assert panorama.prompt == before


def test_a_photograph_takes_the_scenes_place(panorama):
    changed = panorama.with_picture("photo.png")
    assert changed.prompt[changed.source[0]] == {"class_type": "LoadImage", "inputs": {"image": "photo.png"}}


def test_only_what_is_needed_is_saved():
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    made = Builder(prompt).saving(["2", 0], "some")
    assert sorted(node["class_type"] for node in made.values()) == ["EmptyImage", "ImageInvert", "SaveImage"]
    assert Edit(made).inputs("SaveImage")["images"] == ["2", 0]
