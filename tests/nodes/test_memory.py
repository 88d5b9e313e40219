"""What a long clip needs: model and VAE see a few images at a time, and the result is the same."""

import gc
import importlib

import pytest
import torch


def rand(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def vae(host):
    return host.run("CSDDemoModel")[2]


@pytest.fixture
def watched(vae):
    """The batch size of every call of the VAE's network."""
    sizes, model = [], vae.first_stage_model
    parts = (model.encoder, model.decoder)
    handles = [part.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0]))) for part in parts]
    yield sizes
    for handle in handles:
        handle.remove()


PICTURES = rand(1, 5, 32, 48, 3).sigmoid()


@pytest.mark.parametrize("at_once", [1, 2, 5, 100])
def test_the_vae_sees_few_images_at_a_time(host, vae, watched, at_once):
    batched = host.run("CSDVAEBatch", vae=vae, images_at_once=at_once)[0]
    (latent,) = host.run("VAEEncode", vae=batched, pixels=PICTURES)
    (pictures,) = host.run("VAEDecode", vae=batched, samples=latent)
    assert max(watched) <= at_once and sum(watched) == 2 * len(PICTURES)
    (alone,) = host.run("VAEEncode", vae=vae, pixels=PICTURES)
    assert latent["samples"].shape == (5, 4, 4, 6) and pictures.shape == PICTURES.shape
    assert torch.allclose(latent["samples"], alone["samples"], atol=1e-4)
    assert torch.allclose(pictures, host.run("VAEDecode", vae=vae, samples=alone)[0], atol=1e-4)


def test_every_image_comes_back_in_its_place(host, vae):
    batched = host.run("CSDVAEBatch", vae=vae, images_at_once=2)[0]
    one_by_one = [host.run("VAEEncode", vae=vae, pixels=picture[None])[0]["samples"] for picture in PICTURES]
    encoded = host.run("VAEEncode", vae=batched, pixels=PICTURES)[0]["samples"]
    assert torch.allclose(encoded, torch.cat(one_by_one), atol=1e-4)


def test_the_vae_that_comes_in_stays_as_it_was(host, vae, watched):
    batched = host.run("CSDVAEBatch", vae=vae, images_at_once=2)[0]
    assert batched is not vae and batched.first_stage_model is vae.first_stage_model
    assert batched.patcher is vae.patcher and isinstance(batched, type(vae))
    host.run("VAEEncode", vae=vae, pixels=PICTURES)
    assert watched == [5]


def test_tiles_work_too(host, vae):
    batched = host.run("CSDVAEBatch", vae=vae, images_at_once=2)[0]
    inputs = {"pixels": PICTURES, "tile_size": 64, "overlap": 0}
    tiled = [host.run("VAEEncodeTiled", vae=each, **inputs)[0]["samples"] for each in (vae, batched)]
    assert torch.equal(*tiled)


def test_the_host_can_cancel_between_images(host, comfy, vae):
    management = comfy.model_management
    batched = host.run("CSDVAEBatch", vae=vae, images_at_once=2)[0]
    management.interrupt_current_processing()
    with pytest.raises(management.InterruptProcessingException):
        host.run("VAEEncode", vae=batched, pixels=PICTURES)


FRAMES = 24


@pytest.fixture
def clip(tiny):
    """Frames with a concatenated image each."""
    image = rand(5, FRAMES, 4, 8, 8)
    prompts = {name: tiny.prompt(i, concat_latent_image=image) for i, name in enumerate(("positive", "negative"))}
    return {**prompts, "latent": {"samples": rand(6, FRAMES, 4, 8, 8)}, "layout": None}


@pytest.mark.parametrize("field", ["canvas", "independent", "shared"])
def test_a_clip_does_not_depend_on_chunks(host, model, edit, far, clip, field):
    options = {"noise": host.run("CSDNoiseField", field=field)[0], "particles_per_step": 10, **clip}
    whole = edit(model, **options, particles_at_once=100)
    assert far(whole, clip["latent"]["samples"]) > 1e-2
    for at_once in (1, 7):
        assert far(edit(model, **options, particles_at_once=at_once), whole) < 1e-4


def test_the_model_sees_the_particles_of_a_chunk_alone(model, edit, counted, clip):
    clone, calls = counted(model)
    edit(clone, **clip, particles_per_step=10, particles_at_once=2, steps=3)
    assert max(calls) <= 2 * 5  # five predictions of each particle


def test_conditioning_waits_away_from_the_model(ext, comfy, model, ask, clip):
    """What has a row for each frame is kept where latents are, and comes row by row to the model's device."""
    conditioning = importlib.import_module(ext.control.__name__.replace("control", "conditioning"))
    guider = ext.guider.CSDGuider(model, ext.csd.guidance.Guidance(3.0, 1.5), ext.csd.baseline.ImageConditional())
    guider.set_conds(clip["positive"], clip["negative"])
    away = torch.device("meta")

    def question(guider, extra):
        guider.start(FRAMES)
        return {name: conditioning.parked(conds, FRAMES, away) for name, conds in guider.conds.items()}

    for conds in ask(guider, clip["latent"]["samples"], question).values():
        kept = conds[0]["model_conds"]
        assert kept["c_concat"].cond.device == away and kept["c_crossattn"].cond.device != away
        taken = conditioning.take(conds, [3, 1], FRAMES, {}, away)[0]["model_conds"]
        assert taken["c_concat"].cond.shape == (2, 4, 8, 8) and taken["c_crossattn"].cond.device == away


def test_a_run_leaves_no_clone_of_its_model(comfy, model, edit):
    """Not even until garbage is collected: the host would take what it has loaded for a leak."""

    def clones() -> int:
        patcher = type(model)
        return sum(type(one) is patcher and one.model is model.model for one in gc.get_objects())

    edit(model)
    gc.collect()
    gc.disable()
    try:
        before = clones()
        edit(model)
        assert clones() == before
    finally:
        gc.enable()
