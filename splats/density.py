"""Where a scene has too few splats, and which ones it can do without.

The strategy runs between the steps of a fit (`csd.update.Regrown`). Splats that are nearly transparent go. Splats that
the pictures pull hardest are split in two along their longest axis. How hard is measured by how much the loss would
change if a splat moved by its own size, so it does not depend on the unit of the world.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..csd.tree import Theta, parts
from ..csd.update import times_before
from .projection import rotation_matrices
from .splats import Splats

_APART, _SMALLER = 0.5, 1.6  # of the longest scale: how far halves go to either side, and how much shorter it becomes


@dataclass(frozen=True)
class Density:
    """Splits and prunes in every `every`-th step, from step `every` to step `until`.

    most     splats that there may be in the end
    growth   part of the splats that is split at once, 0 ... 1
    faint    opacity below which a splat goes
    """

    every: int = 20
    until: int = 100
    most: int = 100_000
    growth: float = 0.1
    faint: float = 0.02

    def choose(self, theta: Theta, gradient: Theta, step: int) -> Tensor | None:
        """The rows to go on with; those that are split come twice. None where nothing changes in this step."""
        if (step + 1) % self.every or step + 1 > self.until:
            return None
        splats = Splats.of(theta)
        kept = (splats.finite & (splats.opacities >= self.faint)).nonzero()[:, 0]
        more = min(int(self.growth * len(kept)), self.most - len(kept))
        pulled = parts(gradient)["positions"].norm(dim=1)[kept] * splats.scales[kept].mean(1)
        split = kept[pulled.topk(max(more, 0)).indices]
        return torch.cat([kept, split])

    @staticmethod
    def settle(theta: Theta, rows: Tensor) -> Theta:
        """Move the two halves of each split splat apart."""
        numbers, counts = rows.unique(return_counts=True)
        halves = torch.isin(rows, numbers[counts > 1]).nonzero()[:, 0]
        some = Splats.of(theta)[halves]
        side = 1 - 2 * times_before(rows[halves]).to(some.positions)
        scales, longest = some.scales.max(1)
        axes = rotation_matrices(some.rotations).mT[torch.arange(len(halves)), longest]
        positions, log_scales = some.positions + (_APART * side * scales)[:, None] * axes, some.log_scales.clone()
        log_scales[torch.arange(len(halves)), longest] -= math.log(_SMALLER)
        whole, changed = parts(theta), {"positions": positions, "log_scales": log_scales}
        return {**whole, **{name: whole[name].index_copy(0, halves, part) for name, part in changed.items()}}


def during(steps: int, most: int) -> Density:
    """Splits and prunes ten times in the first three quarters of a fit."""
    until = 3 * steps // 4
    return Density(every=max(until // 10, 1), until=until, most=most)
