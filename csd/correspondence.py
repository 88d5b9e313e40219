"""Correspondence between particles: where particle j shows what particle i shows.

Windows of a canvas, frames under optical flow and views with depth all answer this one question. It is asked by
everything that couples corresponding content (`aligned`), moves noise with it (`carried`) or averages it (`blend`).

    Unrelated   nothing corresponds (the paper)
    Canvas      windows, where they overlap
    Flow        a table of dense maps, from measured or known motion
    Geometry    views with cameras and depth (`geometry.py`)

Places are (x, y) in cells of the other particle's grid. Whole numbers are the centres of cells. A correspondence
can be asked on a grid of any size. A place p on one grid is (p + 0.5) * s - 0.5 on a grid that is s times as fine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
from einops import rearrange, repeat
from torch import Tensor
from torch.nn.functional import embedding_bag

from .scene import Index
from .windows import Size, Windows, as_size


class Sight(NamedTuple):
    """What particles i see of their partners j, cell by cell, for P pairs (i, j).

    place   [P, h, w, 2] float32, where j shows what i shows in this cell: (x, y) in cells of j
    valid   [P, h, w] float32 in 0 ... 1, 0 where j does not show it (hidden, out of the picture, masked)
    """

    place: Tensor
    valid: Tensor


class Correspondence(Protocol):
    """Where `count` particles show the same thing.

    names     a name for each particle, which keys its random draws; empty: its position keys them
    in_time   whether the particles follow one another in time. Then every step takes all of them. Frames that moved
              more often than their neighbours, or at other noise levels, would flicker.
    """

    @property
    def count(self) -> int: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def in_time(self) -> bool: ...

    def partners(self, i: int) -> Sequence[int]:
        """The particles that i is coupled with, the most reliable ones first; never i itself."""
        ...

    def look(self, pairs: Tensor, size: Size) -> Sight:
        """The sight of pairs (i, j), [P, 2], with j among the partners of i, on grids of size (h, w).

        The result is on the device of `pairs`.
        """
        ...


def cells(size: Size, device: torch.device | None = None) -> Tensor:
    """The places (x, y) of a grid's own cells, [h, w, 2]."""
    rows, columns = (torch.arange(n, device=device, dtype=torch.float32) for n in size)
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)


def rescale(place: Tensor, old: Size, new: Size) -> Tensor:
    """Converts places on a grid of size `old` to places on a grid of size `new`."""
    if old == new:
        return place
    factor = place.new_tensor([new[1] / old[1], new[0] / old[0]])
    return (place + 0.5) * factor - 0.5


def inside(place: Tensor, size: Size) -> Tensor:
    """Whether places [..., 2] lie on the picture: at most half a cell from the centre of one of its cells."""
    limit = place.new_tensor([size[1], size[0]]) - 0.5
    return ((place >= -0.5) & (place < limit)).all(-1)


def taps(place: Tensor, size: Size) -> tuple[Tensor, Tensor]:
    """The four cells around each place, for bilinear interpolation.

    place [..., 2] -> indices of the cells, counted row by row, [..., 4], and their weights [..., 4]. Places outside
    the picture are moved to its edge. At the centre of a cell, the weight of that cell is exactly one.
    """
    (h, w), last = size, place.new_tensor([size[1] - 1, size[0] - 1])
    place = place.nan_to_num().clamp(min=0).minimum(last)
    low = place.floor().minimum((last - 1).clamp(min=0))
    across, down = torch.stack([1 - (place - low), place - low], -1).unbind(-2)
    steps = torch.tensor([0, min(1, w - 1), w * min(1, h - 1), w * min(1, h - 1) + min(1, w - 1)], device=place.device)
    first = (low[..., 1] * w + low[..., 0]).long()
    return first[..., None] + steps, (down[..., :, None] * across[..., None, :]).flatten(-2)


