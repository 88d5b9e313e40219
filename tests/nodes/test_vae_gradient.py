"""The gradient of a VAE's encoder, beside differences of what the host's own VAE encodes."""

from types import SimpleNamespace

import pytest
import torch

from collaborative_score_distillation.tests.nodes.conftest import rand
from collaborative_score_distillation.tests.nodes.test_text_to_3d import PARTS, SETTINGS


@pytest.fixture(scope="module")
def objects(host):
    with torch.inference_mode():  # as the host runs nodes
        model, clip, vae = host.run("CSDDemoModel", model="objects")
    return {"model": model, "clip": clip, "vae": vae}


@pytest.fixture
def adjoint(host, objects):
    scaled = objects["model"].model.process_latent_in
    return host.module("host.vae_gradient").adjoint_of_encoder(objects["vae"], scaled)


def test_it_is_the_gradient_of_what_the_host_encodes(objects, adjoint):
    """For a direction v of the pictures: <adjoint(d), v> is the derivative of <d, encode> along v."""
    pictures, v = rand(0, 2, 64, 64, 3).sigmoid(), rand(1, 2, 64, 64, 3)
    with torch.inference_mode():
        ahead, behind = (objects["vae"].encode(pictures + side * 1e-3 * v) for side in (1, -1))
        change = objects["model"].model.process_latent_in(ahead) - objects["model"].model.process_latent_in(behind)
        d = rand(2, *change.shape)
        found = adjoint(pictures, d)
    expected, got = (d * change).sum() / 2e-3, (found * v).sum()
    assert found.shape == pictures.shape and abs(expected) > 1 and torch.isclose(got, expected, rtol=0.02)


def test_views_do_not_mix(adjoint):
    pictures, d = rand(0, 2, 32, 32, 3).sigmoid(), rand(2, 2, 16, 4, 4)
    assert torch.allclose(adjoint(pictures, d)[1:], adjoint(pictures[1:], d[1:]), atol=1e-6)


def test_weights_are_as_they_were(objects, adjoint):
    before = {name: weight.clone() for name, weight in objects["vae"].first_stage_model.named_parameters()}
    adjoint(rand(0, 1, 32, 32, 3).sigmoid(), rand(2, 1, 16, 4, 4))
    for name, weight in objects["vae"].first_stage_model.named_parameters():
        assert torch.equal(weight, before[name]) and weight.grad is None


def test_a_scene_from_a_text_by_it(host, objects):
    by_it, decoded = (
        host.run("CSDTextToSplats", **objects, **SETTINGS, gradient=gradient)[0] for gradient in ("encoder", "decoded")
    )
    assert all(torch.isfinite(getattr(by_it, part)).all() for part in PARTS)
    assert not torch.equal(by_it.sh, decoded.sh)


def test_an_approach_follows_decoded_pictures(host, objects):
    with pytest.raises(ValueError, match="CSD Text to 3D: gradient: got `encoder` with an approach of 3 steps"):
        host.run("CSDTextToSplats", **objects, **SETTINGS, gradient="encoder", approach=3)


def test_a_vae_of_a_video_model_is_refused(host):
    with pytest.raises(ValueError, match="vae: got one of a video model, expected one of pictures; choose `gradient`"):
        host.module("host.vae_gradient").adjoint_of_encoder(SimpleNamespace(latent_dim=3), torch.clone)
