"""What is not evaluated twice changes nothing: the trajectory is that of every evaluation made by itself."""

import pytest
import torch

STEPS = 4


@pytest.fixture
def unmerged(ext):
    """A guider that shares nothing: each request, branch and particle goes through the model by itself."""

    class Unmerged(ext.guider.CSDGuider):
        def _start_chunks(self):
            self.chunks, self.page_chunks = ext.chunking.Chunks(1), ext.chunking.Chunks(1)

        def _find_same(self):
            return {}

        def predict(self, requests, *args, **extra):
            return [super(Unmerged, self).predict([request], *args, **extra)[0] for request in requests]

    return Unmerged


@pytest.fixture
def distil(ext, model, case):
    """Edited latents and the evaluations that they took."""

    def run(guider_class, guidance=(7.5, 1.5), baseline=None, source=None, at_once=4, mask=None, model=model):
        baseline = baseline or ext.csd.baseline.ImageConditional()
        guider = guider_class(model, ext.csd.guidance.Guidance(*guidance), baseline, case.layout, at_once)
        guider.set_conds(case.positive, case.negative, source)
        sigmas = guider.levels.sigmas(ext.csd.timesteps.Descending(0.1, 0.6), STEPS, 7)
        latents = case.latents
        sampler = ext.distiller.Distiller(update=ext.csd.update.SGD(ext.csd.update.StepSize(0.3)))
        with torch.inference_mode():
            edited = guider.sample(torch.zeros_like(latents), latents, sampler, sigmas, denoise_mask=mask, seed=7)
        return edited, guider.evaluations / len(latents)

    return run


@pytest.fixture
def baselines(ext, case, tiny):
    image = {"concat_latent_image": case.positive[0][1]["concat_latent_image"]}
    source_prompt = ext.csd.baseline.SourcePrompt()
    return {
        "image, guided": (ext.csd.baseline.ImageConditional(), None),
        "image": (ext.csd.baseline.ImageConditional(guided=False), None),
        "source prompt": (source_prompt, tiny.prompt(40, **image)),
        "the negative prompt as source prompt": (source_prompt, case.negative),
        "drawn noise": (ext.csd.baseline.DrawnNoise(), None),
    }


CASES = [  # baseline, scales of text and image, evaluations of a step
    ("image, guided", (7.5, 1.5), 5),
    ("image, guided", (7.5, 1.0), 3),
    ("image, guided", (1.5, 1.5), 4),
    ("image", (7.5, 1.5), 4),
    ("source prompt", (7.5, 1.5), 6),
    ("source prompt", (7.5, 1.0), 4),
    ("the negative prompt as source prompt", (7.5, 1.5), 5),
    ("the negative prompt as source prompt", (7.5, 1.0), 3),
    ("drawn noise", (7.5, 1.5), 3),
]


@pytest.mark.parametrize("name, guidance, each", CASES)
def test_the_trajectory_is_that_of_every_evaluation_by_itself(
    ext, distil, unmerged, baselines, far, case, name, guidance, each
):
    edited, evaluations = distil(ext.guider.CSDGuider, guidance, *baselines[name])
    reference, _ = distil(unmerged, guidance, *baselines[name])
    assert evaluations == STEPS * each
    assert far(reference, case.latents) > 1e-2
    assert far(edited, reference) < 1e-4


def test_all_evaluations_of_a_step_are_one_batch(ext, model, case, distil, counted):
    clone, calls = counted(model)
    distil(ext.guider.CSDGuider, model=clone)
    assert calls == STEPS * [5 * 4]


@pytest.mark.parametrize("at_once", [1, 3])
def test_chunks_change_nothing(ext, distil, far, at_once):
    assert far(distil(ext.guider.CSDGuider, at_once=at_once)[0], distil(ext.guider.CSDGuider)[0]) < 1e-4


def test_patches_that_may_tell_prompts_apart_keep_them_apart(ext, model, case, distil, unmerged, baselines, far):
    """The source prompt is the negative prompt, and a patch treats what stands in its place otherwise."""

    def by_place(apply, call):
        out = apply(call["input"], call["timestep"], **call["c"]).chunk(len(call["cond_or_uncond"]))
        return torch.cat([part * (1.0, 0.8)[place] for part, place in zip(out, call["cond_or_uncond"])])

    patched = model.clone()
    patched.set_model_unet_function_wrapper(by_place)
    given = {"baseline": baselines["the negative prompt as source prompt"][0], "source": case.negative}
    edited, evaluations = distil(ext.guider.CSDGuider, model=patched, **given)
    assert evaluations == STEPS * 6
    assert far(edited, distil(unmerged, model=patched, **given)[0]) < 1e-4


def test_no_work_is_shared_between_particles(ext, model, tiny, case, distil, unmerged, far):
    """Two particles with the same latents and their own prompts."""
    case.latents = case.latents[:1].expand(4, -1, -1, -1).clone()
    image = {"concat_latent_image": case.positive[0][1]["concat_latent_image"]}
    case.positive = [[torch.cat([tiny.prompt(seed)[0][0] for seed in range(4)]), image]]
    assert far(distil(ext.guider.CSDGuider)[0], distil(unmerged)[0]) < 1e-4


@pytest.fixture
def saving(host):
    """`savings` of the option node."""

    def make(uses=1, low=0.0, high=1.0):
        return host.run("CSDSavings", uses=uses, guidance_low=low, guidance_high=high)[0]

    return make


def test_steps_that_share_their_noise_ask_about_the_source_once(model, edit, counted, far, saving):
    clone, calls = counted(model)
    edited = edit(clone, steps=4, savings=saving(uses=2))
    assert sum(calls) == 4 * (5 + 3 + 5 + 3)
    assert far(edited, edit(model, steps=4)) > 1e-3


def test_guidance_on_part_of_the_levels(model, edit, counted, far, saving):
    """Levels .6, .35 and .1; outside of the interval one evaluation of the target and one of the source."""
    clone, calls = counted(model)
    edited = edit(clone, steps=3, savings=saving(low=0.2, high=0.5))
    assert sum(calls) == 4 * (2 + 5 + 2)
    assert far(edited, edit(model, steps=3)) > 1e-3


def test_savings_that_save_nothing(model, edit, saving):
    assert torch.equal(edit(model, savings=saving()), edit(model))


def test_the_trio_saves_as_the_sampler_does(host, model, case, edit, far, saving):
    savings = saving(uses=2, low=0.2)
    guider = {"positive": case.positive, "negative": case.negative, "guidance": 3.0, "image_guidance": 1.5}
    (guider,) = host.run("CSDGuider", model=model, particles_at_once=3, layout=case.layout, **guider)
    (sampler,) = host.run("CSDDistillation", step_size=1.0, particles_per_step=0, savings=savings)
    (sigmas,) = host.run("CSDSigmas", model=model, steps=4, noise_low=0.1, noise_high=0.6, seed=7, savings=savings)
    (noise,) = host.run("RandomNoise", noise_seed=7)
    inputs = {"noise": noise, "guider": guider, "sampler": sampler, "sigmas": sigmas, "latent_image": case.latent}
    latent = host.run("SamplerCustomAdvanced", **inputs)[0]["samples"]
    assert far(latent, edit(model, steps=4, savings=savings)) < 1e-5


def test_settings_that_cannot_be(host):
    with pytest.raises(ValueError, match="CSD Savings: .*expected 0 <= low <= high <= 1"):
        host.run("CSDSavings", uses=1, guidance_low=0.6, guidance_high=0.2)