def pull(values: Tensor, sight: Sight, rows: Tensor | None = None) -> Tensor:
    """Moves values of the partners j to where the particles i show the same thing. Bilinear.

    values [P, ..., h, w] -> [P, ..., h, w]. With rows [P], values are [n, ..., h, w], and rows[p] is the row of j
    in pair p. Whole places give exact copies, places outside the picture the nearest edge. Where `valid` is zero the
    result has no meaning.

    `grid_sample` would not do: it takes places in -1 ... 1 and rounds when it turns them back into cells. Overlapping
    windows would differ in the last digit where they have to be equal.
    """
    size = as_size(values.shape[-2:])
    rows = torch.arange(len(sight.place), device=values.device) if rows is None else rows
    table = rearrange(values, "n ... h w -> (n h w) (...)").contiguous()
    numbers, weights = taps(sight.place, size)
    numbers = numbers + rearrange(rows * (size[0] * size[1]), "p -> p 1 1 1")
    bags, weights = (rearrange(t, "p h w k -> (p h w) k") for t in (numbers, weights.to(table)))
    pulled = embedding_bag(bags, table, per_sample_weights=weights, mode="sum")
    p, h, w = sight.valid.shape
    return rearrange(pulled, "(p h w) c -> p c h w", p=p, h=h, w=w).reshape(p, *values.shape[1:-2], h, w)


def pairs_among(correspondence: Correspondence, index: Index) -> Tensor:
    """The pairs (i, j), [P, 2], ordered by i: both are in `index`, and j is a partner of i."""
    present = set(index)
    pairs = [(i, j) for i in index for j in correspondence.partners(i) if j in present]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


def _nothing(pairs: Tensor, size: Size) -> Sight:
    place = repeat(cells(size, pairs.device), "h w xy -> p h w xy", p=len(pairs))
    return Sight(place, torch.zeros_like(place[..., 0]))


@dataclass(frozen=True)
class Unrelated:
    """Particles without any correspondence."""

    count: int
    names = ()
    in_time = False

    def partners(self, i: int) -> Sequence[int]:
        return ()

    def look(self, pairs: Tensor, size: Size) -> Sight:
        return _nothing(pairs, size)


