"""Noise that moves with the picture: where particles show the same thing, they get the same random numbers.

Each cell is divided into s x s sub-cells, with one random number each. The noise of the cell is their sum divided
by s. A sub-cell either has a number of its own, or inherits the number of another particle's sub-cell that shows
the same thing. No number is used twice in a particle, and none is interpolated. So the noise of each particle is
exactly white with unit variance, whatever the motion.

The origin of a number is the particle and the sub-cell that it was drawn for. Origins depend on the correspondence
alone. They are found particle by particle, in a fixed order (`turns`). Each particle looks at its partners that
came before it, the most reliable one first, and its sub-cells inherit the numbers that they find there.

Inherited numbers are rounded to the nearest sub-cell. The rounding error is kept as an offset and added at the next
look. So slow motion adds up over many frames instead of being rounded away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from einops import reduce
from torch import Tensor

from .correspondence import Correspondence, cells
from .draws import Draws
from .scene import Index
from .windows import Size, as_size

REACH = 0.75
"""Largest offset with which a number is still inherited, in sub-cells along either axis."""

TIE = 0.5 + 1e-3
"""Added before rounding down, so that places halfway between two sub-cells all round the same way."""


class Origins(NamedTuple):
    """Where the numbers of N particles with M sub-cells each come from.

    source   [N, M], particle * M + sub-cell of the origin
    offset   [N, M, 2] float16, (x, y) from the centre of the sub-cell to where its number exactly stands, in sub-cells
    """

    source: Tensor
    offset: Tensor


@dataclass(eq=False)
class Carried:
    """A noise field that moves along a correspondence.

    keys       a name for each particle of the scene
    subcells   s, sub-cells per cell along each axis; motion is followed to about 1 / (2 s) of a cell
    """

    correspondence: Correspondence
    keys: Sequence[str]
    subcells: int = 4
    _origins: dict[Size, Tensor] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        if self.subcells < 1:
            raise ValueError(f"Carried: got {self.subcells} sub-cells, expected at least one.")
        if len(self.keys) != self.correspondence.count:
            raise ValueError(
                f"noise: got a correspondence of {self.correspondence.count} particles for {len(self.keys)}; make it "
                "from the same frames, views or windows as the latents."
            )

    def __call__(self, draws: Draws, index: Index, like: Tensor) -> Tensor:
        size = as_size(n * self.subcells for n in like.shape[-2:])
        source = self.origins(size)[list(index)].long()
        fine = draw(draws, self.keys, source, like.shape[1:-2].numel())
        noise = reduce(fine.unflatten(-1, size), "n c (h a) (w b) -> n c h w", "sum", a=self.subcells, b=self.subcells)
        return (noise / self.subcells).reshape(like.shape).to(like)

    def origins(self, size: Size) -> Tensor:
        """`Origins.source` on a grid of sub-cells, [N, h * w]. The result for the last size is kept."""
        if size not in self._origins:
            self._origins.clear()
            self._origins[size] = trace(self.correspondence, self.keys, size).source
        return self._origins[size]


def draw(draws: Draws, keys: Sequence[str], source: Tensor, channels: int) -> Tensor:
    """The random numbers [n, C, M] that were drawn at the origins `source` [n, M]."""
    m = source.shape[1]
    fine = torch.empty(len(source), channels, m)
    particle, cell = source // m, source % m
    for born in particle.unique().tolist():
        numbers = draws.normal((channels, m), "carried", keys[born])
        for row in (particle == born).any(1).nonzero().flatten().tolist():
            here = particle[row] == born
            fine[row][:, here] = numbers[:, cell[row, here]]
    return fine


def turns(correspondence: Correspondence, keys: Sequence[str]) -> list[int]:
    """The order in which particles inherit. The next one is that with the most partners already in the list.

    Ties go to the particle that is a partner most often (an anchor), then to the first by key. In this order new
    content is inherited at once, before another particle draws numbers of its own for it.
    """
    lookers = [[] for _ in keys]
    for i in range(len(keys)):
        for j in correspondence.partners(i):
            lookers[j].append(i)
    known, left, order = [0] * len(keys), set(range(len(keys))), []
    while left:
        following = min(left, key=lambda i: (-known[i], -len(lookers[i]), keys[i]))
        left.remove(following)
        order.append(following)
        for i in lookers[following]:
            known[i] += 1
    return order


def trace(correspondence: Correspondence, keys: Sequence[str], size: Size) -> Origins:
    """The origins of all particles, on a grid of `size` sub-cells."""
    n, m = len(keys), size[0] * size[1]
    dtype = torch.int32 if n * m < 2**31 else torch.int64
    source = torch.arange(n * m, dtype=dtype).reshape(n, m)
    origins = Origins(source, torch.zeros(n, m, 2, dtype=torch.float16))
    done = set()
    for i in turns(correspondence, keys):
        partners = [j for j in correspondence.partners(i) if j in done]
        _inherit(origins, correspondence, i, partners, size)
        done.add(i)
    return origins


def _inherit(origins: Origins, correspondence: Correspondence, i: int, partners: Sequence[int], size: Size) -> None:
    """Lets the sub-cells of i inherit numbers from its partners, one partner after the other. Changes `origins`."""
    free = torch.ones(origins.source.shape[1], dtype=torch.bool)
    used = torch.empty(0, dtype=origins.source.dtype)
    for j in partners:
        if not free.any():
            break
        sight = correspondence.look(torch.tensor([[i, j]]), size)
        cell, found, offset = _found(origins, j, sight.place[0].flatten(0, 1), size)
        usable = free & (sight.valid[0].flatten() > 0.5) & (offset.abs() <= REACH).all(-1)
        here = _first_of_each(found, offset, usable.nonzero().flatten())
        here = here[~torch.isin(found[here], used)]
        origins.source[i, here], origins.offset[i, here] = found[here], offset[here].to(origins.offset)
        free[here] = False
        used = torch.cat([used, found[here]])


def _found(origins: Origins, j: int, place: Tensor, size: Size) -> tuple[Tensor, Tensor, Tensor]:
    """For each place [M, 2] the nearest number of j: its sub-cell, its origin, and its offset from the place."""
    limit = torch.tensor([size[1] - 1, size[0] - 1])

    def nearest(target: Tensor) -> Tensor:
        x, y = (target + TIE).floor().clamp(min=0).minimum(limit).long().unbind(-1)
        return y * size[1] + x

    cell = nearest(place - origins.offset[j, nearest(place)].float())
    offset = cells(size).flatten(0, 1)[cell] + origins.offset[j, cell].float() - place
    return cell, origins.source[j, cell], offset


def _first_of_each(found: Tensor, offset: Tensor, candidates: Tensor) -> Tensor:
    """Where several candidates [k] found the same origin, only the nearest one."""
    near = candidates[offset[candidates].square().sum(-1).argsort(stable=True)]
    group = found[near].argsort(stable=True)
    near = near[group]
    first = torch.ones(len(near), dtype=torch.bool)
    first[1:] = found[near][1:] != found[near][:-1]
    return near[first]
