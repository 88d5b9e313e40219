"""COUPLE, second half: the Stein direction (Liu and Wang, arXiv 1608.04471; paper, eq. 8).

    direction_i = s_i * ( sum_j K_ji r_j + repulsion_i )

with the normalisation s_i

    mean   1 / n                  as printed; the effective step shrinks as particles are added
    row    1 / sum_j K_ji         weights sum to one, so a step size means the same for every n

For one particle both are SDS: direction = r.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor

from .kernel import RBF, Gram, Kernel
from .parameterization import Index

Normalization = Callable[[Tensor], Tensor]


def mean(K: Tensor) -> Tensor:
    return torch.full_like(K[:, :1], 1 / K.shape[0])


def row(K: Tensor) -> Tensor:
    return 1 / K.sum(1, keepdim=True)


NORMALIZATIONS: dict[str, Normalization] = {"mean": mean, "row": row}


class Couple(Protocol):
    def __call__(self, x_t: Tensor, residual: Tensor, index: Index) -> tuple[Tensor, Gram]:
        """x_t, residual [n, C, h, w] of the particles `index` -> direction [n, C, h, w] and the kernel used."""
        ...


@dataclass(frozen=True)
class Stein:
    """Couples residuals through a kernel on the noised particles.

    repulsion   strength of the term that keeps particles apart; 1 is SVGD, 0 leaves it out
    """

    kernel: Kernel = RBF()
    normalization: Normalization = row
    repulsion: float = 1.0

    def __call__(self, x_t: Tensor, residual: Tensor, index: Index = ()) -> tuple[Tensor, Gram]:
        """As in `Couple`; which particles they are makes no difference here."""
        gram = self.kernel(rearrange(x_t, "n ... -> n (...)"))
        flat = rearrange(residual, "n ... -> n (...)").to(gram.K)
        direction = (gram.K @ flat).add_(gram.repulsion, alpha=self.repulsion).mul_(self.normalization(gram.K))
        return direction.reshape(residual.shape).to(residual), gram
