"""COUPLE along a correspondence: residuals are moved to where the same content is seen before they are mixed.

    direction_i(p) = (r_i(p) + sum_j k_ij v_ij(p) r_j(p') + repulsion_i(p)) / (1 + sum_j k_ij v_ij(p))

Here p' is the place where j shows what i shows at p. v_ij(p) says whether j does show it. k_ij is the kernel on
the noised particles, compared where they correspond. Weights sum to one in every cell. A cell that no partner
shows keeps its own residual. The repulsion is that of the kernel, cell by cell:

    repulsion_i(p) = 2/h * sum_j k_ij v_ij(p) (x_j(p') - x_i(p)).

Time grows linearly with the number of pairs. A few pairs are handled at a time, so memory does not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
from einops import rearrange
from torch import Tensor

from .correspondence import Cached, Correspondence, Sight, pairs_among, pull
from .kernel import Bandwidth, Gram, median
from .scene import Index
from .stein import Couple, Seen
from .tree import Theta
from .windows import as_size

CHUNK = 2**18
"""How many numbers are moved at once. As float32 they take 1 MiB, which stays in the processor's cache."""


class PairKernel(Protocol):
    """measured   whether the kernel uses the distances. They are not computed where it does not."""

    @property
    def measured(self) -> bool: ...

    def __call__(self, distances: Tensor) -> tuple[Tensor, float]:
        """Squared distances [n, n], NaN where two particles are no pair -> k [n, n] and the slope s.

        The slope gives the gradient: d k_ij / d x_i = s k_ij (x_j - x_i).
        """
        ...


@dataclass(frozen=True)
class PairRBF:
    """k_ij = exp(-d_ij / h). d_ij is the squared distance of x_i and the moved x_j, scaled up to all cells."""

    bandwidth: Bandwidth = median
    measured = True

    def __call__(self, distances: Tensor) -> tuple[Tensor, float]:
        h = self.bandwidth(distances)
        return torch.exp(-distances / h).nan_to_num(0.0), 2 / h


@dataclass(frozen=True)
class PairUniform:
    """k_ij = 1: the plain mean of what corresponds."""

    measured = False

    def __call__(self, distances: Tensor) -> tuple[Tensor, float]:
        return torch.ones_like(distances), 0.0


class Chunk(NamedTuple):
    """Some pairs: rows of i and of j among the particles of this step [p], and what i sees of j."""

    i: Tensor
    j: Tensor
    sight: Sight


@dataclass(frozen=True)
class Aligned:
    """Couples corresponding content.

    kernel      weights of the pairs
    repulsion   strength of the term that pushes corresponding content apart; 1 is SVGD, 0 leaves it out
    rest        a coupling for cells that no partner shows; None: they keep their own residual
    """

    correspondence: Correspondence
    kernel: PairKernel = PairRBF()
    repulsion: float = 0.0
    rest: Couple | None = None

    @cached_property
    def _sights(self) -> Cached:
        return Cached(self.correspondence)

    def __call__(self, seen: Seen, residual: Tensor) -> tuple[Tensor, Gram]:
        """residual [n, C, h, w] -> direction [n, C, h, w], and the weights.

        K[i, j] is k_ij times the share of i that j shows. The repulsion is zero where it is left out.
        """
        x_t, index = seen.x_t, seen.index
        wide = torch.promote_types(x_t.dtype, torch.float32)
        x, r = (rearrange(t, "n ... h w -> n (...) h w").to(wide) for t in (x_t, residual))
        pairs = pairs_among(self._sights, index).to(x.device)
        weights, slope = self.kernel(self._distances(x, pairs, index))
        repels = self.repulsion * slope > 0
        mixed, mass, shown, K = self._mix(torch.cat([r, x], 1) if repels else r, weights, pairs, index)
        repulsion = slope * (mixed[:, r.shape[1] :] - mass * x) if repels else torch.zeros_like(x)
        direction = (r + mixed[:, : r.shape[1]] + self.repulsion * repulsion) / (1 + mass)
        direction = direction.reshape(residual.shape).to(residual)
        if self.rest is not None:
            covered = shown.clamp(max=1).reshape(len(x), *[1] * (residual.ndim - 3), *x.shape[-2:]).to(residual)
            direction = torch.lerp(self.rest(seen, residual)[0], direction, covered)
        return direction, Gram(K, repulsion.reshape(residual.shape))

    def _chunks(self, pairs: Tensor, index: Index, values: Tensor) -> Iterator[Chunk]:
        """The pairs in chunks. One chunk moves at most CHUNK numbers of `values` [n, C, h, w]."""
        row = torch.zeros(self.correspondence.count, dtype=torch.long, device=pairs.device)
        row[torch.as_tensor(list(index), device=pairs.device)] = torch.arange(len(index), device=pairs.device)
        for some in pairs.split(max(1, CHUNK // values.shape[1:].numel())):
            i, j = row[some].unbind(1)
            yield Chunk(i, j, self._sights.look(some, as_size(values.shape[-2:])))

    def _distances(self, x: Tensor, pairs: Tensor, index: Index) -> Tensor:
        """Squared distances [n, n] of particles over the cells that correspond, scaled up to all; NaN for no pair."""
        distances = x.new_full((len(x), len(x)), torch.nan).fill_diagonal_(0)
        if not self.kernel.measured:
            return distances
        for i, j, sight in self._chunks(pairs, index, x):
            squares = (pull(x, sight, j) - x[i]).square().sum(1) * sight.valid
            distances[i, j] = squares.sum((1, 2)) / sight.valid.mean((1, 2)).to(x)  # 0 / 0 where j shows nothing
        return distances

    def _mix(self, values: Tensor, weights: Tensor, pairs: Tensor, index: Index) -> tuple[Tensor, ...]:
        """sum_j k v values_j moved to i [n, C, h, w], sum_j k v [n, 1, h, w], sum_j v, and the weights K [n, n]."""
        mixed, mass = torch.zeros_like(values), torch.zeros_like(values[:, :1])
        seen, K = torch.zeros_like(mass), torch.eye(len(values)).to(values)
        for i, j, sight in self._chunks(pairs, index, values):
            share = rearrange(weights[i, j], "p -> p 1 1 1") * sight.valid[:, None].to(weights)
            # Summed by a matrix product: index_add_ has no fixed order on GPUs.
            target = torch.eye(len(values), device=i.device, dtype=values.dtype)[:, i]
            for total, part in ((mixed, share * pull(values, sight, j)), (mass, share), (seen, sight.valid)):
                total += (target @ part.flatten(1).to(target)).reshape(total.shape)
            K[i, j] = share.mean((1, 2, 3))
        return mixed, mass, seen, K


@dataclass(frozen=True)
class AlignedAnew:
    """`Aligned` along a correspondence that is found again in each step, for scenes whose geometry is optimised.

    find      theta -> correspondence
    aligned   the coupling along it
    """

    find: Callable[[Theta], Correspondence]
    aligned: Callable[[Correspondence], Couple] = Aligned

    @property
    def correspondence(self) -> None:
        """None: it is not known before a step."""
        return None

    def __call__(self, seen: Seen, residual: Tensor) -> tuple[Tensor, Gram]:
        if seen.theta is None:
            raise ValueError("AlignedAnew: got no theta to find a correspondence in; give `Seen` that of the step.")
        return self.aligned(self.find(seen.theta))(seen, residual)
