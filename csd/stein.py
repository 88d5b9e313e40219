"""COUPLE, second half: the Stein direction (Liu and Wang, arXiv 1608.04471; paper, eq. 8).

    direction_i = s_i * ( sum_j K_ji r_j + repulsion_i )

The normalisation s_i is one of

    mean   1 / n                  as printed in the paper; more particles make smaller steps
    row    1 / sum_j K_ji         weights sum to one, so a step size means the same for every n

For one particle both give SDS: direction = r.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from einops import rearrange
from torch import Tensor

from .correspondence import Correspondence
from .kernel import RBF, Gram, Kernel
from .scene import Index
from .tree import Theta

Normalization = Callable[[Tensor], Tensor]


def mean(K: Tensor) -> Tensor:
    return torch.full_like(K[:, :1], 1 / K.shape[0])


def row(K: Tensor) -> Tensor:
    return 1 / K.sum(1, keepdim=True)


NORMALIZATIONS: dict[str, Normalization] = {"mean": mean, "row": row}


class Seen(NamedTuple):
    """What a coupling may compare.

    x       particles [n, C, h, w]
    x_t     the same particles, noised
    index   which of the scene's particles they are
    theta   what they are views of
    """

    x: Tensor
    x_t: Tensor
    index: Index = ()
    theta: Theta | None = None


def noised(seen: Seen) -> Tensor:
    return seen.x_t


def clean(seen: Seen) -> Tensor:
    return seen.x


class Couple(Protocol):
    """Couples residuals.

    correspondence   along which it couples; None: it couples whole particles
    """

    @property
    def correspondence(self) -> Correspondence | None: ...

    def __call__(self, seen: Seen, residual: Tensor) -> tuple[Tensor, Gram]:
        """residual [n, C, h, w] -> direction [n, C, h, w], and the kernel matrix that was used."""
        ...


@dataclass(frozen=True)
class Stein:
    """Couples residuals through a kernel on the particles.

    repulsion   strength of the term that pushes particles apart; 1 is SVGD, 0 leaves it out
    compare     what the kernel compares: the noised particles (paper), the clean ones, or anything made of them. If
                that does not have the shape of a particle, repulsion must be 0.
    """

    kernel: Kernel = RBF()
    normalization: Normalization = row
    repulsion: float = 1.0
    compare: Callable[[Seen], Tensor] = noised

    @property
    def correspondence(self) -> None:
        return None

    def __call__(self, seen: Seen, residual: Tensor) -> tuple[Tensor, Gram]:
        gram = self.kernel(self.compare(seen))
        flat = rearrange(residual, "n ... -> n (...)").to(gram.K)
        direction = gram.K @ flat
        if self.repulsion:
            direction.add_(self._repulsion(gram, residual), alpha=self.repulsion)
        direction.mul_(self.normalization(gram.K))
        return direction.reshape(residual.shape).to(residual), gram

    def _repulsion(self, gram: Gram, residual: Tensor) -> Tensor:
        if gram.repulsion.shape != residual.shape:
            raise ValueError(
                f"Stein: got a kernel that compares tensors of shape {tuple(gram.repulsion.shape)}, expected the shape "
                f"of the particles, {tuple(residual.shape)}; set repulsion to 0, or compute these tensors in Features."
            )
        return rearrange(gram.repulsion, "n ... -> n (...)")
