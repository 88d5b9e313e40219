"""Contenders get the same pictures, model, instruction and scales, and as many evaluations."""

import copy

import pytest

from collaborative_score_distillation.dev.evaluation import contenders
from collaborative_score_distillation.dev.evaluation.contenders import Coupled, Matched
from collaborative_score_distillation.dev.evaluation.kinds import CLIP, PANORAMA, VIEW_SET, prompted

SHAPES = {PANORAMA: (1, 128, 512, 3), CLIP: (24, 128, 192, 3), VIEW_SET: (8, 128, 192, 3)}
MATCHED = [
    (PANORAMA, contenders.window_by_window, 4),
    (PANORAMA, contenders.multidiffusion, 7),
    (CLIP, contenders.one_by_one, 24),
    (VIEW_SET, contenders.one_by_one, 8),
]
every_matched = pytest.mark.parametrize("kind, make, count", MATCHED)
WANTED = 840


@pytest.fixture(scope="module")
def edits(object_info):
    return {kind: prompted(kind, object_info, 1_000_003, "night")[0] for kind in SHAPES}


def kinds(prompt):
    return [node["class_type"] for node in prompt.values()]


def inputs(prompt, kind):
    return next(node["inputs"] for node in prompt.values() if node["class_type"] == kind)


@every_matched
def test_evaluations_are_matched(edits, kind, make, count):
    prompt, used = make(edits[kind], SHAPES[kind], WANTED)
    each = contenders.euler_evaluations(edits[kind]) * count
    assert used == each * inputs(prompt, "BasicScheduler")["steps"]
    assert abs(used - WANTED) <= each / 2
    assert "CSDEditSampler" not in kinds(prompt)


@every_matched
def test_scales_seed_and_instruction_are_the_edits(edits, kind, make, count):
    edit = edits[kind]
    prompt, _ = make(edit, SHAPES[kind], WANTED)
    sampler, guider = edit.inputs("CSDEditSampler"), inputs(prompt, "CFGGuider")
    assert guider["cfg"] == sampler["guidance"] and sampler["image_guidance"] == 1
    assert inputs(prompt, "RandomNoise")["noise_seed"] == sampler["seed"]
    instruction = edit.id("CLIPTextEncode", "Instruction")
    assert prompt[instruction] == edit.prompt[instruction]


SCALES = [({}, 1, 1), ({"guidance": 2.0}, 2, 1), ({"image_guidance": 1.5}, 3, 2)]


@pytest.mark.parametrize("changes, each, scales", SCALES)
def test_only_the_branches_that_the_scales_ask_for_are_evaluated(edits, changes, each, scales):
    edit = edits[PANORAMA].with_inputs({("CSDEditSampler", None): {"guidance": 1.0, "image_guidance": 1.0} | changes})
    prompt, used = contenders.multidiffusion(edit, SHAPES[PANORAMA], 1)
    count = edit.layout(contenders.size_of(SHAPES[PANORAMA])).windows.count
    assert used == each * count == contenders.matched(edit, 1, count)[1]
    assert ("DualCFGGuider" in kinds(prompt)) == (scales == 2)


@pytest.mark.parametrize("kind", SHAPES, ids=lambda kind: kind.unit)
def test_one_node_saves_pictures(edits, kind):
    edit = edits[kind]
    prompts = [contenders.source(edit), contenders.unblended(edit)]
    prompts.append(contenders.through_vae(edit, kind.painter, "night"))
    for contender in kind.contenders:
        if isinstance(contender, Matched):
            prompts.append(contender.prompt(edit, SHAPES[kind], WANTED)[0])
        elif contender.prompt is not contenders.whole_workflow:
            prompts.append(contender.prompt(edit))
    for prompt in prompts:
        assert kinds(prompt).count("SaveImage") == 1
        assert not {"SaveVideo", "CSDViewSetSave", "PreviewImage"} & set(kinds(prompt))


def test_the_shipped_panorama_saves_its_picture_itself(edits):
    assert contenders.whole_workflow(edits[PANORAMA]) is edits[PANORAMA].prompt
    assert kinds(edits[PANORAMA].prompt).count("SaveImage") == 1


@pytest.mark.parametrize("kind", SHAPES, ids=lambda kind: kind.unit)
def test_the_edit_itself_is_left_alone(edits, kind):
    before = copy.deepcopy(edits[kind].prompt)
    for contender in kind.contenders:
        more = (SHAPES[kind], WANTED) if isinstance(contender, Matched) else ()
        contender.prompt(edits[kind], *more)
    assert edits[kind].prompt == before


@pytest.mark.parametrize("kind", SHAPES, ids=lambda kind: kind.unit)
def test_the_shipped_contender_counts_and_what_goes_on_has_a_forerunner(kind):
    names = [contender.name for contender in kind.contenders]
    coupled = {contender.name: contender for contender in kind.contenders if isinstance(contender, Coupled)}
    assert kind.shipped in coupled and len(set(names)) == len(names)
    for contender in coupled.values():
        assert not contender.after or names.index(contender.after) < names.index(contender.name)


@pytest.mark.parametrize("kind", [CLIP, VIEW_SET], ids=lambda kind: kind.unit)
def test_the_shipped_edit_keeps_its_correspondence(edits, kind):
    prompt, sampler = contenders.blended(edits[kind]), edits[kind].inputs("CSDEditSampler")
    assert "correspondence" in prompt[sampler["coupling"][0]]["inputs"]
    assert prompt[sampler["noise"][0]]["inputs"]["field"] == "carried"


@pytest.mark.parametrize("kind", [CLIP, VIEW_SET], ids=lambda kind: kind.unit)
def test_the_papers_coupling_knows_none(edits, kind):
    edit = edits[kind]
    prompt = contenders.papers_coupling(edit)
    sampler = prompt[edit.id("CSDEditSampler")]["inputs"]
    assert "correspondence" not in prompt[sampler["coupling"][0]]["inputs"]
    assert prompt[sampler["noise"][0]]["inputs"] == {"field": "independent"}
    assert not {"CSDOpticalFlow", "CSDViewCorrespondence"} & set(kinds(prompt))
    changed = {name for name, value in sampler.items() if value != edit.inputs("CSDEditSampler")[name]}
    assert changed == {"coupling", "noise"}


def test_multidiffusion_at_its_best_starts_late_and_may_stop_early(edits):
    late, used = contenders.multidiffusion(edits[PANORAMA], SHAPES[PANORAMA], 112, start=0.25)
    assert (inputs(late, "BasicScheduler")["denoise"], inputs(late, "BasicScheduler")["steps"], used) == (0.25, 16, 112)
    assert late[inputs(late, "SamplerCustomAdvanced")["latent_image"][0]]["class_type"] == "VAEEncode"
    short, used = contenders.multidiffusion(edits[PANORAMA], SHAPES[PANORAMA], 112, start=0.4, most=2)
    assert (inputs(short, "BasicScheduler")["denoise"], inputs(short, "BasicScheduler")["steps"], used) == (0.4, 2, 14)


def test_the_papers_kernel_takes_the_place_of_the_tones(edits):
    prompt = contenders.papers_kernel(edits[PANORAMA])
    assert "CSDTones" in kinds(edits[PANORAMA].prompt) and "CSDTones" not in kinds(prompt)
    assert "coupling" not in inputs(prompt, "CSDEditSampler") and "coupling" in edits[PANORAMA].inputs("CSDEditSampler")
