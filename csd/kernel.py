"""COUPLE, first half: kernels between particles.

The RBF kernel and the gradient that keeps particles apart,

    k(x_j, x_i) = exp(-|x_j - x_i|^2 / h),      repulsion_i = sum_j d k(x_j, x_i) / d x_i
                                                            = 2/h * (sum_j K_ji x_j - x_i sum_j K_ji),

are two matrix products in O(N D) memory. Descending along repulsion_i moves x_i away from the others.
(Equation 8 of the paper prints the gradient by x_j, which attracts under descent; the authors' code
adds the one by x_i, as here.) The bandwidth h counts as a constant in the gradient.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from einops import rearrange
from torch import Tensor

from .precision import accumulation_dtype


class Gram(NamedTuple):
    """K [n, n] and repulsion [n, ...], in the shape of the n particles."""

    K: Tensor
    repulsion: Tensor


class Kernel(Protocol):
    def __call__(self, x: Tensor) -> Gram:
        """x [n, ...]: particles as they are; a kernel flattens them if it wants to."""
        ...


class Bandwidth(Protocol):
    def __call__(self, squared_distances: Tensor) -> float:
        """h > 0 for the matrix [n, n] of squared distances, NaN where two particles have none."""
        ...


def median(squared_distances: Tensor) -> float:
    """Median heuristic, h = median(d^2) / log(n + 1), over pairs of different particles.

    One where there is no pair or all particles are the same (any h gives the same kernel then);
    the mean takes the place of the median where most pairs coincide but not all.
    """
    n = squared_distances.shape[0]
    pairs = squared_distances[~torch.eye(n, dtype=torch.bool, device=squared_distances.device)]
    pairs = pairs[~pairs.isnan()]
    if not len(pairs) or pairs.max() <= 0:
        return 1.0
    middle = pairs.median()
    return (middle if middle > 0 else pairs.mean()).item() / math.log(n + 1)


def authors_median(squared_distances: Tensor) -> float:
    """The authors' median, which counts the zero diagonal in; `median` where that gives zero (two particles, say)."""
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

    Computed around the mean particle in the widest floating type, so that close particles keep their distance.
    What lies below the rounding error of the products counts as zero: a median over it would be noise.
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
    """Radial basis functions; `bandwidth` is a function of the distances."""

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
    """No coupling: every particle is alone (the ablation 'without SVGD')."""

    def __call__(self, x: Tensor) -> Gram:
        K = torch.eye(x.shape[0], dtype=accumulation_dtype(x.device), device=x.device)
        return Gram(K, torch.zeros_like(x, dtype=K.dtype))
