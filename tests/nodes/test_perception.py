"""CSD Perceptual Kernel: what it compares, with the VAE of the demo model and with a CLIP vision model."""

import importlib
import json

import pytest
import torch

from collaborative_score_distillation.tests.nodes.conftest import fill, rand
from collaborative_score_distillation.tests.nodes.families.models import FAMILIES, image_vae, video_vae
from collaborative_score_distillation.tests.nodes.test_tones import KERNEL, tones

SCENE = {
    **{"text": "a red car", "negative_text": "", "view_words": "eight", "seed": 0, "steps": 4, "rate": 0.05},
    **{"guidance": 4.0, "noise_low": 0.02, "noise_high": 0.98, "views_per_step": 3},
    **{"side": 96, "splats": 60, "most": 0},
}


@pytest.fixture(scope="module")
def objects(host):
    model, clip, vae = host.run("CSDDemoModel", model="objects")
    return {"model": model, "clip": clip, "vae": vae}


@pytest.fixture
def perceptual(host, objects):
    links = {name: objects[name] for name in ("model", "vae")}
    return lambda **inputs: host.run("CSDPerceptualKernel", **{**links, "side": 64, **inputs})[0]


@pytest.fixture
def seen(host, objects):
    """Three particles of the demo model as a coupling gets them, and their pictures at 64 pixels."""
    x = rand(0, 3, *objects["vae"].encode(torch.zeros(1, 96, 96, 3)).shape[1:])
    shown = objects["vae"].decode(objects["model"].model.process_latent_out(x)).movedim(-1, 1)
    small = torch.nn.functional.interpolate(shown, (64, 64), mode="area").movedim(1, -1)
    return host.module("csd.stein").Seen(x, x + rand(1, *x.shape)), small


