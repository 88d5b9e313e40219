"""CSDTextToSplats on the demo model of objects."""

import pytest
import torch

from .families.models import image_vae, video_vae

SETTINGS = {
    **{"text": "a red car", "negative_text": "", "view_words": "eight", "seed": 0, "steps": 8, "rate": 0.05},
    **{"guidance": 4.0, "noise_low": 0.02, "noise_high": 0.98, "views_per_step": 2, "side": 48},
    **{"splats": 60, "most": 0},
}
PARTS = ("positions", "scales", "rotations", "opacities", "sh")


@pytest.fixture(scope="module")
def objects(host):
    model, clip, vae = host.run("CSDDemoModel", model="objects")
    return {"model": model, "clip": clip, "vae": vae}


@pytest.fixture(scope="module")
def make(host, objects):
    return lambda **changes: host.run("CSDTextToSplats", **{**objects, **SETTINGS, **changes})


def test_a_scene_comes_out_and_cameras_around_it(host, make):
    splat, views, report, _ = make()
    images = host.run("CSDRenderSplats", splat=splat, views=views, frames=0, background=0.5)[0]
    assert images.shape == (13, 48, 48, 3) and torch.allclose(images[0], images[-1], atol=1e-4)
    assert splat.positions.shape == (1, 60, 3) and report.shape[-1] == 3


def test_the_text_decides_about_the_colour(make):
    red, blue = (make(text=f"a {colour} car", steps=20)[0].sh[0, :, 0].mean(0) for colour in ("red", "blue"))
    assert red[0] - red[2] > blue[0] - blue[2]


def test_the_same_seed_gives_the_same(make):
    one, two, other = (make(seed=seed)[0] for seed in (1, 1, 2))
    assert all(torch.equal(getattr(one, part), getattr(two, part)) for part in PARTS)
    assert not torch.equal(one.sh, other.sh)


def test_views_of_a_step_influence_each_other_by_the_coupling(host, make):
    kernel = {"bandwidth": "median", "fixed_bandwidth": 1.0, "normalization": "row", "repulsion": 1.0}
    alone, coupled = (host.run("CSDKernel", kernel=kind, **kernel)[0] for kind in ("independent", "rbf"))
    assert torch.equal(make(coupling=coupled)[0].sh, make()[0].sh)
    assert not torch.equal(make(coupling=alone)[0].sh, make()[0].sh)


def test_it_says_how_long_it_will_take(host, make, monkeypatch):
    said = []
    monkeypatch.setattr(host.module("host.loop"), "say", said.append)
    make(steps=3)
    assert [words.split(",")[0] for words in said] == ["Step 1 of 3", "Step 2 of 3", "Step 3 of 3."]
    assert said[0].endswith(" s left.")


def evaluations(host, objects, **changes):
    with torch.inference_mode():
        output = host.node("CSDTextToSplats").execute(**{**objects, **SETTINGS, **changes})
    return output.ui["csd"][0]["evaluations"]


def test_an_approach_takes_no_evaluations_and_draws_do(host, objects):
    assert evaluations(host, objects, steps=2) == evaluations(host, objects, steps=2, approach=3) == 8
    assert evaluations(host, objects, steps=2, draws=3) == 24


def test_an_approach_comes_nearer_to_what_the_model_asks_for(make):
    """After two steps with the same evaluations, a red car is redder."""
    once, often = (make(steps=2, approach=approach)[0].sh[0, :, 0].mean(0) for approach in (0, 20))
    assert often[0] - often[2] > once[0] - once[2]


class Stopped(Exception):
    pass


def test_a_run_goes_on_from_its_file(host, objects, make, tmp_path, monkeypatch):
    monkeypatch.setattr("folder_paths.output_directory", str(tmp_path))
    (state,) = host.run("CSDStateFile", name="text to 3d", every=1, resume=True)
    calls = []

    def stop(*_):
        calls.append(1)
        if len(calls) == 5:
            raise Stopped

    handle = objects["model"].model.diffusion_model.register_forward_pre_hook(stop)
    try:
        with pytest.raises(Stopped):
            make(most=80, state=state, approach=2)
    finally:
        handle.remove()
    resumed, whole = make(most=80, state=state, approach=2)[0], make(most=80, approach=2)[0]
    assert all(torch.equal(getattr(resumed, part), getattr(whole, part)) for part in PARTS)
    make(most=80, state=state, approach=2, side=64)  # another run, which leaves the file of this one alone
    assert len(list((tmp_path / "csd_states").iterdir())) == 2


def test_a_coupling_along_a_correspondence_is_refused(host, make):
    _, views = host.run("CSDDemoViews", seed=1, look="summer", count=2, width=64, height=64)
    (shared,) = host.run("CSDViewCorrespondence", views=views, neighbours=0)
    kernel = {"bandwidth": "median", "fixed_bandwidth": 1.0, "normalization": "row", "repulsion": 0.0}
    (coupling,) = host.run("CSDKernel", kernel="uniform", **kernel, correspondence=shared)
    with pytest.raises(ValueError, match="CSD Text to 3D: coupling: got one along a correspondence"):
        make(coupling=coupling)


def test_a_checkpoint_without_text_encoder(make):
    with pytest.raises(ValueError, match="CSD Text to 3D: clip"):
        make(clip=None)


@pytest.mark.parametrize("gradient", ["decoded", "encoder"])
def test_a_vae_of_another_model(make, gradient):
    for vae, got in ((image_vae(channels=4), "4 channels"), (video_vae(), "16 channels and an axis of time")):
        with pytest.raises(ValueError, match=f"CSD Text to 3D: vae: got latents of {got}, expected 16 channels"):
            make(vae=vae, gradient=gradient)


def test_a_side_that_the_vae_does_not_make(make):
    with pytest.raises(ValueError, match="CSD Text to 3D: side: got 52 pixels, of which the VAE makes 48; expected"):
        make(side=52)


def test_more_than_there_is_memory_for(host, make, monkeypatch):
    memory = host.module("host.memory")
    monkeypatch.setattr(memory, "machine", lambda: memory.Memory(2**30, 2**31))
    with pytest.raises(ValueError, match="CSD Text to 3D: got 60 splats that follow 64 views of 2048 x 2048 pixels"):
        make(side=2048, views_per_step=64)


def test_elevations_the_wrong_way_round(make):
    with pytest.raises(ValueError, match="CSD Text to 3D: elevation_low: got 50 degrees, expected at most .* 40"):
        make(elevation_low=50.0, elevation_high=40.0)


def test_the_cameras_stand_upright_where_y_is_down(make):
    """As in files of splats: what viewers show is not upside down."""
    cameras = make(steps=1)[1].cameras
    assert (cameras.camera_to_world[:, 1, 1] > 0.9).all() and (cameras.centres[:, 1] < 0).all()
    assert torch.allclose(cameras.directions[0, :2], torch.tensor([0.0, 0.26]), atol=0.01) and cameras.centres[0, 2] < 0
