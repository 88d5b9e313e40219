"""CSDEditSplats on the embedded demo model."""

import math
from dataclasses import replace

import pytest
import torch

from .families.models import image_vae, video_vae

VIEWS = {"seed": 1_000_000, "count": 3, "width": 96, "height": 64}
MAKE = {"every": 2, "degree": 0, "steps": 40, "views_per_step": 1, "rate": 0.2, "seed": 0, "most": 0}
SETTINGS = {
    **{"seed": 0, "steps": 6, "step_size": 1.5, "guidance": 3.0, "image_guidance": 1.0},
    **{"noise_low": 0.02, "noise_high": 0.4, "particles_per_step": 0, "particles_at_once": 3},
}
ROUNDS = {"rounds": 2, "fit_steps": 20, "rate": 0.2, "what": "colours"}
RENDER = {"frames": 0, "background": 0.0}


def decibels(one, other):
    return -10 * math.log10(float((one - other).square().mean()))


class World:
    """A painted scene as splats, the demo model, and prompts with the views."""

    def __init__(self, host, model="first"):
        self.host = host
        self.images, self.views = host.run("CSDDemoViews", look="summer", **VIEWS)
        self.model, clip, self.vae = host.run("CSDDemoModel", model=model)
        self.splat, _ = host.run("CSDSplatsFromViews", images=self.images, views=self.views, **MAKE)
        self.shown = self.render(self.splat)
        positive, negative = (host.run("CLIPTextEncode", clip=clip, text=t)[0] for t in ("make it winter", ""))
        wires = {"positive": positive, "negative": negative, "vae": self.vae, "pixels": self.shown}
        self.positive, self.negative, _ = host.run("InstructPixToPixConditioning", **wires)

    def render(self, splat):
        return self.host.run("CSDRenderSplats", splat=splat, views=self.views, **RENDER)[0]

    def edit(self, **changes):
        wires = {name: getattr(self, name) for name in ("model", "positive", "negative", "vae", "splat", "views")}
        return self.host.run("CSDEditSplats", **{**wires, **SETTINGS, **ROUNDS, **changes})


@pytest.fixture(scope="module")
def world(host) -> World:
    return World(host)


def test_the_scene_comes_nearer_to_the_painted_edit(host, world):
    winter = host.run("CSDDemoViews", look="winter", **VIEWS)[0]
    before = {name: getattr(world.splat, name).clone() for name in ("positions", "sh")}
    splat, report, _ = world.edit()
    assert decibels(world.render(splat), winter) > decibels(world.shown, winter) + 1
    assert torch.allclose(splat.scales, world.splat.scales) and report.shape[-1] == 3
    assert all(torch.equal(getattr(world.splat, name), part) for name, part in before.items())