@pytest.fixture(scope="module")
def clip_vision(comfy, tmp_path_factory):
    config = {
        **{"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2},
        **{"image_size": 28, "patch_size": 14, "num_channels": 3, "hidden_act": "quick_gelu"},
        **{"projection_dim": 16, "model_type": "clip_vision_model"},
    }
    path = tmp_path_factory.mktemp("clip") / "config.json"
    path.write_text(json.dumps(config))
    found = importlib.import_module("comfy.clip_vision").ClipVisionModel(str(path))
    fill(found.model, 0)
    return found


def expected(ext, features: torch.Tensor) -> torch.Tensor:
    return ext.csd.kernel.RBF()(features).K


def test_without_a_network_what_the_vae_encodes_is_compared(ext, objects, perceptual, seen):
    at, small = seen
    direction, gram = perceptual()(at, at.x)
    K = expected(ext, objects["vae"].encode(small))
    assert torch.allclose(gram.K, K, atol=1e-5) and (K - torch.eye(3)).abs().max() > 0.01
    mixed = torch.einsum("ij, jchw -> ichw", K / K.sum(1, keepdim=True), at.x.to(K))
    assert torch.allclose(direction, mixed.to(direction), atol=1e-4)


def test_noise_does_not_count(perceptual, seen):
    at, _ = seen
    assert torch.equal(perceptual()(at, at.x)[1].K, perceptual()(at._replace(x_t=at.x), at.x)[1].K)


def test_a_clip_vision_model_is_asked_where_there_is_one(ext, perceptual, seen, clip_vision):
    at, small = seen
    K = perceptual(clip_vision=clip_vision)(at, at.x)[1].K
    assert torch.allclose(K, expected(ext, clip_vision.encode_image(small).image_embeds), atol=1e-4)
    assert not torch.allclose(K, perceptual()(at, at.x)[1].K, atol=1e-2)


def test_small_pictures_are_not_enlarged(perceptual, seen):
    at, _ = seen
    whole, larger = (perceptual(side=side)(at, at.x)[1].K for side in (96, 1024))
    assert torch.equal(whole, larger)


def test_settings_of_the_kernel_are_kept_but_for_the_repulsion(host, ext, perceptual):
    first = host.run("CSDKernel", **{**KERNEL, "kernel": "rbf", "normalization": "mean"})[0]
    made = perceptual(coupling=first)
    assert (made.kernel.kernel, made.normalization, made.repulsion) == (first.kernel, ext.csd.stein.mean, 0.0)


@pytest.mark.parametrize("kind", ["independent", "tones"])
def test_a_coupling_that_compares_no_whole_images(host, perceptual, kind):
    first = tones(host) if kind == "tones" else host.run("CSDKernel", **KERNEL)[0]
    with pytest.raises(ValueError, match="CSD Perceptual Kernel: coupling: got one that compares no whole images, exp"):
        perceptual(coupling=first)


def test_it_couples_the_views_of_a_scene(host, objects, perceptual, clip_vision):
    latents, by_vae, by_clip = (
        host.run("CSDTextToSplats", **objects, **SCENE, coupling=coupling)[0].sh
        for coupling in (None, perceptual(), perceptual(clip_vision=clip_vision))
    )
    assert torch.isfinite(by_vae).all() and not torch.equal(by_vae, latents) and not torch.equal(by_vae, by_clip)


def test_files_of_states_know_what_was_compared(host, perceptual, clip_vision):
    """The same texts for the same inputs, others for another size or another network."""
    describe = host.module("host.fingerprint").describe
    kinds = [{}, {"side": 32}, {"clip_vision": clip_vision}]
    once, again = ([describe(perceptual(**kind)) for kind in kinds] for _ in range(2))
    assert once == again and len(set(once)) == 3


def test_what_is_at_the_edges_of_wide_pictures_counts(ext, perceptual, clip_vision):
    """CLIP vision models take square pictures. Here the middle of the first two is the same."""
    x = rand(0, 3, 16, 4, 24)
    x[1, :, :, 6:] = x[0, :, :, 6:]
    K = perceptual(clip_vision=clip_vision)(ext.csd.stein.Seen(x, x), x)[1].K
    assert K[0, 2] < K[0, 1] < 0.9


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_and_equal_images(ext, perceptual, clip_vision, count):
    x = rand(0, 1, 16, 4, 6).expand(count, -1, -1, -1)
    for network in ({}, {"clip_vision": clip_vision}):
        direction, gram = perceptual(**network)(ext.csd.stein.Seen(x, x), x)
        assert torch.equal(gram.K, torch.ones(count, count).to(gram.K)) and torch.allclose(direction, x, atol=1e-5)


class TestVideoModels:
    """Their latents have an axis of time, and their VAEs take pictures for a clip."""

    @pytest.fixture(scope="class")
    def links(self, comfy):
        return {"model": FAMILIES["Wan 2.1"].model(comfy), "vae": video_vae()}

    @pytest.mark.parametrize("moments", [1, 3])
    def test_each_particle_is_compared_with_the_others(self, ext, perceptual, links, clip_vision, moments):
        x = rand(0, 3, 16, moments, 8, 8)
        x[2] = x[0]
        for network in ({}, {"clip_vision": clip_vision}):
            direction, gram = perceptual(**links, **network)(ext.csd.stein.Seen(x, x), x)
            assert direction.shape == x.shape and gram.K.shape == (3, 3)
            assert gram.K[0, 2] == 1 > gram.K[0, 1] and torch.allclose(direction[0], direction[2])

    def test_a_vae_of_pictures_is_refused(self, perceptual, links):
        expected = "vae: got latents of 16 channels, expected 16 channels and an axis of time, as the model has them"
        with pytest.raises(ValueError, match=f"CSD Perceptual Kernel: {expected}; connect"):
            perceptual(model=links["model"], vae=image_vae())


def test_a_vae_of_another_model_is_refused(perceptual):
    with pytest.raises(ValueError, match="CSD Perceptual Kernel: vae: got latents of 4 channels, expected 16"):
        perceptual(vae=image_vae(channels=4))


def test_the_model_of_another_sampler_is_refused(perceptual, model, edit):
    expected = "coupling: got latents of 4 channels, expected 16 channels, as the model of CSD Perceptual Kernel has"
    with pytest.raises(ValueError, match=f"CSD Edit Sampler: {expected}"):
        edit(model, coupling=perceptual())


def test_something_else_than_a_clip_vision_model_is_refused(perceptual):
    with pytest.raises(ValueError, match="CSD Perceptual Kernel: clip_vision: got 3, expected a CLIP_VISION"):
        perceptual(clip_vision=3)


def test_chunks_change_nothing(perceptual, model, edit, far):
    coupling = perceptual(model=model, vae=image_vae(channels=4), side=32)
    together, apart = (edit(model, coupling=coupling, particles_at_once=count) for count in (4, 1))
    assert far(together, apart) < 1e-4 < far(together, edit(model))


def test_tones_go_behind_it(host, objects, perceptual):
    scene = {**objects, **SCENE, "steps": 2}
    alone, behind = perceptual(), tones(host, coupling=perceptual())
    one, other = (host.run("CSDTextToSplats", **scene, coupling=coupling)[0].sh for coupling in (alone, behind))
    assert torch.isfinite(other).all() and not torch.equal(one, other)
