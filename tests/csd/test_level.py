import math

import pytest
import torch

from collaborative_score_distillation.csd.level import Level

LEVELS = [
    Level.variance_preserving(0.998, 0.02),
    Level.variance_preserving(0.3, 0.5),
    Level(1.0, 3.0, 0.8),
    Level.flow(0.02, 0.02),
    Level.flow(0.7, 0.7),
]


@pytest.fixture(params=LEVELS, ids=str)
def level(request):
    return request.param


@pytest.fixture
def image():
    return torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def eps():
    return torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def close(a, b):
    return torch.allclose(a, b, rtol=1e-10, atol=1e-10)


def velocity(level, image, eps):
    """What the models are trained on: v-prediction (arXiv 2202.00512) and rectified flow."""
    return eps - image if level.is_flow else level.alpha * eps - level.sigma * image


def test_eps_and_denoised_are_one_anothers_inverse(level, image, eps):
    x_t = level.noise(image, eps)
    assert close(level.eps_from_denoised(x_t, image), eps)
    assert close(level.denoised_from_eps(x_t, eps), image)


def test_eps_and_velocity_are_one_anothers_inverse(level, image, eps):
    x_t = level.noise(image, eps)
    assert close(level.velocity_from_eps(x_t, eps), velocity(level, image, eps))
    assert close(level.eps_from_velocity(x_t, velocity(level, image, eps)), eps)


def test_conversions_agree_for_predictions_that_are_wrong(level, image, eps):
    """A model's eps is not the drawn one; the way through velocity and denoised must come back all the same."""
    x_t, predicted = level.noise(image, eps), eps.flip(0) * 0.8
    assert close(level.eps_from_velocity(x_t, level.velocity_from_eps(x_t, predicted)), predicted)
    assert close(level.eps_from_denoised(x_t, level.denoised_from_eps(x_t, predicted)), predicted)


@pytest.mark.parametrize("alpha_bar", [0.999, 0.5, 0.0047])
def test_variance_preserving_levels(alpha_bar):
    level = Level.variance_preserving(alpha_bar, 0.5)
    assert level.alpha**2 + level.sigma**2 == pytest.approx(1)
    assert level.weight == pytest.approx(1 - alpha_bar)
    assert not level.is_flow


def test_flow_levels():
    level = Level.flow(0.25, 0.25)
    assert (level.alpha, level.sigma, level.is_flow) == (0.75, 0.25, True)
    assert level.weight == pytest.approx(0.25**2 / (0.75**2 + 0.25**2))


def test_pure_noise_gives_no_image_but_a_noise(image, eps):
    level = Level.flow(1.0, 1.0)
    assert torch.equal(level.noise(image, eps), eps)
    assert close(level.eps_from_velocity(eps, eps - image), eps)
    with pytest.raises(ValueError, match="alpha = 0"):
        level.denoised_from_eps(eps, eps)


@pytest.mark.parametrize("alpha, sigma", [(-0.1, 1), (1, 0), (1, -1), (math.nan, 1), (1, math.nan)])
def test_levels_without_noise_are_refused(alpha, sigma):
    with pytest.raises(ValueError, match="expected alpha >= 0 and sigma > 0"):
        Level(alpha, sigma, 0.5)


def test_a_residual_against_drawn_noise_leads_to_the_denoised_estimate(level, image, eps):
    x_t, predicted = level.noise(image, eps), eps.flip(0) * 0.8
    reached = image - level.to_denoised * (predicted - eps)
    assert close(reached, level.denoised_from_eps(x_t, predicted))


def test_pure_noise_leads_nowhere():
    with pytest.raises(ValueError, match="alpha = 0"):
        _ = Level.flow(1.0, 1.0).to_denoised
