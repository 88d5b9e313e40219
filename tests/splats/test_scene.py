"""Splats as a scene of the method: the adjoint, and runs of the loop that move them."""

import math
from dataclasses import replace

import pytest
import torch

from collaborative_score_distillation.csd import (
    RBF,
    Adam,
    Distillation,
    DrawnNoise,
    Guidance,
    Guided,
    Level,
    PromptScore,
    Rates,
    Regrown,
    Stein,
    StepSize,
    row,
)
from collaborative_score_distillation.csd.scene import pulled_back
from collaborative_score_distillation.csd.tree import named_leaves
from collaborative_score_distillation.media import state_file
from collaborative_score_distillation.splats.density import Density
from collaborative_score_distillation.splats.render import render
from collaborative_score_distillation.splats.scene import RATES, SplatScene, rates
from collaborative_score_distillation.splats.splats import Splats
from collaborative_score_distillation.tests.splats.clouds import cloud, looking, uniform

NAMES = tuple(RATES)


@pytest.fixture
def scene():
    return SplatScene(looking(3, 16, 24), background=0.2)


def test_the_pullback_is_the_gradient_of_autograd(scene):
    theta = cloud(12, 1).tree
    direction = uniform(3, 3, 16, 24) - 0.5
    leaves = {name: part.clone().requires_grad_() for name, part in theta.items()}
    pictures = render(Splats(**leaves), scene.cameras, [0, 1, 2], 0.2).colour.movedim(-1, 1)
    (pictures * direction).sum().backward()
    x, pullback = scene.view(theta, [0, 1, 2])
    assert torch.allclose(x, pictures.detach(), atol=1e-12)
    for name, found in pullback(direction).items():
        assert torch.allclose(found, leaves[name].grad, atol=1e-12)


def test_the_pullback_is_the_adjoint_of_small_changes(scene):
    """<J a, d> = <a, J^T d> with J a by finite differences, all numbers of the splats at once."""
    theta, direction = cloud(12, 1).tree, uniform(2, 3, 16, 24) - 0.5
    change = {name: uniform(*part.shape, seed=9) - 0.5 for name, part in theta.items()}
    ahead, behind = ({n: part + s * 1e-6 * change[n] for n, part in theta.items()} for s in (1, -1))
    moved = (scene.view(ahead, [0, 2])[0] - scene.view(behind, [0, 2])[0]) / 2e-6
    pulled = scene.view(theta, [0, 2])[1](direction)
    assert (moved * direction).sum() == pytest.approx(
        sum(float((pulled[n] * change[n]).sum()) for n in NAMES), rel=1e-5
    )


@pytest.mark.parametrize("made_inside", [True, False])
def test_in_inference_mode(scene, made_inside):
    """Nodes run in it, and what comes out of other nodes was made in it."""
    direction, outside = uniform(1, 3, 16, 24), cloud(5).tree
    expected = scene.view(outside, [1])[1](direction)
    with torch.inference_mode():
        theta = cloud(5).tree if made_inside else outside
        scene = SplatScene(looking(3, 16, 24), background=torch.full((3,), 0.2)) if made_inside else scene
        x, pullback = scene.view(theta, [1])
        found = pullback(direction)
    assert not x.requires_grad
    assert all(torch.equal(found[name], expected[name]) for name in NAMES)
    assert all(torch.equal(theta[name], part) and not theta[name].requires_grad for name, part in cloud(5).tree.items())


def test_a_pullback_can_be_asked_once_more(scene):
    _, pullback = scene.view(cloud(5).tree, [0])
    once, twice = (pullback(uniform(1, 3, 16, 24)) for _ in range(2))
    assert all(torch.equal(once[name], twice[name]) for name in NAMES)


@pytest.mark.parametrize("at_once", [1, 2, None])
def test_how_many_views_are_pulled_back_at_once_changes_nothing(scene, at_once):
    direction = uniform(3, 3, 16, 24)
    found = pulled_back(replace(scene, views_at_once=at_once), cloud(9).tree, direction, [0, 1, 2])
    expected = scene.view(cloud(9).tree, [0, 1, 2])[1](direction)
    assert all(torch.allclose(found[name], expected[name], atol=1e-12) for name in NAMES)


