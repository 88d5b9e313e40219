"""The host's noise schedules as levels: every conversion against the host's own functions."""

import importlib

import pytest
import torch

KINDS = ["EPS", "V_PREDICTION", "FLOW", "FLUX", "V_PREDICTION_EDM", "V_PREDICTION_CONTINUOUS"]
TIMES = [0.0, 0.02, 0.3, 0.5, 0.98, 1.0]


def rand(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def sampling(tiny):
    """The schedule of a model of each kind."""
    made = {}

    def of(kind):
        if kind not in made:
            made[kind] = tiny.text_to_image(kind).get_model_object("model_sampling")
        return made[kind]

    return of


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("time", TIMES)
def test_noising_is_the_hosts(ext, sampling, kind, time):
    """x_t is what the model is shown: the host's noise_scaling, then its calculate_input."""
    schedule, x, eps = sampling(kind), rand(1, 2, 4, 8, 8), rand(2, 2, 4, 8, 8)
    levels = ext.levels.Levels(schedule)
    sigma = levels.sigma(time)
    level, wide = levels.level(sigma), torch.tensor([sigma], dtype=torch.float64)
    host_x = schedule.noise_scaling(wide, eps.clone(), x)
    x_t = level.noise(x, eps)
    assert torch.allclose(x_t, schedule.calculate_input(wide, host_x), atol=1e-12)
    assert torch.allclose(levels.host_x(x_t, level), host_x, rtol=1e-12)
    assert levels.host_sigma(level) == pytest.approx(sigma, rel=1e-12)


@pytest.fixture
def noisier(tiny):
    """A flow model whose pure noise has standard deviation 8, as that of HiDream-O1."""
    nodes = importlib.import_module("comfy_extras.nodes_model_advanced")
    if not hasattr(nodes, "ModelNoiseScale"):
        pytest.skip("flow models of this host have no noise scale")
    return nodes.ModelNoiseScale().patch(tiny.text_to_image("FLOW"), 8.0)[0]


@pytest.mark.parametrize("time", TIMES[:-1])
def test_noise_of_another_scale(ext, noisier, time):
    schedule, x = noisier.get_model_object("model_sampling"), rand(1, 2, 4, 8, 8)
    levels, frames, draws = ext.levels.Levels(schedule), ext.csd.frames.Frames(2), ext.csd.draws.Draws(3, 0)
    unit = ext.csd.noise.MAKERS["shared"](frames, x)
    eps, drawn = ext.csd.noise.Scaled(unit, levels.noise_scale)(draws, [0, 1], x), unit(draws, [0, 1], x)
    level = levels.level(levels.sigma(time))
    wide = torch.tensor([levels.host_sigma(level)], dtype=torch.float64)
    assert torch.allclose(level.noise(x, eps), schedule.noise_scaling(wide, drawn, x), atol=1e-12)
    denoised = schedule.calculate_denoised(wide, eps - x, level.noise(x, eps))
    assert torch.allclose(denoised, x, atol=1e-6)
    assert torch.allclose(level.velocity_from_eps(level.noise(x, eps), eps), eps - x, atol=1e-6)


def test_a_run_with_noise_of_another_scale(host, ext, tiny, noisier, case, edit, far):
    """In every step the model is shown source and particle under noise of the model's own scale."""
    seen, clone = [], noisier.clone()

    def look(apply, call):
        seen.append(call["input"])
        return apply(call["input"], call["timestep"], **call["c"])

    clone.set_model_unet_function_wrapper(look)
    baseline = host.run("CSDBaseline", baseline="source prompt", source=tiny.prompt(9))[0]
    inputs = {"positive": tiny.prompt(1), "negative": tiny.prompt(2), "baseline": baseline, "image_guidance": 1.0}
    edit(clone, **inputs, noise_low=0.98, noise_high=0.98)
    assert 6 < float(seen[0].std()) < 9
    edited = edit(noisier, **inputs)
    assert torch.isfinite(edited).all() and far(edited, edit(tiny.text_to_image("FLOW"), **inputs)) > 1e-2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("time", TIMES)
def test_the_noise_comes_back_from_the_hosts_prediction(ext, sampling, kind, time):
    """A model that outputs the truth in its own terms gives eps back, by way of the host's calculate_denoised."""
    schedule, x, eps = sampling(kind), rand(1, 2, 4, 8, 8), rand(2, 2, 4, 8, 8)
    levels = ext.levels.Levels(schedule)
    level = levels.level(levels.sigma(time))
    x_t = level.noise(x, eps)
    output = {"EPS": eps, "FLOW": eps - x, "FLUX": eps - x}.get(kind, level.alpha * eps - level.sigma * x)
    sigma = torch.tensor([levels.host_sigma(level)], dtype=torch.float64)
    denoised = schedule.calculate_denoised(sigma, output, levels.host_x(x_t, level))
    assert torch.allclose(denoised, x, atol=1e-8)
    assert torch.allclose(level.eps_from_denoised(x_t, denoised), eps, atol=1e-8)


@pytest.mark.parametrize("kind", ["EPS", "V_PREDICTION"])
def test_a_fraction_of_training_time_is_a_step(ext, sampling, kind):
    """The authors' 20 ... 500 of 1000 is 0.02 ... 0.5."""
    schedule = sampling(kind)
    levels = ext.levels.Levels(schedule)
    for time, step in [(0.02, 20), (0.5, 500), (0.0, 0), (1.0, 999), (0.1234, 123)]:
        sigma = levels.sigma(time)
        assert sigma == float(schedule.sigmas[step])
        assert int(schedule.timestep(torch.tensor([sigma]))[0]) == step
        assert levels.level(sigma).time == pytest.approx(step / 1000)
    assert levels.level(levels.sigma(0.5)).alpha ** 2 == pytest.approx(float(1 / (1 + schedule.sigmas[500] ** 2)))


OTHERS = ["FLOW", "FLUX", "V_PREDICTION_EDM", "V_PREDICTION_CONTINUOUS"]
INSIDE = [0.02, 0.1, 0.3, 0.5, 0.777, 0.98]


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("time", INSIDE)
def test_a_time_is_as_much_noise_as_stable_diffusion_has(ext, sampling, kind, time):
    levels, reference = ext.levels.Levels(sampling(kind)), sampling("EPS").sigmas
    level = levels.level(levels.sigma(time))
    assert level.sigma / level.alpha == pytest.approx(float(reference[round(1000 * time)]), rel=1e-5)
    assert level.time == pytest.approx(time, abs=1e-6)


def largest(schedule, kind: str) -> float:
    """At sigma 1 of a flow there is no image in x_t to be edited."""
    return min(float(schedule.sigmas[-1]), 0.999) if kind in ("FLOW", "FLUX") else float(schedule.sigmas[-1])


@pytest.mark.parametrize("kind", OTHERS)
def test_the_ends_are_the_models_own(ext, sampling, kind):
    schedule = sampling(kind)
    levels = ext.levels.Levels(schedule)
    times = torch.linspace(0, 1, 401).tolist()
    sigmas = [levels.sigma(time) for time in times]
    assert sigmas[0] == float(schedule.sigmas[0]) and sigmas[-1] == largest(schedule, kind)
    assert all(low < high for low, high in zip(sigmas, sigmas[1:]))
    assert [levels.level(sigma).time for sigma in sigmas] == pytest.approx(times, abs=1e-6)


@pytest.mark.parametrize("kind", OTHERS)
def test_the_models_own_time(ext, sampling, kind):
    """With the model's shift, as the host's samplers count it; its ends are finite."""
    schedule = sampling(kind)
    levels = ext.levels.Levels(schedule)
    for time in (0.02, 0.5, 0.9):
        assert levels.sigma(time, own=True) == pytest.approx(float(schedule.percent_to_sigma(1 - time)), rel=1e-6)
    assert levels.sigma(0.0, own=True) == float(schedule.sigmas[0])
    assert levels.sigma(1.0, own=True) == largest(schedule, kind)


@pytest.mark.parametrize("kind", ["EPS", "V_PREDICTION"])
def test_models_of_discrete_steps_have_one_time(ext, sampling, kind):
    levels = ext.levels.Levels(sampling(kind))
    assert all(levels.sigma(time, own=True) == levels.sigma(time) for time in TIMES)


def test_the_scale_is_chosen_by_a_node(host, tiny):
    """CSD Sigmas with CSD Timesteps: Flux's own half is sigma .76, Stable Diffusion's is .62."""
    model = tiny.text_to_image("FLUX")
    inputs = {"model": model, "steps": 1, "noise_low": 0.5, "noise_high": 0.5, "seed": 0}

    def half(**scale):
        (timesteps,) = host.run("CSDTimesteps", order="descending", **scale)
        return float(host.run("CSDSigmas", **inputs, timesteps=timesteps)[0][0])

    assert half() == half(scale="signal-to-noise") == pytest.approx(0.618, abs=2e-3)
    assert float(host.run("CSDSigmas", **inputs)[0][0]) == half()
    assert half(scale="model's own time") == pytest.approx(0.76, abs=2e-3)


REFUSED = "got a model that samples by .* and .*; expected an eps-, v- or flow model"
UNTESTED = ["EDM", "FLOW_COSMOS", "STABLE_CASCADE", "IMG_TO_IMG"]
UNTESTED += ["IMG_TO_IMG_FLOW", "V_PREDICTION_DDPM"]  # of newer hosts


@pytest.mark.parametrize("kind", UNTESTED)
def test_untested_families_are_refused(ext, comfy, tiny, kind):
    if kind not in comfy.model_base.ModelType.__members__:
        pytest.skip(f"this host has no models of kind {kind}")
    config = tiny._config(comfy.supported_models.SD15, in_channels=4)
    schedule = comfy.model_base.model_sampling(config, comfy.model_base.ModelType[kind])
    with pytest.raises(ValueError, match=REFUSED):
        ext.levels.Levels(schedule)


SCHEDULES = [("v_prediction", True, True), ("eps", False, True), ("lcm", False, False), ("x0", False, False)]


@pytest.mark.parametrize("sampling, zsnr, good", SCHEDULES)
def test_schedules_set_by_the_hosts_nodes(ext, tiny, sampling, zsnr, good):
    node = importlib.import_module("comfy_extras.nodes_model_advanced").ModelSamplingDiscrete()
    patched = node.patch(tiny.text_to_image(), sampling, zsnr)[0]
    if not good:
        with pytest.raises(ValueError, match=REFUSED):
            ext.levels.Levels(patched.get_model_object("model_sampling"))
        return
    schedule = patched.get_model_object("model_sampling")
    assert ext.levels.Levels(schedule).sigma(0.9) == float(schedule.sigmas[900])


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_or_v_model_edits(host, tiny, case, edit, far, kind):
    """Delta denoising on a model of each kind: finite, moved, and the same in chunks."""
    model, source = tiny.text_to_image(kind), tiny.prompt(9)
    baseline = host.run("CSDBaseline", baseline="source prompt", source=source)[0]
    inputs = {"positive": tiny.prompt(1), "negative": tiny.prompt(2), "baseline": baseline, "image_guidance": 1.0}
    edited = edit(model, **inputs, particles_at_once=1)
    assert torch.isfinite(edited).all() and far(edited, case.latents) > 1e-2
    assert far(edited, edit(model, **inputs, particles_at_once=4)) < 1e-4
