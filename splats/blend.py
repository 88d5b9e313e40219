"""Front-to-back alpha compositing, for many tiles of a picture at once.

    alpha_k = min(0.99, o_k exp(-1/2 (p - m_k)^T Sigma'_k^-1 (p - m_k))),  0 below 1/255
    T_k     = prod_(j < k) (1 - alpha_j)
    out     = sum_k T_k alpha_k v_k

The logarithm of o_k exp(...) is a polynomial of the second degree in the pixel p. So one product of matrices gives it
for all pixels of a tile. Nothing of the size of K pixels is kept; the backward pass computes it again:

    d out / d alpha_k = T_k v_k - sum_(j > k) T_j alpha_j v_j / (1 - alpha_k)
"""

import torch
from torch import Tensor

from .projection import FAINT

DENSEST = 0.99
EMPTY = -1e4
"""The constant term of a polynomial that paints nothing."""


def monomials(side: int, like: Tensor) -> Tensor:
    """1, x, y, x^2, x y, y^2 [6, side^2] at the centres of a tile's pixels, counted from the middle of the tile."""
    cells = torch.arange(side, dtype=like.dtype, device=like.device) + 0.5 - side / 2
    y, x = (axis.flatten() for axis in torch.meshgrid(cells, cells, indexing="ij"))
    return torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y])


def polynomials(means: Tensor, conics: Tensor, opacity: Tensor) -> Tensor:
    """Coefficients [..., 6] of log(o exp(...)) for means [..., 2] from the middle of the tile."""
    x, y = means.unbind(-1)
    a, b, c = conics.unbind(-1)
    along_x, along_y = a * x + b * y, b * x + c * y
    constant = opacity.log() - 0.5 * (along_x * x + along_y * y)
    return torch.stack([constant, along_x, along_y, -0.5 * a, -b, -0.5 * c], -1)


def blended(polynomials: Tensor, values: Tensor, monomials: Tensor) -> Tensor:
    """polynomials [T, K, 6] from near to far, values [T, K, C], monomials [6, P] -> sums [T, C, P]."""
    _, _, weight = _weights(polynomials, monomials)
    return values.mT @ weight


def blended_back(
    polynomials: Tensor, values: Tensor, monomials: Tensor, out: Tensor, gradient: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the polynomials and of the values, for what `blended` gave and its gradient, both [T, C, P]."""
    alpha, clear, weight = _weights(polynomials, monomials)
    to_weight = values @ gradient  # [T, K, P]
    behind = (out * gradient).sum(1, keepdim=True) - (to_weight * weight).cumsum_(1)
    to_values = weight @ gradient.mT
    to_power = to_weight.mul_(weight).sub_(behind.mul_(alpha).div_(clear))  # alpha * d / d alpha
    return to_power.mul_(alpha < DENSEST) @ monomials.T, to_values


def _weights(polynomials: Tensor, monomials: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """alpha_k, 1 - alpha_k and T_k alpha_k, [T, K, P] each."""
    alpha = torch.threshold_((polynomials @ monomials).exp_().clamp_(max=DENSEST), FAINT, 0.0)
    clear = 1 - alpha
    weight = clear.cumprod(1).div_(clear).mul_(alpha)
    return alpha, clear, weight