def test_names():
    cameras = looking(3)
    assert SplatScene(cameras).keys() == ["0", "1", "2"] and SplatScene(cameras, "abc").keys([2, 0]) == ["c", "a"]
    assert SplatScene(cameras, "abc").of([2, 1]).keys() == ["c", "b"] and SplatScene(cameras).of([2]).keys() == ["2"]
    with pytest.raises(ValueError, match="got 2 names for 3 views; give each its own"):
        SplatScene(cameras, "ab")


def levels(steps):
    times = [0.3 - 0.25 * step / steps for step in range(steps)]
    return [Level.variance_preserving(math.cos(time * math.pi / 2) ** 2, time) for time in times]


class TestARunMovesSplats:
    """No network: the exact score for pictures around those of other splats, as in the toy scenes."""

    cameras, steps = looking(3, 16, 24), 60
    true = cloud(12, seed=4, dtype=torch.float32)

    @property
    def start(self):
        """The true splats, shifted, smaller and grey."""
        positions = self.true.positions + 0.1 * uniform(12, 3, seed=6, dtype=torch.float32)
        grey = torch.zeros_like(self.true.harmonics)
        return replace(self.true, positions=positions, log_scales=self.true.log_scales - 0.3, harmonics=grey)

    def run(self, update, steps=None):
        scene = SplatScene(self.cameras, views_at_once=2)
        pictures, _ = scene.view(self.true.tree, range(3))

        def evaluate(x_t, branch, call):
            variance = (call.level.alpha * 0.2) ** 2 + call.level.sigma**2
            return call.level.sigma * (x_t - call.level.alpha * pictures[list(call.index)]) / variance

        score = PromptScore(Guided(evaluate), Guidance(1.0), DrawnNoise())
        couple, listed = Stein(RBF(), row, 0.0), levels(steps or self.steps)
        return Distillation(scene, score, listed, couple=couple, update=update, seed=1)

    def error(self, splats):
        seen, true = (render(some, self.cameras, range(3)).colour for some in (splats, self.true))
        return float((seen - true).square().mean().sqrt())

    def last(self, run, start):
        *_, state = run(None, run.init(start))
        return state

    def test_towards_what_the_score_likes(self):
        update = Rates(Adam(StepSize(0.1)), rates(self.start))
        found = Splats(**self.last(self.run(update), self.start.tree).theta)
        assert self.error(found) < 0.4 * self.error(self.start)
        for name in NAMES:
            assert not torch.equal(getattr(found, name), getattr(self.start, name))

    def test_only_what_has_a_rate(self):
        update = Rates(Adam(StepSize(0.1)), {**dict.fromkeys(NAMES, 0.0), "harmonics": 0.4})
        found = Splats(**self.last(self.run(update, 5), self.start.tree).theta)
        still = [name for name in NAMES if torch.equal(getattr(found, name), getattr(self.start, name))]
        assert still == [name for name in NAMES if name != "harmonics"]

    def test_splats_come_and_go_and_the_run_goes_on_from_a_file(self, tmp_path):
        density = Density(every=3, until=9, most=16, growth=0.2, faint=0.05)
        update = Regrown(Rates(Adam(StepSize(0.05)), rates(self.start)), density.choose, density.settle)
        run = self.run(update, 12)
        states = list(run(None, run.init(self.start.tree)))
        counts = [len(state.theta["positions"]) for state in states]
        assert counts[0] == 12 and counts[2] > 12 and max(counts) <= 16 and len(set(counts[8:])) == 1
        middle = states[6]
        record = {name: torch.zeros(1, dtype=torch.float64) for name in ("residual", "step_size", "time")}
        record["cost"] = torch.zeros(2, dtype=torch.float64)
        state_file.write(tmp_path / "a", state_file.Saved(middle.step, middle.theta, middle.memory, record, {}))
        saved = state_file.read(tmp_path / "a")
        again = replace(middle, theta=saved.theta, memory=saved.memory)
        *_, end = run(None, again)
        expected = dict(named_leaves(states[-1].theta))
        assert all(torch.equal(found, expected[name]) for name, found in named_leaves(end.theta))
