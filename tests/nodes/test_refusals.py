"""Bad input: a clear error that names the node, what came and what was expected, before any model runs."""

import importlib
import math

import pytest
import torch


@pytest.fixture
def refused(model, edit, counted):
    """Run CSD Edit Sampler with changes; it has to refuse them with this message and without evaluating."""

    def run(message, model=model, **changes):
        clone, calls = counted(model)
        with pytest.raises(ValueError, match=message):
            edit(clone, **changes)
        assert not calls

    return run


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_latents_that_are_not_numbers(refused, case, value):
    case.latents[2, 0, 0, 0] = value
    refused("CSD Edit Sampler: latent: got NaN or infinite numbers")


def test_an_empty_batch(refused):
    latent = {"samples": torch.zeros(0, 4, 8, 8)}
    refused(r"CSD Edit Sampler: latent: got a tensor of shape \(0, 4, 8, 8\), expected a LATENT", latent=latent)


@pytest.mark.parametrize("shape, got", [((4, 16, 8, 8), "16 channels"), ((4, 4, 1, 8, 8), "4 channels and an axis of")])
def test_latents_of_another_model(refused, shape, got):
    expected = f"CSD Edit Sampler: latents: got latents of {got}.*, expected 4 channels, as the model has them"
    refused(expected, latent={"samples": torch.ones(shape)}, layout=None)


NUMBERS = [
    ({"steps": 0}, "steps: got 0, expected a number from 1 to 10000"),
    ({"noise_low": 0.6, "noise_high": 0.2}, "got a noise range of 0.6 to 0.2, expected 0 <= noise_low"),
    ({"noise_high": 1.2}, "noise_high: got 1.2, expected a number from 0.0 to 1.0"),
    ({"noise_low": math.nan}, "noise_low: got nan, expected a finite number"),
    ({"guidance": math.nan}, "guidance: got nan, expected a finite number"),
    ({"image_guidance": math.inf}, "image_guidance: got inf, expected a finite number"),
    ({"step_size": math.nan}, "step_size: got nan, expected a finite number"),
    ({"particles_at_once": 0}, "particles_at_once: got 0, expected a number from 1 to 100000"),
]


@pytest.mark.parametrize("changes, message", NUMBERS, ids=[next(iter(changes)) for changes, _ in NUMBERS])
def test_settings(refused, changes, message):
    refused(f"CSD Edit Sampler: {message}", **changes)


def test_a_layout_for_another_number_of_particles(refused, ext):
    layout = ext.layout.plan((64, 96), (64, 64), 32, (False, False), 8, 1)
    refused("CSD Edit Sampler: layout: got 4 particles for a layout of 2 windows", layout=layout)


def test_a_layout_for_another_shape_of_particles(refused, ext):
    layout = ext.layout.plan((96, 248), (96, 80), 24, (False, False), 8, 1)
    assert layout.windows.count == 4
    refused("CSD Edit Sampler: Windows: .* does not rescale to", layout=layout)


def test_images_that_do_not_match_the_particles(refused, tiny, case):
    positive = tiny.prompt(1, concat_latent_image=torch.zeros(3, 4, 8, 8))
    refused("CSD Edit Sampler: positive concat_latent_image: got a batch of 3 for 4 particles", positive=positive)


def test_a_batch_of_prompts_that_does_not_match(refused, tiny, case):
    negative = tiny.prompt(1, rows=3, **case.negative[0][1])
    refused("CSD Edit Sampler: negative cross_attn: got a batch of 3 for 4 particles", negative=negative)


@pytest.mark.parametrize("name", ["positive", "negative"])
def test_an_empty_conditioning(refused, name):
    refused(f"CSD Edit Sampler: {name}: got an empty conditioning", **{name: []})


def test_a_noise_mask_of_another_size(refused, case):
    latent = {**case.latent, "noise_mask": torch.ones(1, 30, 30)}
    refused("CSD Edit Sampler: noise mask: got 1 of 30 x 30, expected the size of", latent=latent)


@pytest.mark.parametrize("name", ["positive", "negative"])
def test_a_prompt_without_an_image(refused, tiny, name):
    message = f"CSD Edit Sampler: {name}: got a prompt without an image.*source prompt and set image_guidance to 1"
    refused(message, **{name: tiny.prompt(5)})


def test_one_prompt_of_several_without_an_image(refused, tiny, case):
    refused("CSD Edit Sampler: positive: got a prompt without an image", positive=[*case.positive, *tiny.prompt(5)])


def test_a_model_without_image_conditioning(refused, tiny):
    """The baseline that works with it is offered."""
    refused("CSD Edit Sampler: model: got a model that takes no image.*source prompt", model=tiny.text_to_image())


def test_the_offered_baseline_works(host, tiny, case, edit, refused, far):
    model, baseline = tiny.text_to_image(), host.run("CSDBaseline", baseline="source prompt", source=tiny.prompt(8))[0]
    inputs = {"positive": tiny.prompt(1), "negative": tiny.prompt(2), "baseline": baseline}
    refused("set image_guidance to 1", model=model, **inputs)
    assert far(edit(model, **inputs, image_guidance=1.0), case.latents) > 1e-2


