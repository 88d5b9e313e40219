"""Small scenes of other shapes than a canvas: what text to 3D and scene editing will ask of the loop."""

import math
from dataclasses import dataclass, replace

import pytest
import torch

from collaborative_score_distillation.csd import (
    RBF,
    SGD,
    Adam,
    AlignedAnew,
    Distillation,
    DrawnNoise,
    Draws,
    Flow,
    Guidance,
    Guided,
    ImageConditional,
    Level,
    PromptOfEach,
    PromptScore,
    Regrown,
    Stein,
    StepSize,
    clip_pairs,
    row,
)
from collaborative_score_distillation.csd.aligned import Aligned, PairUniform
from collaborative_score_distillation.csd.tree import named_leaves


def level(time):
    return Level.variance_preserving(math.cos(time * math.pi / 2) ** 2, time)


def levels(steps, low=0.1, high=0.5):
    return [level(high - (high - low) * step / steps) for step in range(steps)]


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def last(states):
    *_, state = states
    return state


def gaussian(mean, width=0.2):
    """The exact noise prediction for images distributed around `mean(call)` [n, C, h, w]."""

    def evaluate(x_t, branch, call):
        variance = (call.level.alpha * width) ** 2 + call.level.sigma**2
        return call.level.sigma * (x_t - call.level.alpha * mean(call)) / variance

    return evaluate


@dataclass(frozen=True)
class Cylinder:
    """A picture around a cylinder, theta [C, h, L]. Where the cameras stand is drawn for each step.

    turns   the column at which each view begins; None before a step
    """

    count: int
    width: int
    length: int
    turns: tuple[int, ...] | None = None
    views_at_once: int | None = 2

    def at(self, draws):
        turns = tuple(int(draws.uniform("camera", key) * self.length) for key in self.keys())
        return replace(self, turns=turns)

    def columns(self, i):
        return [(self.turns[i] + k) % self.length for k in range(self.width)]

    def view(self, theta, index):
        def pullback(x):
            total = torch.zeros_like(theta, dtype=x.dtype)
            for image, i in zip(x, index, strict=True):
                total[..., self.columns(i)] += image
            return total

        return torch.stack([theta[..., self.columns(i)] for i in index]), pullback

    def coverage(self, theta, index):
        return None

    def keys(self, index=None):
        return [f"camera {i}" for i in (range(self.count) if index is None else index)]


class TestViewsDrawnForEachStep:
    """No source, a fixed picture only in the model's mind, a prompt for each particle by where its camera stands."""

    scene = Cylinder(3, 8, 24)
    wanted = normal(2, 4, 24, seed=5)

    def side(self, call):
        return ["front" if call.scene.turns[i] < 12 else "back" for i in call.index]

    def run(self, **changes):
        def mean(call):
            return torch.stack([self.wanted[..., call.scene.columns(i)] for i in call.index])

        def evaluate(x_t, branch, call):
            assert {branch} == set(self.side(call))  # a particle is asked about its own prompt only
            return gaussian(mean)(x_t, branch, call)

        def score(prompt):
            return PromptScore(Guided(evaluate), Guidance(1.0, prompt=prompt), DrawnNoise())

        settings = {"couple": Stein(RBF(), row, 0.0), "update": SGD(StepSize(0.5)), **changes}
        prompts = PromptOfEach({"front": score("front"), "back": score("back")}, self.side)
        return Distillation(self.scene, prompts, levels(300), seed=3, **settings)

    def test_the_picture_is_found_without_a_source(self):
        run = self.run(couple=Stein(RBF(), row, 0.0))
        theta = last(run(None, run.init(torch.zeros(2, 4, 24)))).theta
        assert (theta - self.wanted).abs().mean() < 0.4 < self.wanted.abs().mean()

    def test_cameras_hang_on_seed_and_step_alone(self):
        one, other = (self.scene.at(Draws(3, step)) for step in (4, 5))
        assert one == self.scene.at(Draws(3, 4)) and one.turns != other.turns

    def test_a_run_goes_on_from_any_of_its_states(self):
        run = self.run()
        states = list(zip(range(6), run(None, run.init(torch.zeros(2, 4, 24)))))
        again = last(zip(range(3), run(None, states[2][1])))[1]
        assert torch.equal(again.theta, states[5][1].theta)

    def test_how_many_are_viewed_at_once_changes_nothing(self):
        thetas = []
        for at_once in (1, 2, None):
            run = replace(self.run(), scene=replace(self.scene, views_at_once=at_once), levels=levels(5), steps=5)
            thetas.append(last(run(None, run.init(torch.zeros(2, 4, 24)))).theta)
        assert all(torch.allclose(theta, thetas[0], atol=1e-5) for theta in thetas)

    def test_a_baseline_on_the_source_needs_one(self):
        score = PromptScore(Guided(gaussian(lambda call: 0.0)), Guidance(1.0), ImageConditional())
        run = replace(self.run(), score=score)
        with pytest.raises(ValueError, match="got no source for the baseline ImageConditional"):
            next(run(None, run.init(torch.zeros(2, 4, 24))))


