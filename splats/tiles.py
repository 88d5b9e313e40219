"""Which splats are to be seen on which tiles of a picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from .projection import Projected

SIDE = 8  # pixels
AT_ONCE = {"cpu": 2**18}  # numbers in what is computed at once; on a CPU it should fit into the cache
_AT_ONCE = 2**24


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some tiles with their splats.

    tiles     [T] numbers of the tiles, row by row
    splats    [T, K] places of their splats in the projection, from near to far
    filled    [T, K] False where a tile has fewer
    """

    tiles: Tensor
    splats: Tensor
    filled: Tensor


@dataclass(frozen=True)
class Grid:
    """The tiles of a picture; the last ones may reach over its edge."""

    height: int
    width: int

    @property
    def rows(self) -> int:
        return ceil(self.height / SIDE)

    @property
    def columns(self) -> int:
        return ceil(self.width / SIDE)

    @property
    def count(self) -> int:
        return self.rows * self.columns

    def middles(self, tiles: Tensor) -> Tensor:
        """(x, y) of the middles of tiles, in pixels: [..., 2]."""
        return (torch.stack([tiles % self.columns, tiles // self.columns], -1) + 0.5) * SIDE

    def picture(self, tiles: Tensor) -> Tensor:
        """Tiles [count, C, SIDE^2] put together: [C, H, W]."""
        tall = tiles.unflatten(0, (self.rows, self.columns)).unflatten(-1, (SIDE, SIDE))  # row, column, C, y, x
        whole = tall.permute(2, 0, 3, 1, 4).reshape(-1, self.rows * SIDE, self.columns * SIDE)
        return whole[:, : self.height, : self.width]

    def chunks(self, seen: Projected) -> Iterator[Chunk]:
        """Tiles that show something, the fullest first, so that tiles of a chunk have about as many splats each."""
        tiles, splats = self._pairs(seen)
        order = torch.sort(tiles, stable=True).indices  # splats are from near to far already
        splats, counts = splats[order], tiles.bincount(minlength=self.count)
        starts = counts.cumsum(0) - counts
        counts, fullest = counts.sort(descending=True, stable=True)
        sizes = counts[counts > 0].tolist()
        at_once = AT_ONCE.get(splats.device.type, _AT_ONCE) // SIDE**2
        begin = 0
        while begin < len(sizes):
            some = slice(begin, min(begin + max(1, at_once // sizes[begin]), len(sizes)))
            slots = torch.arange(sizes[begin], device=splats.device)
            filled = slots < counts[some, None]
            place = (starts[fullest[some], None] + slots).clamp(max=len(splats) - 1)
            yield Chunk(fullest[some], splats[place], filled)
            begin = some.stop

    def _pairs(self, seen: Projected) -> tuple[Tensor, Tensor]:
        """Numbers of the tiles and places of the splats, one entry for each tile that a splat may touch."""
        means = seen.means.detach()
        limits = torch.tensor([self.columns, self.rows], device=means.device)
        low, high = ((edge / SIDE).floor() for edge in (means - seen.reach, means + seen.reach))
        low, high = low.clamp(min=0).minimum(limits).long(), (high + 1).clamp(min=0).minimum(limits).long()
        across, down = (high - low).clamp(min=0).unbind(-1)
        splats = torch.arange(len(means), device=means.device).repeat_interleave(across * down)
        first = (across * down).cumsum(0) - across * down
        number = torch.arange(len(splats), device=means.device) - first[splats]
        x, y = low[splats, 0] + number % across[splats], low[splats, 1] + number // across[splats]
        return y * self.columns + x, splats
