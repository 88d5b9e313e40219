"""CSD Preset: the sampler takes its settings, which are those that could be set by hand."""

import logging

import pytest
import torch

from .by_hand import SETTINGS
from .models import FAMILIES

COUNT = 2


@pytest.fixture
def with_preset(host, comfy):
    """Edited latents and the report of CSDEditSampler, for a family's model and a preset; and what was chosen."""

    def run(name, described=False, model=None, strength=0.5, quality="fast", **changes):
        family = FAMILIES[name]
        model, images = model or family.model(comfy), family.latents(6, COUNT)
        shown = {} if described else family.image(images)
        positive, negative, source = (
            [[tokens, {**rest, **shown}]] for ((tokens, rest),) in map(family.prompt, (1, 2, 3))
        )
        chosen = {"source_prompt": source} if described else {}
        preset, said = host.run("CSDPreset", model=model, strength=strength, quality=quality, **chosen)
        inputs = {"model": model, "positive": positive, "negative": negative}
        latent = {"samples": family.latents(5, COUNT)}
        settings = {**SETTINGS, "particles_at_once": 4, "preset": preset, **changes}
        latents, report, _ = host.run("CSDEditSampler", **inputs, latent=latent, **settings)
        return latents["samples"], report, said

    return run


def numbers(row, strength):
    pace, reach, pull = row.paces["fast"], min(2 * strength, 1) ** row.bend, row.pull.at(strength)
    found = {"steps": pace.steps, "step_size": pace.step_size * reach, "guidance": row.guidance * pull}
    found |= {"image_guidance": row.image_guidance, "noise_low": row.noise_low}
    return {**found, "noise_high": row.noise_high.at(strength), "preset": None}


CASES = [("InstructPix2Pix", False), ("Flux Kontext", False), ("SD 1.5", True), ("Z-Image", True)]


@pytest.mark.parametrize("strength", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("name, described", CASES)
def test_it_is_what_could_be_set_by_hand(host, comfy, with_preset, name, described, strength):
    family, presets = FAMILIES[name], host.module("host.presets")
    row = presets.preset_of(family.model(comfy), described)
    options = {"timesteps": host.run("CSDTimesteps", order="descending", **_scale(row))[0]}
    uses = {"uses": row.paces["fast"].uses, "guidance_low": 0.0, "guidance_high": 1.0}
    options["savings"] = host.run("CSDSavings", **uses)[0]
    if row.freedom is not None:
        options["baseline"] = _velocity(host, row, family.prompt(3) if described else None, strength)
    elif described:
        options["baseline"] = host.run("CSDBaseline", baseline="source prompt", source=family.prompt(3))[0]
    chosen, _, said = with_preset(name, described, strength=strength)
    by_hand, _, _ = with_preset(name, described, **numbers(row, strength), **options)
    assert torch.equal(chosen, by_hand)
    assert row.label in said and row.why in said


def _scale(row) -> dict:
    return {"scale": "model's own time" if row.own_time else "signal-to-noise"}


def _velocity(host, row, source, strength):
    settings = {"freedom": row.freedom.at(strength), "rising": False, "anchor": 0.0, "along_levels": True}
    settings |= {"source": "image" if source is None else "prompt", "source_guidance": row.source_guidance}
    return host.run("CSDVelocity", **settings, source_prompt=source)[0]


def test_strength_and_quality_count(with_preset, far):
    usual = with_preset("InstructPix2Pix")[0]
    assert far(usual, with_preset("InstructPix2Pix", strength=0.9)[0]) > 1e-3
    assert far(usual, with_preset("InstructPix2Pix", quality="balanced")[0]) > 1e-3


def test_what_is_connected_wins(host, with_preset, far):
    (drawn,) = host.run("CSDBaseline", baseline="drawn noise")
    assert far(with_preset("InstructPix2Pix")[0], with_preset("InstructPix2Pix", baseline=drawn)[0]) > 1e-3


def test_the_report_says_what_was_chosen(host, with_preset):
    chosen, plain = (with_preset("InstructPix2Pix", **changes)[1] for changes in ({}, {"preset": None}))
    pale = torch.tensor(host.module("media.report").PALE)
    words, names = (((card[0] * 255).round() == pale).all(-1).sum() for card in (chosen, plain))
    assert words > 2 * names


def test_a_model_that_does_not_see_the_source_asks_for_words(with_preset):
    with pytest.raises(
        ValueError, match="CSD Preset: source_prompt: got no description of the source for Stable Diffusion 1.5"
    ):
        with_preset("SD 1.5")


def test_a_model_of_no_family_gets_generic_settings(comfy, with_preset, caplog):
    model = FAMILIES["SD 1.5"].model(comfy)
    model.model.model_config = type("Unknown", (), {"unet_config": model.model.model_config.unet_config})()
    with caplog.at_level(logging.WARNING):
        latents, _, said = with_preset("SD 1.5", described=True, model=model)
    assert torch.isfinite(latents).all()
    assert "unknown family (noise prediction)" in said and "Generic settings" in said and said in caplog.text