def test_the_same_seed_gives_the_same(world):
    one, two, other = (world.edit(seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(one.sh, two.sh) and not torch.equal(one.sh, other.sh)


def test_how_many_particles_go_at_once_changes_nothing(world, far):
    assert far(world.edit(particles_at_once=1)[0].sh, world.edit()[0].sh) < 1e-3


def test_everything_may_move(world):
    splat, *_ = world.edit(what="everything", rounds=1)
    assert not torch.allclose(splat.positions, world.splat.positions)


def test_with_a_correspondence(host, world):
    (shared,) = host.run("CSDViewCorrespondence", views=world.views, neighbours=0)
    kernel = {"kernel": "uniform", "bandwidth": "median", "fixed_bandwidth": 1.0, "normalization": "row"}
    (coupling,) = host.run("CSDKernel", **kernel, repulsion=0.0, correspondence=shared)
    (noise,) = host.run("CSDNoiseField", field="carried", correspondence=shared)
    assert not torch.equal(world.edit(coupling=coupling, noise=noise)[0].sh, world.edit()[0].sh)


def test_a_file_goes_in_and_an_edited_one_comes_out(host, world, tmp_path, monkeypatch):
    """Cameras without depth: where views show the same place is known from the splats."""
    monkeypatch.setattr("folder_paths.output_directory", str(tmp_path))
    (name,) = host.run("CSDSaveSplats", splat=world.splat, name="capture")
    (loaded,) = host.run("CSDLoadSplats", file=name)
    cameras = replace(world.views, depth=None)
    _, rendered, _ = host.run("CSDRenderSplats", splat=loaded, views=cameras, **RENDER)
    (shared,) = host.run("CSDViewCorrespondence", views=rendered, neighbours=0)
    kernel = {"kernel": "uniform", "bandwidth": "median", "fixed_bandwidth": 1.0, "normalization": "row"}
    (coupling,) = host.run("CSDKernel", **kernel, repulsion=0.0, correspondence=shared)
    splat, *_ = world.edit(splat=loaded, views=cameras, coupling=coupling, steps=2, rounds=1)
    (name,) = host.run("CSDSaveSplats", splat=splat, name="edited")
    (again,) = host.run("CSDLoadSplats", file=name)
    assert torch.allclose(again.sh, splat.sh, atol=1e-6) and not torch.allclose(again.sh, loaded.sh, atol=0.01)
    assert torch.allclose(again.positions, world.splat.positions, atol=1e-6)


def test_the_cost_of_all_rounds_is_told(host, world):
    wires = {name: getattr(world, name) for name in ("model", "positive", "negative", "vae", "splat", "views")}
    with torch.inference_mode():
        output = host.node("CSDEditSplats").execute(**wires, **SETTINGS, **{**ROUNDS, "rounds": 3})
    (cost,) = output.ui["csd"]
    assert cost["steps"] == 6 and cost["evaluations"] > 0


def test_views_of_a_size_that_the_vae_does_not_take(host, world):
    images, views = host.run("CSDDemoViews", look="summer", **VIEWS)
    cameras = replace(views.cameras, size=(60, 90))
    with pytest.raises(ValueError, match="CSD Edit Splats: views: got 90 x 60 pixels, of which the VAE makes"):
        world.edit(views=replace(views, cameras=cameras, depth=None))


@pytest.mark.parametrize("vae", [image_vae, video_vae])
def test_a_vae_of_another_model(world, vae):
    with pytest.raises(ValueError, match="CSD Edit Splats: latents: got latents of 16 channels.*, expected 4 channels"):
        world.edit(vae=vae())


def test_a_noise_range_the_wrong_way_round(world):
    with pytest.raises(ValueError, match="CSD Edit Splats: got a noise range of 0.5 to 0.1, expected 0 <= noise_low"):
        world.edit(noise_low=0.5, noise_high=0.1)


def test_more_views_than_there_is_memory_for(host, world):
    position, target = ({"x": 0, "y": 0, "z": z} for z in (3, 0))
    arc = {"width": 4096, "height": 4096, "count": 360, "angle": 360.0}
    (views,) = host.run("CSDViewsFromCamera", **arc, camera_info={"position": position, "target": target})
    with pytest.raises(ValueError, match="CSD Edit Splats: got .* splats that follow 360 views of 4096 x 4096 pixels"):
        world.edit(views=views)


def test_sizes_along_the_levels(host):
    """A rectified flow edits in rounds: each goes on at the level where the one before ended."""
    sharp = World(host, "sharp")
    options = {"freedom": 0.0, "rising": False, "source": "image", "source_guidance": 1.0, "anchor": 0.0}
    (choice,) = host.run("CSDVelocity", **options, along_levels=True)
    winter = host.run("CSDDemoViews", look="winter", **VIEWS)[0]
    splat, *_ = sharp.edit(baseline=choice, step_size=1.0, guidance=1.0, noise_low=0.0, noise_high=0.85)
    assert decibels(sharp.render(splat), winter) > decibels(sharp.shown, winter) + 1


class TestRounds:
    """How a run is shared out."""

    @pytest.fixture
    def settings(self, host):
        kept = {name: SETTINGS[name] for name in ("seed", "particles_per_step", "particles_at_once", "step_size")}
        made = host.module("nodes.samplers").Settings
        return lambda **changes: made(**{**kept, "steps": 10, "noise_low": 0.1, "noise_high": 0.5, **changes})

    @pytest.fixture
    def levels(self, ext, model):
        sampling = ext.levels.Levels(model.get_model_object("model_sampling"))
        return lambda parts: torch.cat([part.sigmas(sampling)[:-1] for part in parts])

    @pytest.mark.parametrize("count", [1, 2, 3, 10, 99])
    def test_the_levels_are_those_of_one_run(self, settings, levels, count):
        parts = settings().rounds(count)
        assert len(parts) == min(count, 10) and sum(part.steps for part in parts) == 10
        assert [part.seed for part in parts] == list(range(len(parts)))
        assert torch.allclose(levels(parts), levels([settings()]), rtol=1e-5)

    @pytest.mark.parametrize("count", [2, 3])
    def test_each_part_ends_where_the_next_one_begins(self, ext, host, model, settings, count):
        sampling = ext.levels.Levels(model.get_model_object("model_sampling"))
        parts = [part.sigmas(sampling) for part in settings(noise_high=0.2).rounds(count)]
        assert [float(part[-1]) for part in parts] == [*(float(part[0]) for part in parts[1:]), 0.0]
        velocity, sgd = host.module("host.residual").Velocity(), ext.csd.update.SGD(ext.csd.update.StepSize(1.0))
        for part in parts:
            levels = [ext.csd.level.Level.flow(float(sigma), 0.5) for sigma in part[:-1]]
            size = velocity.update(sgd, levels, len(levels), 1, float(part[-1])).size
            assert math.isclose(sum(map(size, range(len(levels)))), float(part[0] - part[-1]), rel_tol=1e-5)

    def test_random_levels_have_the_whole_range_in_every_round(self, host, settings):
        (order,) = host.run("CSDTimesteps", order="random")
        parts = settings(timesteps=order).rounds(3)
        assert {(part.noise_low, part.noise_high) for part in parts} == {(0.1, 0.5)}

    def test_the_largest_seed(self, settings):
        assert [part.seed for part in settings(seed=2**64 - 1).rounds(2)] == [2**64 - 1, 0]


class TestStateFile:
    """An edit that is kept after each of its rounds."""

    @pytest.fixture(autouse=True)
    def output(self, tmp_path, monkeypatch):
        monkeypatch.setattr("folder_paths.output_directory", str(tmp_path))

    @pytest.fixture
    def kept(self, host, world):
        """An edit with a file, and the numbers of its rounds."""
        (state,) = host.run("CSDStateFile", name="scene", every=10, resume=True)
        return lambda **changes: world.edit(**{"rounds": 3, "state": state, **changes})

    @pytest.fixture
    def moves(self, host, monkeypatch):
        """Which rounds were made; `stop` is the one that fails."""
        made = type("Moves", (), {"numbers": [], "stop": None})()
        moves = host.module("nodes.splat_edit")._Moves
        call = moves.__call__

        def watched(self, source, latents, number):
            if number == made.stop:
                raise RuntimeError("the lights went out")
            made.numbers.append(number)
            return call(self, source, latents, number)

        monkeypatch.setattr(moves, "__call__", watched)
        return made

    def test_a_run_that_was_stopped_goes_on_after_its_last_round(self, world, kept, moves):
        whole, *_ = world.edit(rounds=3)
        moves.numbers.clear()
        moves.stop = 2
        with pytest.raises(RuntimeError, match="lights"):
            kept()
        assert moves.numbers == [0, 1]
        moves.stop = None
        splat, *_ = kept()
        assert moves.numbers == [0, 1, 2] and torch.equal(splat.sh, whole.sh)

    def test_a_finished_run_is_not_repeated(self, host, world, kept, moves):
        once, *_ = kept(particles_at_once=1)
        again, *_ = kept()
        assert moves.numbers == [0, 1, 2] and torch.equal(once.sh, again.sh)

    def test_more_rounds_than_steps_are_as_many_as_steps(self, kept, moves, tmp_path):
        kept(rounds=6)
        kept(rounds=99)
        assert moves.numbers == list(range(6)) and len(list((tmp_path / "csd_states").iterdir())) == 1

    @pytest.mark.parametrize("change", ["seed", "fit_steps", "views", "splat"])
    def test_another_run_gets_a_file_of_its_own(self, world, kept, moves, tmp_path, change):
        few = {"rounds": 1, "steps": 1, "fit_steps": 1}
        kept(**few)
        nearer = replace(world.views.cameras, intrinsics=1.1 * world.views.cameras.intrinsics)
        views = replace(world.views, cameras=nearer, depth=None)
        others = {"seed": 5, "fit_steps": 2, "views": views, "splat": world.edit(**few)[0]}
        kept(**{**few, change: others[change]})
        assert sorted(path.name for path in (tmp_path / "csd_states").iterdir()) == [
            "scene.safetensors",
            "scene_2.safetensors",
        ]
