"""Guided predictions are what the host's own functions give, put together by the formula."""

import pytest
import torch

SCALES = [(7.5, 1.5), (3.0, 1.0), (1.0, 1.0), (1.0, 2.0), (2.5, 2.5), (0.0, 1.5), (0.0, 1.0), (4.0, 0.0)]


def without_image(conditioning):
    return [[text, {**rest, "concat_latent_image": 0 * rest["concat_latent_image"]}] for text, rest in conditioning]


@pytest.fixture
def parts(model, case, level, host_predict):
    """x_t, and the host's plain predictions on it: text, image, none."""
    x_t = level.noise(case.latents, torch.randn(case.latents.shape, generator=torch.Generator().manual_seed(9)))
    prompts = case.positive, case.negative, without_image(case.negative)
    return x_t, *(host_predict(model, case, x_t, level, 1.0, positive=prompt) for prompt in prompts)


@pytest.mark.parametrize("text_scale, image_scale", SCALES)
def test_dual_guidance(model, case, level, parts, predict, far, text_scale, image_scale):
    x_t, text, image, none = parts
    expected = none + image_scale * (image - none) + text_scale * (text - image)
    assert far(predict(model, case, x_t, level, text_scale, image_scale), expected) < 2e-5


@pytest.mark.parametrize("image_scale", [1.0, 1.5])
def test_the_text_free_prediction(model, case, level, parts, predict, far, image_scale):
    x_t, _, image, none = parts
    expected = none + image_scale * (image - none)
    assert far(predict(model, case, x_t, level, 0.0, image_scale, prompt="image"), expected) < 2e-5


def test_the_parts_differ(parts, far):
    _, text, image, none = parts
    assert min(far(text, image), far(image, none), far(text, none)) > 1e-2


BRANCHES = [(7.5, 1.5, 3), (7.5, 1.0, 2), (1.0, 1.0, 1), (2.0, 2.0, 2)]


@pytest.mark.parametrize("text, image, evaluations", BRANCHES)
def test_branches_that_do_not_count_are_not_evaluated(
    model, case, level, parts, predict, counted, text, image, evaluations
):
    clone, calls = counted(model)
    predict(clone, case, parts[0], level, text, image)
    assert sum(calls) == evaluations * len(case.latents) == predict.evaluations


STEPS = [
    ("image, guided", 1.5, 5),
    ("image", 1.5, 4),
    ("image, guided", 1.0, 3),
    ("drawn noise", 1.5, 3),
]


@pytest.mark.parametrize("choice, image_guidance, each", STEPS)
def test_evaluations_of_a_step(host, model, case, edit, counted, choice, image_guidance, each):
    copy, calls = counted(model)
    baseline = host.run("CSDBaseline", baseline=choice)[0]
    edit(copy, steps=3, baseline=baseline, image_guidance=image_guidance)
    assert sum(calls) == 3 * each * len(case.latents)


def test_the_host_agrees_on_its_own_guidance(model, case, level, parts, host_predict, predict, far):
    x_t, *_ = parts
    assert far(predict(model, case, x_t, level, 3.0, 1.0), host_predict(model, case, x_t, level, 3.0)) < 2e-5