def test_a_source_prompt_that_is_not_there(host, ext, refused):
    with pytest.raises(ValueError, match="CSD Baseline: got no source, expected a conditioning"):
        host.run("CSDBaseline", baseline="source prompt")
    choice = ext.options.BaselineChoice(ext.csd.baseline.SourcePrompt())
    refused("CSD Edit Sampler: baseline: got no source prompt", baseline=choice)


def test_latents_of_picture_and_sound_in_one(ext):
    nested = importlib.import_module("comfy.nested_tensor").NestedTensor(
        [torch.zeros(1, 4, 8, 8), torch.zeros(1, 8, 16)]
    )
    with pytest.raises(ValueError, match="latents: got a NestedTensor, such as picture and sound in one, expected one"):
        ext.refusals.refuse_bad_latents(nested)


def test_context_windows(host, refused, model):
    (windowed,) = host.run("ContextWindowsManual", **{**host.widgets("ContextWindowsManual"), "model": model})
    refused("CSD Edit Sampler: model: got context windows", model=windowed)


@pytest.mark.parametrize("name", ["EasyCache", "LazyCache"])
def test_caches_of_the_previous_step(refused, model, name):
    node = getattr(importlib.import_module("comfy_extras.nodes_easycache"), f"{name}Node")
    cached = node.execute(model, 0.2, 0.15, 0.95, False).args[0]
    refused(f"CSD Edit Sampler: model: got {name.lower()}, which reuses", model=cached)


def test_differential_diffusion(refused, edit, model, case):
    node = importlib.import_module("comfy_extras.nodes_differential_diffusion").DifferentialDiffusion
    graded = node.execute(model).args[0]
    refused("model: got Differential Diffusion", model=graded, latent={**case.latent, "noise_mask": torch.ones(8, 20)})
    edit(graded)


@pytest.fixture
def advanced(comfy, host, case):
    """SamplerCustomAdvanced over the case's particles."""

    def run(guider, sampler, sigmas):
        noise = host.run("RandomNoise", noise_seed=1)[0]
        inputs = {"noise": noise, "guider": guider, "sampler": sampler, "sigmas": sigmas, "latent_image": case.latent}
        return host.run("SamplerCustomAdvanced", **inputs)

    return run


def trio(host, model, case):
    prompts = {"positive": case.positive, "negative": case.negative}
    scales = {"guidance": 3.0, "image_guidance": 1.5, "particles_at_once": 3}
    guider = host.run("CSDGuider", model=model, **prompts, **scales, layout=case.layout)[0]
    return guider, host.run("CSDDistillation", step_size=1.0, particles_per_step=0)[0]


def test_a_guider_without_a_baseline(host, model, case, counted, advanced):
    clone, calls = counted(model)
    plain = host.run("CFGGuider", model=clone, positive=case.positive, negative=case.negative, cfg=3.0)[0]
    with pytest.raises(ValueError, match="CSD Distillation: got a guider of type .*CFGGuider.*; use the CSD"):
        advanced(plain, trio(host, model, case)[1], torch.tensor([1.0, 0.0]))
    assert not calls


def test_a_sampler_of_one_trajectory(host, model, case, counted, advanced):
    clone, calls = counted(model)
    euler = host.run("KSamplerSelect", sampler_name="euler")[0]
    with pytest.raises(ValueError, match="CSD Guider: got a sampler that follows one trajectory, expected the CSD"):
        advanced(trio(host, clone, case)[0], euler, torch.tensor([1.0, 0.0]))
    assert not calls


SIGMAS = [([0.0], "steps: got 0"), ([1.0, math.nan, 0.0], "sigmas: got"), ([1.0, 0.0, 0.0], "sigmas: got")]


@pytest.mark.parametrize("sigmas, message", SIGMAS)
def test_sigmas(host, model, case, counted, advanced, sigmas, message):
    clone, calls = counted(model)
    with pytest.raises(ValueError, match=f"CSD Guider: {message}"):
        advanced(*trio(host, clone, case), torch.tensor(sigmas))
    assert not calls


def test_the_sigmas_node(host, model):
    with pytest.raises(ValueError, match="CSD Sigmas: .*0.5 ... 0.2"):
        host.run("CSDSigmas", model=model, steps=2, noise_low=0.5, noise_high=0.2, seed=0)


def test_a_run_that_grows_without_bound(edit, model, case):
    case.latents.mul_(1e37)
    with pytest.raises(ValueError, match="CSD Edit Sampler: latents: they grew without bound .* lower step_size"):
        edit(model, step_size=1000.0, steps=3)


def test_the_next_run_is_as_good_as_the_first(edit, model, refused, case):
    before = edit(model)
    refused("steps: got 0", steps=0)
    assert torch.equal(before, edit(model))


def test_a_prompt_of_another_text_encoder(edit, model, case):
    """Of another width than the model was made for, as a CLIP of another model gives it."""
    text, entries = case.positive[0]
    wide = [[torch.zeros(*text.shape[:2], text.shape[2] // 2), entries]]
    with pytest.raises(
        ValueError, match="CSD Edit Sampler: conditioning: got a prompt of another width .* expected one"
    ):
        edit(model, positive=wide)