@dataclass(frozen=True)
class Canvas:
    """Windows of a canvas correspond where they overlap, also across the seam of a canvas that wraps."""

    windows: Windows
    names = ()
    in_time = False

    @property
    def count(self) -> int:
        return self.windows.count

    @cached_property
    def _places(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Rows at which windows start, sorted, and for each window [n] which of them is its own; columns likewise."""
        rows, columns = torch.tensor(self.windows.origins).unbind(-1)
        return tuple(part for axis in (rows, columns) for part in axis.unique(return_inverse=True))

    def _shared(self, axis: int) -> Tensor:
        """How many elements two windows share along an axis, for each pair of starts on it: [u, u]."""
        starts = self._places[2 * axis]
        window, canvas = self.windows.window[axis], self.windows.canvas[axis]
        gap = starts[:, None] - starts
        gap = gap % canvas if self.windows.wrap[axis] else gap.abs()
        shared = (window - gap).clamp(min=0)
        if self.windows.wrap[axis]:
            shared = shared + torch.where(gap > 0, window - (canvas - gap), 0).clamp(min=0)
        return shared

    @property
    def pair_count(self) -> int:
        """How many pairs of windows overlap."""
        _, row, _, column = self._places
        down, across = (self._shared(axis).gt(0).double() for axis in (0, 1))
        here = torch.zeros(len(down), len(across), dtype=torch.float64)
        here.index_put_((row, column), torch.ones(len(row), dtype=torch.float64), accumulate=True)
        return self.windows.batch * int((here * (down @ here @ across)).sum().item() - len(row))

    @cached_property
    def _partners(self) -> list[list[int]]:
        """The partners of each window, by shared area, the largest first. Ties go by place, not by order."""
        _, row, _, column = self._places
        down, across = self._shared(0), self._shared(1)
        order = torch.tensor(sorted(range(len(row)), key=lambda j: self.windows.origins[j]))
        partners = [[] for _ in row]
        for start in range(len(down)):  # windows that start on the same row overlap the same rows of windows
            own, others = (row == start).nonzero().flatten(), order[down[start, row[order]] > 0]
            area = down[start, row[others]] * across[column[own]][:, column[others]]
            area.masked_fill_(own[:, None] == others, 0)
            i, j = area.nonzero().unbind(-1)
            # Sorted by window, then by area. The sort is stable, so ties stay in the order of their places.
            by_area = (i * (area.max() + 1) - area[i, j]).argsort(stable=True)
            many = i.bincount(minlength=len(own)).tolist()
            for window, found in zip(own.tolist(), others[j[by_area]].split(many)):
                partners[window] = found.tolist()
        return partners

    def partners(self, i: int) -> Sequence[int]:
        canvas, window = divmod(i, len(self.windows.origins))
        return [canvas * len(self.windows.origins) + j for j in self._partners[window]]

    def look(self, pairs: Tensor, size: Size) -> Sight:
        one = len(self.windows.origins)
        origins = torch.tensor(self.windows.origins, device=pairs.device).flip(-1)
        factor = torch.tensor([new / old for new, old in zip(size, self.windows.window)], device=pairs.device).flip(-1)
        shift = (origins[pairs[:, 0] % one] - origins[pairs[:, 1] % one]) * factor
        place = cells(size, pairs.device) + shift[:, None, None]
        length = torch.tensor(self.windows.canvas, device=pairs.device).flip(-1) * factor
        wrap = torch.tensor(self.windows.wrap, device=pairs.device).flip(-1)
        place = torch.where(wrap, (place + 0.5) % length - 0.5, place)
        same = pairs[:, 0] // one == pairs[:, 1] // one
        return Sight(place, (inside(place, size) & same[:, None, None]).float())


@dataclass(frozen=True, eq=False)
class Flow:
    """A table of dense maps, one for each listed pair. A step moves only the maps that it needs to its device.

    pairs     [P, 2], (i, j); the partners of i are its j, in the order of the list
    place     [P, H, W, 2], where j shows what i shows, in cells of the table's own grid (H, W); any floating type
    valid     [P, H, W], 0 ... 1 or bool
    relative  `place` holds displacements (place minus own cell), as half precision is exact enough only for these
    """

    count: int
    pairs: Tensor
    place: Tensor
    valid: Tensor
    relative: bool = False
    names = ()
    in_time = True

    def __post_init__(self):
        shape = (len(self.pairs), *self.valid.shape[1:])
        if self.pairs.shape != (shape[0], 2) or self.place.shape != (*shape, 2) or self.valid.shape != shape:
            got = tuple(tuple(t.shape) for t in (self.pairs, self.place, self.valid))
            raise ValueError(f"Flow: got pairs, place and valid of {got}, expected [P, 2], [P, H, W, 2], [P, H, W].")
        if len(self.pairs) and not (self.pairs.min() >= 0 and self.pairs.max() < self.count):
            span = (self.pairs.min().item(), self.pairs.max().item())
            raise ValueError(f"Flow: got particles {span[0]} to {span[1]}, expected 0 to {self.count - 1}.")
        if (self.pairs[:, 0] == self.pairs[:, 1]).any():
            raise ValueError("Flow: got a pair of a particle with itself; leave these out.")

    @cached_property
    def _partners(self) -> list[list[int]]:
        partners = [[] for _ in range(self.count)]
        for i, j in self.pairs.tolist():
            partners[i].append(j)
        return partners

    @cached_property
    def _rows(self) -> dict[tuple[int, int], int]:
        return {tuple(pair): row for row, pair in enumerate(self.pairs.tolist())}

    def partners(self, i: int) -> Sequence[int]:
        return self._partners[i]

    def look(self, pairs: Tensor, size: Size) -> Sight:
        """On another grid than the table's own, maps are interpolated over the valid cells around each place."""
        native, rows = as_size(self.valid.shape[1:]), self._rows_of(pairs)
        if native == size:
            place, valid = self.place[rows].float(), self.valid[rows].float()
            place = place + cells(size, place.device) if self.relative else place
            return Sight(place.to(pairs.device), valid.to(pairs.device))
        at = rescale(cells(size, rows.device), size, native)
        valid = torch.zeros(len(rows), *size, device=rows.device)
        moved = torch.zeros(len(rows), *size, 2, device=rows.device)
        for number, weight in zip(*(part.unbind(-1) for part in taps(at, native))):
            seen, displacement = self._read(rows, number)
            valid += weight * seen
            moved += (weight * seen)[..., None] * displacement
        place = at + moved / valid.clamp(min=1e-6)[..., None]
        return Sight(rescale(place, native, size).to(pairs.device), valid.to(pairs.device))

    def _rows_of(self, pairs: Tensor) -> Tensor:
        missing = [pair for pair in map(tuple, pairs.tolist()) if pair not in self._rows]
        if missing:
            raise ValueError(f"Flow: got the pair {missing[0]}, which has no map; ask for pairs of partners only.")
        return torch.tensor([self._rows[i, j] for i, j in pairs.tolist()], dtype=torch.long, device=self.place.device)

    def _read(self, rows: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
        """valid [p, h, w] and displacement [p, h, w, 2] of the maps `rows` [p] at the cells `number` [h, w]."""
        size = as_size(self.valid.shape[1:])
        flat = (rows[:, None] * (size[0] * size[1]) + number.flatten()).flatten()
        shape = (len(rows), *number.shape)
        valid = self.valid.reshape(-1)[flat].float().reshape(shape)
        place = self.place.reshape(-1, 2)[flat].float().nan_to_num().reshape(*shape, 2)
        own = 0 if self.relative else cells(size, place.device).reshape(-1, 2)[number]
        return valid, place - own


@dataclass(frozen=True, eq=False)
class Cached:
    """Another correspondence, whose sights on the last grid are kept if they are few enough.

    of       the other correspondence
    places   most cells to keep, over all pairs (12 bytes each, on the CPU)
    """

    of: Correspondence
    places: int = 2**22
    _kept: dict[Size, "Flow"] = field(default_factory=dict, init=False, repr=False)

    @property
    def count(self) -> int:
        return self.of.count

    @property
    def names(self) -> tuple[str, ...]:
        return self.of.names

    @property
    def in_time(self) -> bool:
        return self.of.in_time

    @cached_property
    def _pairs(self) -> Tensor:
        return pairs_among(self.of, range(self.count))

    def partners(self, i: int) -> Sequence[int]:
        return self.of.partners(i)

    def look(self, pairs: Tensor, size: Size) -> Sight:
        if len(self._pairs) * size[0] * size[1] > self.places:
            return self.of.look(pairs, size)
        if size not in self._kept:
            self._kept.clear()
            self._kept[size] = Flow(self.count, self._pairs, *self.of.look(self._pairs, size))
        return self._kept[size].look(pairs, size)


def clip_pairs(count: int, neighbours: int = 2, anchors: int = 0) -> Tensor:
    """Pairs (i, j) for the frames of a clip, [P, 2]. Partners of i: anchors first, then neighbours by distance.

    neighbours   how many frames before i, and as many after it
    anchors      how many frames, evenly spaced over the clip, are partners of every frame. They keep a long clip from
                 drifting. A single one is the frame in the middle.
    """
    if count < 1 or neighbours < 0 or anchors < 0:
        raise ValueError(
            f"clip_pairs: got {count} frames, {neighbours} neighbours and {anchors} anchors, "
            "expected at least one frame and no negative number."
        )
    far = [(2 * a + 1) * count // (2 * anchors) for a in range(anchors)] if anchors < count else range(count)
    near = [step for k in range(1, neighbours + 1) for step in (-k, k)]
    pairs = []
    for i in range(count):
        partners = dict.fromkeys([*far, *(i + step for step in near if 0 <= i + step < count)])
        pairs += [(i, j) for j in partners if j != i]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)
