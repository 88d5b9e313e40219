"""COUPLE at long range: what looks alike changes alike, however far apart it is.

The particles are cut into blocks of a few cells. A block's tone t_p is the mean of its residual. Its look f_p is the
mean of the clean particle. Tones are averaged over all blocks of the set that look alike (non-local means, Buades et
al. 2005), and every cell moves by what this changes:

    r_i(p) + strength * (sum_q k_pq t_q / sum_q k_pq - t_p)
    k_pq = exp(-|f_p - f_q|^2 / (spread^2 m)),      m the median of |f_p - f_q|^2

Between the centres of blocks the change is interpolated. Detail inside a block keeps its own residual. Windows that
share no element, and pictures of one series, get one change of colour in this way.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from .kernel import Gram, Independent, squared_distances
from .stein import Couple, Seen, Stein, clean
from .windows import as_size

SAMPLE = 512
"""How many blocks, evenly spaced, the median distance is taken from."""
MOST = 2**13
"""How many blocks there are at most. Time grows with their square, so larger sets get larger blocks."""
AT_ONCE = 2**22
"""How many weights are held at once. As float32 they take 16 MiB."""


@dataclass(frozen=True)
class Tones:
    """Another coupling, and after it tones that agree.

    couple     the coupling that comes first
    strength   0 ... 1: 0 leaves the other coupling as it is
    spread     > 0: how different blocks may look and still share a tone, in proportion to the median difference
    block      cells along a side of a block, at least
    look       what blocks are compared by
    """

    couple: Couple = Stein(Independent())
    strength: float = 1.0
    spread: float = 0.15
    block: int = 1
    look: Callable[[Seen], Tensor] = clean

    def __post_init__(self):
        if not (0 <= self.strength <= 1 and math.isfinite(self.spread) and self.spread > 0 and self.block >= 1):
            raise ValueError(
                f"Tones: got strength {self.strength}, spread {self.spread} and blocks of {self.block} cells; expected "
                "0 to 1, a finite number above zero, and at least 1."
            )

    @property
    def correspondence(self):
        return self.couple.correspondence

    def __call__(self, seen: Seen, residual: Tensor) -> tuple[Tensor, Gram]:
        """residual [n, C, h, w] -> direction [n, C, h, w], and the kernel of the other coupling."""
        direction, gram = self.couple(seen, residual)
        looks, own = self._blocks(self.look(seen)), self._blocks(direction)
        n, _, rows, columns = own.shape
        looks, own = (rearrange(t, "n c h w -> (n h w) c") for t in (looks, own))
        change = rearrange(shared(own, looks, self.spread) - own, "(n h w) c -> n c h w", n=n, h=rows, w=columns)
        change = interpolate(change, size=direction.shape[-2:], mode="bilinear")
        return direction + self.strength * change.reshape(direction.shape).to(direction), gram

    def _blocks(self, values: Tensor) -> Tensor:
        """Means over blocks, [n, C, rows, columns]. Blocks are a little smaller where they do not fit evenly."""
        values = rearrange(values, "n ... h w -> n (...) h w").to(torch.promote_types(values.dtype, torch.float32))
        side = max(self.block, math.ceil(math.sqrt(values[:, 0].numel() / MOST)))
        return adaptive_avg_pool2d(values, as_size(-(-length // side) for length in values.shape[-2:]))


def shared(tones: Tensor, looks: Tensor, spread: float) -> Tensor:
    """Weighted means of tones [m, C] over those of the m blocks that look alike; looks [m, D]. Weights sum to one."""
    centred = looks - looks.mean(0)
    h, lengths = spread**2 * _typical(centred), centred.square().sum(1)

    def mean(some: Tensor) -> Tensor:
        # The length of f_p itself is the same in a whole row, and cancels where weights sum to one.
        return torch.softmax((2 * some @ centred.T - lengths) / h, 1) @ tones

    return torch.cat([mean(some) for some in centred.split(max(1, AT_ONCE // len(centred)))])


def _typical(looks: Tensor) -> float:
    """The median squared distance between some of the blocks; 1 where all look the same."""
    some = looks[:: -(-len(looks) // SAMPLE)]
    apart = squared_distances(some)[~torch.eye(len(some), dtype=torch.bool, device=some.device)]
    apart = apart[apart > 0]
    return apart.median().item() if len(apart) else 1.0
