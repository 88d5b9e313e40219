"""COUPLE, first half: kernels between particles.

The RBF kernel and its gradient, which pushes particles apart:

    k(x_j, x_i) = exp(-|x_j - x_i|^2 / h),      repulsion_i = sum_j d k(x_j, x_i) / d x_i
                                                            = 2/h * (sum_j K_ji x_j - x_i sum_j K_ji)

Both are matrix products in O(N D) memory. Descending along repulsion_i moves x_i away from the others. (Equation 8
of the paper prints the gradient with respect to x_j, which attracts under descent. The authors' code adds the one
with respect to x_i, as here.) The bandwidth h is a constant in the gradient.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from einops import rearrange
from torch import Tensor

from .precision import accumulation_dtype


class Gram(NamedTuple):
    """A kernel matrix K [n, n], and the repulsion [n, ...] in the shape of the n particles."""

    K: Tensor
    repulsion: Tensor


class Kernel(Protocol):
    def __call__(self, x: Tensor) -> Gram:
        """x [n, ...] are the particles in their own shape. A kernel may flatten them."""
        ...


class Bandwidth(Protocol):
    def __call__(self, squared_distances: Tensor) -> float:
        """h > 0 for a matrix [n, n] of squared distances. It is NaN where two particles are not compared."""
        ...


def median(squared_distances: Tensor) -> float:
    """Median heuristic, h = median(d^2) / log(n + 1), over pairs of different particles.

    Where most pairs coincide, the median is zero, and the mean takes its place. Without pairs, or where all of them
    coincide, h is 1: any h gives the same kernel then.
    """
    n = squared_distances.shape[0]
    pairs = squared_distances[~torch.eye(n, dtype=torch.bool, device=squared_distances.device)]
    pairs = pairs[~pairs.isnan()]
    if not len(pairs) or pairs.max() <= 0:
        return 1.0
    middle = pairs.median()
    return (middle if middle > 0 else pairs.mean()).item() / math.log(n + 1)


def authors_median(squared_distances: Tensor) -> float:
    """The authors' median, which includes the zero diagonal. Where that gives zero (two particles, say): `median`."""
    middle = squared_distances.nanmedian().item()
    return middle / math.log(squared_distances.shape[0] + 1) if middle > 0 else median(squared_distances)


@dataclass(frozen=True)
class Fixed:
    """A bandwidth h given by hand, in squared distance."""

    h: float

    def __post_init__(self):
        if not (math.isfinite(self.h) and self.h > 0):
            raise ValueError(f"Bandwidth: got {self.h}, expected a finite number above zero.")

    def __call__(self, squared_distances: Tensor) -> float:
        return self.h


def squared_distances(x: Tensor) -> Tensor:
    """|x_j - x_i|^2 of x [n, D] as a matrix [n, n], exactly zero on the diagonal and between equal particles.

    The mean is subtracted first and the widest floating type is used, so that small distances are exact. What lies
    below the rounding error of the products becomes zero: a median of it would be noise.
    """
    centred = x.to(accumulation_dtype(x.device), copy=True)
    centred -= centred.mean(0)
    products = centred @ centred.T
    sums = products.diagonal()[:, None] + products.diagonal()[None, :]
    distances = sums - 2 * products
    rounding = torch.finfo(products.dtype).eps * math.sqrt(x.shape[1]) * sums
    return torch.where(distances > rounding, distances, 0)


@dataclass(frozen=True)
class RBF:
    """Radial basis functions. `bandwidth` computes h from the squared distances."""

    bandwidth: Bandwidth = median

    def __call__(self, x: Tensor) -> Gram:
        flat = rearrange(x, "n ... -> n (...)")
        distances = squared_distances(flat)
        h = self.bandwidth(distances)
        K = torch.exp(-distances / h)
        repulsion = (2 / h * (K - torch.diag(K.sum(1)))) @ flat.to(K)
        return Gram(K, repulsion.reshape(x.shape))


@dataclass(frozen=True)
class Independent:
    """No coupling: every particle for itself (the ablation 'without SVGD')."""

    def __call__(self, x: Tensor) -> Gram:
        K = torch.eye(x.shape[0], dtype=accumulation_dtype(x.device), device=x.device)
        return Gram(K, torch.zeros_like(x, dtype=K.dtype))
