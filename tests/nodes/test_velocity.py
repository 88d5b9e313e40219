"""CSD Velocity in the real host: one particle replays FlowEdit written by hand, several are coupled."""

import pytest
import torch

from .conftest import rand

TIMES = {"noise_low": 0.2, "noise_high": 0.8}
NUMBERS = {"seed": 7, "steps": 3, "step_size": 1.0, "guidance": 3.0, "image_guidance": 1.0, "particles_per_step": 0}


@pytest.fixture(scope="module")
def flow_model(tiny):
    return tiny.text_to_image("FLOW")


@pytest.fixture
def velocity(host, tiny):
    """What CSD Velocity gives, for a source prompt."""

    def make(**changes):
        settings = {"freedom": 1.0, "rising": False, "source": "prompt", "source_guidance": 1.5, "anchor": 0.0}
        settings |= {"along_levels": True, "source_prompt": tiny.prompt(40)}
        return host.run("CSDVelocity", **{**settings, **changes})[0]

    return make


@pytest.fixture
def flow_edit(host, tiny, flow_model):
    def run(latents, choice, model=flow_model, **changes):
        inputs = {"positive": tiny.prompt(1), "negative": tiny.prompt(2), "latent": {"samples": latents}}
        settings = {**NUMBERS, **TIMES, "particles_at_once": 4, "baseline": choice, **changes}
        return host.run("CSDEditSampler", model=model, **inputs, **settings)[0]["samples"]

    return run


@pytest.fixture
def by_hand(ext, comfy, tiny, flow_model, ask):
    """Levels t_k, eps_k, and velocities v = (x - denoised) / t by the host's own guidance."""
    levels = ext.levels.Levels(flow_model.get_model_object("model_sampling"))
    sigmas = levels.sigmas(ext.csd.timesteps.Descending(*TIMES.values()), NUMBERS["steps"], NUMBERS["seed"]).tolist()
    noises = [ext.csd.draws.Draws(7, step).normal((4, 8, 8), "theta", "0")[None] for step in range(NUMBERS["steps"])]

    def velocity_of(x, prompt, negative, cfg, t):
        guider = comfy.samplers.CFGGuider(flow_model)
        guider.set_conds(prompt, negative)
        guider.set_cfg(cfg)
        sigma = torch.full((1,), t)
        return (x - ask(guider, x, lambda guider, extra: guider(x, sigma, **extra))) / t

    return list(zip(sigmas, sigmas[1:], noises)), velocity_of


def test_one_particle_is_flow_edit_by_hand(tiny, flow_model, flow_edit, velocity, by_hand, far):
    """Steps t_k - t_(k+1)."""
    latents, (levels, velocity_of) = rand(3, 1, 4, 8, 8), by_hand
    source = edited = flow_model.model.latent_format.process_in(latents)
    for t, following, eps in levels:
        source_t = (1 - t) * source + t * eps
        towards = velocity_of(edited + source_t - source, tiny.prompt(1), tiny.prompt(2), 3.0, t)
        away = velocity_of(source_t, tiny.prompt(40), tiny.prompt(2), 1.5, t)
        edited = edited + (following - t) * (towards - away)
    expected = flow_model.model.latent_format.process_out(edited)
    assert far(expected, latents) > 1e-2
    assert far(flow_edit(latents, velocity()), expected) < 1e-4


def test_one_particle_is_flow_align_by_hand(tiny, flow_model, flow_edit, velocity, by_hand, far):
    """Guidance starts from the source prompt and acts on the target alone; 0.05 of the clean estimates' difference."""
    latents, (levels, velocity_of) = rand(3, 1, 4, 8, 8), by_hand
    source = edited = flow_model.model.latent_format.process_in(latents)
    for t, following, eps in levels:
        source_t = (1 - t) * source + t * eps
        target_t = edited + source_t - source
        towards = velocity_of(target_t, tiny.prompt(1), tiny.prompt(40), 3.0, t)
        away = velocity_of(source_t, tiny.prompt(40), tiny.prompt(40), 1.0, t)
        pull = (source_t - t * away) - (target_t - t * towards)
        edited = edited + (following - t) * (towards - away) + 0.05 * pull
    expected = flow_model.model.latent_format.process_out(edited)
    settings = {"source_guidance": 1.0, "guidance_from": "source prompt"}
    assert far(flow_edit(latents, velocity(**settings, alignment=0.05)), expected) < 1e-4
    assert far(flow_edit(latents, velocity(**settings)), expected) > 1e-3


