"""Spherical harmonics against those of scipy."""

import math

import pytest
import torch
from scipy.special import sph_harm_y

from collaborative_score_distillation.splats import harmonics
from collaborative_score_distillation.tests.splats.clouds import uniform


def directions(count=50):
    return torch.nn.functional.normalize(2 * uniform(count, 3) - 1, dim=-1)


def real(degree, order, d):
    """The real harmonic out of the complex ones, which have the Condon-Shortley phase."""
    polar, azimuth = torch.arccos(d[:, 2]).numpy(), torch.atan2(d[:, 1], d[:, 0]).numpy()
    value = torch.from_numpy(sph_harm_y(degree, abs(order), polar, azimuth))
    return value.real if order == 0 else math.sqrt(2) * (value.imag if order < 0 else value.real)


@pytest.mark.parametrize("degree", range(4))
def test_every_function_is_that_of_scipy(degree):
    d = directions()
    found = harmonics.basis(d, (degree + 1) ** 2)
    expected = [real(low, order, d) for low in range(degree + 1) for order in range(-low, low + 1)]
    assert torch.allclose(found, torch.stack(expected, -1), atol=1e-12)


def test_a_colour_goes_in_and_comes_out():
    colours = uniform(7, 3)
    coefficients = torch.zeros(7, 16, 3, dtype=torch.float64)
    coefficients[:, 0] = harmonics.colour_coefficient(colours)
    assert torch.allclose(harmonics.colours(coefficients, directions(7)), colours)


def test_colours_are_not_negative():
    assert (harmonics.colours(-10 * torch.ones(2, 1, 3), torch.eye(3)[:2]) == 0).all()
