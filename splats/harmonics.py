"""Colours that depend on the direction from which a splat is seen, as real spherical harmonics.

    colour(d) = max(0, 1/2 + sum_k c_k Y_k(d))

The order and the signs of Y_k are those of the files of Gaussian splatting: degree by degree, m from -l to l, with the
Condon-Shortley phase.
"""

import math

import torch
from torch import Tensor

MOST_COEFFICIENTS = (1, 4, 9, 16)
"""How many coefficients there are up to degree 0, 1, 2 and 3."""

_PI = math.pi
_ZERO = math.sqrt(1 / (4 * _PI))
_ONE = math.sqrt(3 / (4 * _PI))
_TWO = (math.sqrt(15 / (4 * _PI)), math.sqrt(5 / (16 * _PI)))
_THREE = (math.sqrt(35 / (32 * _PI)), math.sqrt(105 / (4 * _PI)), math.sqrt(21 / (32 * _PI)), math.sqrt(7 / (16 * _PI)))


def coefficients(degree: int) -> int:
    """How many coefficients there are up to a degree."""
    return (degree + 1) ** 2


def colour_coefficient(colours: Tensor) -> Tensor:
    """The first coefficient of a colour in 0 ... 1 that is the same from everywhere."""
    return (colours - 0.5) / _ZERO


def basis(directions: Tensor, count: int) -> Tensor:
    """Y_k of unit vectors [..., 3] for the first `count` k: [..., count]."""
    x, y, z = directions.unbind(-1)
    values = [torch.full_like(x, _ZERO)]
    if count > 1:
        values += [-_ONE * y, _ONE * z, -_ONE * x]
    if count > 4:
        values += _second(x, y, z)
    if count > 9:
        values += _third(x, y, z)
    return torch.stack(values, -1)


def _second(x: Tensor, y: Tensor, z: Tensor) -> list[Tensor]:
    a, b = _TWO
    return [a * x * y, -a * y * z, b * (3 * z * z - 1), -a * x * z, a / 2 * (x * x - y * y)]


def _third(x: Tensor, y: Tensor, z: Tensor) -> list[Tensor]:
    a, b, c, d = _THREE
    return [
        -a * y * (3 * x * x - y * y),
        b * x * y * z,
        -c * y * (5 * z * z - 1),
        d * z * (5 * z * z - 3),
        -c * x * (5 * z * z - 1),
        b / 2 * z * (x * x - y * y),
        -a * x * (x * x - 3 * y * y),
    ]


def colours(harmonics: Tensor, directions: Tensor) -> Tensor:
    """Colours [N, 3], zero or more, of harmonics [N, K, 3] seen along unit vectors [N, 3]."""
    values = basis(directions, harmonics.shape[1])
    return (0.5 + (values[..., None] * harmonics).sum(1)).clamp(min=0)