@pytest.mark.parametrize("start, each", [("negative prompt", 4), ("source prompt", 3)])
def test_guidance_from_the_source_saves_an_evaluation(host, tiny, flow_model, velocity, start, each):
    choice = velocity(source_guidance=1.5 if each == 4 else 1.0, guidance_from=start)
    inputs = {"positive": tiny.prompt(1), "negative": tiny.prompt(2), "latent": {"samples": rand(3, 2, 4, 8, 8)}}
    node = host.node("CSDEditSampler")
    with torch.inference_mode():
        done = getattr(node, node.FUNCTION)(
            model=flow_model, **inputs, **NUMBERS, **TIMES, particles_at_once=4, baseline=choice
        )
    assert done.ui["csd"][0]["evaluations"] == each * 2 * NUMBERS["steps"]


def test_how_many_go_through_the_model_at_once_changes_rounding_only(flow_edit, velocity, far):
    latents = rand(3, 4, 4, 8, 8)
    one, four = (flow_edit(latents, velocity(), particles_at_once=n) for n in (1, 4))
    assert far(one, four) < 1e-4


def test_particles_are_coupled(host, flow_edit, velocity, far):
    latents = rand(3, 4, 4, 8, 8)
    settings = {"bandwidth": "median", "fixed_bandwidth": 1.0, "normalization": "row", "repulsion": 0.0}
    (alone,) = host.run("CSDKernel", kernel="independent", **settings)
    assert far(flow_edit(latents, velocity()), flow_edit(latents, velocity(), coupling=alone)) > 1e-3


@pytest.mark.parametrize("changes", [{"rising": True}, {"freedom": 0.5}, {"anchor": 0.5}, {"alignment": 0.1}])
def test_every_knob_counts(flow_edit, velocity, far, changes):
    latents = rand(3, 2, 4, 8, 8)
    assert far(flow_edit(latents, velocity(**changes)), flow_edit(latents, velocity())) > 1e-3


@pytest.mark.parametrize("freedom", [0.0, 1.0])
def test_the_whole_range_of_noise_can_be_used(flow_edit, velocity, far, freedom):
    latents = rand(3, 2, 4, 8, 8)
    whole = flow_edit(latents, velocity(freedom=freedom), noise_low=0.0, noise_high=1.0)
    assert torch.isfinite(whole).all() and far(whole, latents) > 1e-3


def test_a_schedule_of_the_host_that_begins_at_one(host, tiny, flow_model, velocity, far):
    """At 1 there is no image in x_t; the run begins just below."""
    latents, prompts = rand(3, 2, 4, 8, 8), {"positive": tiny.prompt(1), "negative": tiny.prompt(2)}
    (noise,), (sigmas,) = (
        host.run("RandomNoise", noise_seed=1),
        host.run("BasicScheduler", model=flow_model, scheduler="simple", steps=3, denoise=1.0),
    )
    (sampler,) = host.run("CSDDistillation", step_size=1.0, particles_per_step=0)

    def edited(sigmas):
        scales = {"guidance": 3.0, "image_guidance": 1.0, "particles_at_once": 4, "baseline": velocity()}
        (guider,) = host.run("CSDGuider", model=flow_model, **prompts, **scales)
        links = {"noise": noise, "guider": guider, "sampler": sampler, "latent_image": {"samples": latents}}
        return host.run("SamplerCustomAdvanced", **links, sigmas=sigmas)[0]["samples"]

    assert sigmas[0] == 1 and far(edited(sigmas), latents) > 1e-3
    assert torch.equal(edited(sigmas), edited(sigmas.clamp(max=0.999)))


def test_models_of_other_kinds_are_refused(model, flow_edit, velocity, counted):
    clone, calls = counted(model)
    with pytest.raises(ValueError, match="CSD Edit Sampler: velocity: got a model that predicts eps or v, expected"):
        flow_edit(rand(3, 2, 4, 8, 8), velocity(), model=clone)
    assert not calls


def test_steps_along_the_levels_need_descending_ones(host, flow_edit, velocity):
    (order,) = host.run("CSDTimesteps", order="random")
    with pytest.raises(ValueError, match="velocity: got noise levels in random order, expected descending"):
        flow_edit(rand(3, 2, 4, 8, 8), velocity(), timesteps=order, steps=8)


def test_a_source_prompt_is_asked_for(velocity):
    with pytest.raises(ValueError, match="CSD Velocity: got no source_prompt, expected a conditioning"):
        velocity(source_prompt=None)