@dataclass(frozen=True)
class Blobs:
    """Gaussian blobs rendered from shifted cameras: theta is {"place": [M, 2], "colour": [M, 3]}."""

    shifts: tuple[float, ...]
    size: int = 12
    views_at_once: int | None = 1

    @property
    def count(self):
        return len(self.shifts)

    def at(self, draws):
        return self

    def render(self, theta, index):
        cells = torch.linspace(-1, 1, self.size).to(theta["place"])
        images = []
        for i in index:
            x, y = (theta["place"] + torch.tensor([self.shifts[i], 0.0]).to(theta["place"])).unbind(-1)
            across, down = (torch.exp(-8 * (cells - centre[:, None]) ** 2) for centre in (x, y))
            images.append(torch.einsum("mc,mh,mw->chw", theta["colour"], down, across))
        return torch.stack(images)

    def view(self, theta, index):
        x, back = torch.func.vjp(lambda theta: self.render(theta, index), theta)
        return x, lambda direction: back(direction.to(x))[0]

    def coverage(self, theta, index):
        return None

    def keys(self, index=None):
        return [str(i) for i in (range(self.count) if index is None else index)]


SHIFTS = (-0.4, 0.0, 0.4)
TRUE = {"place": torch.tensor([[-0.5, 0.3], [0.4, -0.2]]), "colour": torch.tensor([[1.0, 0.2, 0.0], [0.0, 0.5, 1.0]])}


class TestASceneOfSeveralTensors:
    scene = Blobs(SHIFTS)

    def start(self):
        return {"place": TRUE["place"] + 0.25 * normal(2, 2, seed=2), "colour": torch.full((2, 3), 0.4)}

    def run(self, update, steps=200):
        images = self.scene.render(TRUE, range(3))
        score = PromptScore(Guided(gaussian(lambda call: images[list(call.index)])), Guidance(1.0), DrawnNoise())
        couple = Stein(RBF(), row, 0.0)
        return Distillation(self.scene, score, levels(steps, 0.05, 0.3), couple=couple, update=update)

    def error(self, theta):
        return (self.scene.render(theta, range(3)) - self.scene.render(TRUE, range(3))).square().mean().sqrt()

    def test_the_pullback_is_the_gradient_of_autograd(self):
        theta = {name: part.double().requires_grad_() for name, part in self.start().items()}
        direction = normal(3, 3, 12, 12, seed=1).double()
        (self.scene.render(theta, range(3)) * direction).sum().backward()
        _, pullback = self.scene.view({name: part.detach() for name, part in theta.items()}, range(3))
        for name, found in pullback(direction).items():
            assert torch.allclose(found, theta[name].grad, atol=1e-10)

    def test_places_and_colours_are_found_together(self):
        theta = last(self.run(Adam(StepSize(0.03)))(None, self.run(Adam()).init(self.start()))).theta
        assert self.error(theta) < 0.25 * self.error(self.start())

    def test_rows_are_copied_and_dropped_between_steps(self):
        """Step 2 copies the first blob, step 4 drops the last one; the memory of the update follows."""

        def choose(theta, gradient, step):
            return {1: torch.tensor([0, 0, 1]), 3: torch.tensor([0, 1])}.get(step)

        update = Regrown(Adam(StepSize(0.01)), choose)
        run = self.run(update, steps=6)
        states = list(run(None, run.init(self.start())))
        assert [len(state.theta["place"]) for state in states] == [2, 3, 3, 2, 2, 2]
        for state in states:
            rows = {name: len(leaf) for name, leaf in named_leaves(state.memory)}
            assert set(rows.values()) == {len(state.theta["place"])}
        again = last(run(None, states[3]))
        assert torch.equal(again.theta["place"], states[-1].theta["place"])


class TestACorrespondenceThatThetaSays:
    """Frames with a shift each: where they show the same thing changes as the shift is optimised."""

    def find(self, theta):
        pairs = clip_pairs(3, neighbours=1)
        shifts = theta["shift"]
        move = (shifts[pairs[:, 1]] - shifts[pairs[:, 0]])[:, None, None, None].expand(-1, 6, 6, 1)
        place = torch.cat([move, torch.zeros_like(move)], -1)
        return Flow(3, pairs, place, torch.ones(len(pairs), 6, 6), relative=True)

    @dataclass(frozen=True)
    class Frames:
        count: int = 3
        views_at_once: int | None = None

        def at(self, draws):
            return self

        def view(self, theta, index):
            def pullback(x):
                picture = torch.zeros_like(theta["picture"], dtype=x.dtype)
                picture[list(index)] = x
                return {"picture": picture, "shift": torch.zeros_like(theta["shift"], dtype=x.dtype)}

            return theta["picture"][list(index)], pullback

        def coverage(self, theta, index):
            return None

        def keys(self, index=None):
            return [str(i) for i in (range(3) if index is None else index)]

    def test_it_is_looked_up_in_every_step(self):
        asked = []

        def find(theta):
            asked.append(theta["shift"].clone())
            return self.find(theta)

        def couple(correspondence):
            return Aligned(correspondence, PairUniform())

        score = PromptScore(Guided(gaussian(lambda call: 0.0)), Guidance(1.0), DrawnNoise())
        theta = {"picture": normal(3, 2, 6, 6), "shift": torch.tensor([0.0, 1.0, 2.0])}
        run = Distillation(self.Frames(), score, levels(3), couple=AlignedAnew(find, couple))
        state = last(run(None, run.init(theta)))
        fixed = replace(run, couple=couple(self.find(theta)))
        assert len(asked) == 3 and torch.equal(state.theta["shift"], theta["shift"])
        assert torch.allclose(state.theta["picture"], last(fixed(None, fixed.init(theta))).theta["picture"], atol=1e-6)
