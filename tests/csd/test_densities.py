"""Runs on densities that are known: whether particles end where the method promises."""

import math

import pytest
import torch

from collaborative_score_distillation.csd.baseline import DrawnNoise
from collaborative_score_distillation.csd.distill import Distillation
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.guidance import Guidance, Guided
from collaborative_score_distillation.csd.kernel import RBF, Independent
from collaborative_score_distillation.csd.level import Level
from collaborative_score_distillation.csd.noise import Shared
from collaborative_score_distillation.csd.score import PromptScore
from collaborative_score_distillation.csd.stein import Stein, mean, row
from collaborative_score_distillation.csd.timesteps import Random, schedule
from collaborative_score_distillation.csd.update import SGD, StepSize


def level(time):
    return Level.variance_preserving(math.cos(time * math.pi / 2) ** 2, time)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def last(states):
    *_, state = states
    return state


class GaussianMixture:
    """The exact noise prediction of an even mixture of Gaussians of width `width` around `modes` [m, 2]."""

    def __init__(self, modes, width):
        self.modes, self.width = modes, width

    def __call__(self, x_t, branch, call):
        level = call.level
        variance = (level.alpha * self.width) ** 2 + level.sigma**2
        offsets = x_t[:, None, :, 0, 0] - level.alpha * self.modes
        shares = torch.softmax(-offsets.square().sum(-1) / (2 * variance), 1)
        return level.sigma * (shares[..., None] * offsets).sum(1)[:, :, None, None] / variance


MODES = torch.tensor([[-2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])


def distilled(couple, start, steps=400):
    """Particles [n, 2] after distillation from the mixture, all of them under the same noise."""
    score = PromptScore(Guided(GaussianMixture(MODES, 0.3)), Guidance(1.0), DrawnNoise())
    settings = {"noise": Shared(), "couple": couple, "update": SGD(StepSize(2.0, 0.9, 40))}
    run = Distillation(Frames(len(start)), score, schedule(level, Random(0.05, 0.3), steps), **settings)
    return last(run(start[..., None, None])).theta[..., 0, 0]


@pytest.fixture(scope="module")
def scattered():
    """Thirty particles, ten around each mode."""
    return MODES.repeat_interleave(10, 0) + 0.6 * normal(30, 2)


def spread(particles):
    """Mean distance between particles that belong to the same mode, for each mode."""
    return torch.stack([torch.pdist(group).mean() for group in particles.split(10)])


def centres(particles):
    return torch.stack([group.mean(0) for group in particles.split(10)])


def test_uncoupled_particles_descend_to_the_modes_and_collapse(scattered):
    found = distilled(Stein(Independent(), row), scattered)
    assert (torch.linalg.norm(found - MODES.repeat_interleave(10, 0), dim=1) < 0.15).all()
    assert (spread(found) < 1e-3).all()


def test_coupled_particles_without_repulsion_draw_together_at_the_modes(scattered):
    found = distilled(Stein(repulsion=0.0), scattered)
    assert (torch.linalg.norm(centres(found) - MODES, dim=1) < 0.15).all()
    assert (spread(found) < 0.35 * spread(scattered)).all()


def test_coupled_particles_with_repulsion_stay_apart_around_the_modes(scattered):
    found = distilled(Stein(), scattered)
    assert (torch.linalg.norm(centres(found) - MODES, dim=1) < 0.35).all()
    assert (torch.cdist(found, MODES).argmin(1).bincount() >= 8).all()
    assert (spread(found) > 1.0).all()


def gaussian_score(x, source, eps, call):
    """The residual -grad log p of a Gaussian of covariance diag(1, 4), without noise."""
    return x, x / torch.tensor([1.0, 4.0]).reshape(2, 1, 1)


def variances(repulsion):
    start = 0.1 * normal(40, 2, 1, 1) + 1.5
    settings = {"couple": Stein(RBF(), mean, repulsion), "update": SGD(StepSize(1.0)), "weight": lambda level: 1.0}
    theta = last(Distillation(Frames(40), gaussian_score, schedule(level, Random(), 700), **settings)(start)).theta
    return theta.flatten(1).mean(0), theta.flatten(1).var(0)


def test_descent_along_the_stein_direction_samples_the_density():
    """SVGD's promise: particles started in a corner end with the density's own mean and variances."""
    average, variance = variances(repulsion=1.0)
    assert average.abs().max() < 0.1
    assert variance[0].item() == pytest.approx(1, rel=0.25)
    assert variance[1].item() == pytest.approx(4, rel=0.25)


def test_without_repulsion_only_the_mode_is_found():
    average, variance = variances(repulsion=0.0)
    assert average.abs().max() < 0.1
    assert variance.max() < 1e-3
