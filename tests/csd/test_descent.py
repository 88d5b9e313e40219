"""How the directions of a step move theta: along their pullback, or in several steps towards where they lead."""

from dataclasses import dataclass, field

import pytest
import torch

from collaborative_score_distillation.csd.descent import Approached, Directed, Pulled
from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.update import SGD, StepSize


@dataclass(frozen=True)
class Squares(Frames):
    """theta [n, 1, 1, 1] is compared by the squared difference."""

    asked: list = field(default_factory=list)

    def wanted(self, x, index):
        return x

    def toward(self, theta, index, wanted):
        self.asked.append(list(index))
        gradient = torch.zeros_like(theta)
        gradient[list(index)] = 2 * (theta[list(index)] - wanted)
        return gradient


@dataclass(frozen=True)
class Counting(SGD):
    """Remembers the numbers of its steps."""

    steps: list = field(default_factory=list)

    def step(self, theta, gradient, memory, step):
        self.steps.append(step)
        return super().step(theta, gradient, memory, step)


def found(scene, step=0):
    theta = torch.arange(6.0).reshape(6, 1, 1, 1)
    return Directed(theta, {}, scene, list(range(6)), theta, torch.full_like(theta, 3.0), step, Draws(0, step))


def test_pulled_takes_one_step_along_the_directions():
    update = Counting(StepSize(0.5))
    theta, _ = Pulled()(found(Frames(6), step=4), update)
    assert torch.equal(theta, found(Frames(6)).theta - 1.5) and update.steps == [4]


def test_an_approach_ends_where_the_directions_lead():
    theta, _ = Approached(60, views=2)(found(Squares(6)), SGD(StepSize(0.4)))
    assert torch.allclose(theta, found(Frames(6)).theta - 3, atol=1e-4)


@pytest.mark.parametrize("views", [2, 4, 9])
def test_every_particle_comes_once_before_one_comes_again(views):
    scene, steps = Squares(6), 3
    Approached(steps, views)(found(scene), SGD(StepSize(0.1)))
    shown = [place for index in scene.asked for place in index]
    assert len(scene.asked) == steps and all(len(index) == min(views, 6) for index in scene.asked)
    assert sorted(shown[:6]) == list(range(6))


def test_the_update_counts_all_steps_of_a_run():
    update = Counting(StepSize(0.1))
    Approached(3)(found(Squares(6), step=2), update)
    assert update.steps == [6, 7, 8]


def test_the_steps_can_be_followed():
    def stop(steps):
        yield from list(steps)[:2]

    scene = Squares(6)
    Approached(5, follow=stop)(found(scene), SGD(StepSize(0.1)))
    assert len(scene.asked) == 2
