"""Variants are the shipped workflow with the changes that they name."""

import pytest

from collaborative_score_distillation.dev.benchmarks.quality_cost import edit_of, path_of, scenes
from collaborative_score_distillation.dev.benchmarks.variants import AUTHORS, PANORAMA, STEPS, Variant


@pytest.fixture(scope="module")
def edit(object_info):
    return edit_of("panorama", object_info, 1_000_003, "night", short=False)


@pytest.mark.parametrize("variant", PANORAMA, ids=lambda variant: variant.name)
def test_the_sampler_gets_the_changes_and_the_nodes_exist(edit, object_info, variant):
    prompt = variant.prompt(edit)
    sampler = prompt[edit.id("CSDEditSampler")]["inputs"]
    shipped = edit.inputs("CSDEditSampler")
    assert all(sampler[name] == value for name, value in variant.sampler.items())
    kept = {"guidance", "image_guidance", "noise_low", "seed"} - set(variant.sampler)
    assert all(sampler[name] == shipped[name] for name in kept)
    for name, (kind, inputs) in variant.options.items():
        node = prompt[sampler[name][0]]
        declared = {**object_info[kind]["input"]["required"], **object_info[kind]["input"].get("optional", {})}
        assert node["class_type"] == kind and node["inputs"] == inputs and set(inputs) <= set(declared)


def test_the_authors_evaluations_are_six_a_particle():
    theirs = [variant for variant in PANORAMA if variant.family == AUTHORS]
    assert theirs and {variant.evaluations(4000) for variant in theirs} == {6 * 4 * 200}
    assert Variant("ours", "any", {"steps": 3}).evaluations(105) == 105


def test_shorter_runs_take_larger_steps():
    sizes = [variant.sampler["step_size"] for variant in PANORAMA if variant.family == "ours"]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == len(STEPS)


def test_scenes():
    assert scenes("panorama", full=False, short=False) == [(1_000_001 + i, "winter") for i in range(3)]
    assert len(scenes("panorama", full=True, short=False)) == 32
    assert scenes("clip", full=False, short=False) == [(1_000_001, "winter")]


def test_results_of_another_plan_are_not_taken_up():
    assert path_of("clip", short=True) != path_of("clip", short=False) == path_of("clip", short=False)


def test_a_short_clip_is_short(object_info):
    edit = edit_of("clip", object_info, 1_000_003, "night", short=True)
    assert edit.inputs("CSDDemoClip")["frames"] == 4
