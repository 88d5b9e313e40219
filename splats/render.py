"""Pictures of splats. Plain torch, on any device, with a gradient for every number of a splat."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..csd.geometry import Cameras
from .blend import EMPTY, blended, blended_back, monomials, polynomials
from .projection import Projected, project
from .splats import Splats
from .tiles import SIDE, Chunk, Grid

_SHAPE = 6  # columns of a splat's row before its values: mean, conic, opacity
_VISIBLE = 1e-6  # of alpha: below it there is no depth


@dataclass(frozen=True, eq=False)
class Rendering:
    """Pictures of n views.

    colour   [n, H, W, 3], zero or more; above 1 where splats are brighter than white. Over the background
    depth    [n, H, W] mean depth of what is seen, along the camera's z in world units; 0 where nothing is
    alpha    [n, H, W] in 0 ... 1, how much of the background is hidden
    """

    colour: Tensor
    depth: Tensor
    alpha: Tensor


def render(splats: Splats, cameras: Cameras, index: Sequence[int], background: Tensor | float = 0.0) -> Rendering:
    """Views `index` of the splats at the size of the cameras.

    background   colour behind the splats, in 0 ... 1: a number, [3], or [n, 3], one for each view

    The order in which splats are given does not count, unless two have the same centre. Splats that are not finite
    are left out and get a gradient of zero. Memory: 9 bytes for each pair of a splat and a tile that shows it are kept,
    50 for a moment, and `tiles.AT_ONCE` numbers a few times.
    """
    layers = torch.stack([_painted(project(splats, cameras, view), cameras.size) for view in index])
    colour, depth, alpha = layers.split([3, 1, 1], 1)
    return over(colour.movedim(1, -1), depth[:, 0], alpha[:, 0], background)


def over(colour: Tensor, depth: Tensor, alpha: Tensor, background: Tensor | float) -> Rendering:
    """The rendering of colour [n, H, W, 3] and depth [n, H, W], both weighted by what is seen; and alpha [n, H, W]."""
    behind = torch.as_tensor(background).to(colour, copy=True).expand(len(colour), 3)
    shown = alpha > _VISIBLE
    depth = torch.where(shown, depth / alpha.where(shown, alpha.new_ones(())), 0)
    return Rendering(colour + (1 - alpha)[..., None] * behind[:, None, None], depth, alpha)


def _painted(seen: Projected, size: tuple[int, int]) -> Tensor:
    """Colour, depth and one, each weighted by what is seen of a splat and summed up: [5, H, W]."""
    ones = torch.ones_like(seen.depth)
    values = torch.cat([seen.colours, seen.depth[:, None], ones[:, None]], 1)
    table = torch.cat([seen.means, seen.conics, seen.opacity[:, None], values], 1)
    grid = Grid(*size)
    return grid.picture(Painted.apply(table, grid, list(grid.chunks(seen))))


class Painted(torch.autograd.Function):
    """A row for each splat: mean, conic, opacity and C values, [M, 6 + C] -> tiles [tiles, C, SIDE^2].

    The tiles of a chunk are computed together, one chunk after the other, and again in the backward pass.
    """

    @staticmethod
    def forward(ctx, table: Tensor, grid: Grid, chunks: list[Chunk]) -> Tensor:
        basis = monomials(SIDE, table)
        out = table.new_zeros(grid.count, table.shape[1] - _SHAPE, SIDE**2)
        for chunk in chunks:
            rows = table[chunk.splats]
            out[chunk.tiles] = blended(_polynomials(rows, chunk, grid), rows[..., _SHAPE:], basis)
        ctx.save_for_backward(table, out)
        ctx.grid, ctx.chunks = grid, chunks
        return out

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        table, out = ctx.saved_tensors
        basis, total = monomials(SIDE, table), torch.zeros_like(table)
        for chunk in ctx.chunks:
            rows = table[chunk.splats]
            with torch.enable_grad():
                shapes = rows[..., :_SHAPE].requires_grad_()
                powers = _polynomials(shapes, chunk, ctx.grid)
            there = out[chunk.tiles], gradient[chunk.tiles]
            to_powers, to_values = blended_back(powers.detach(), rows[..., _SHAPE:], basis, *there)
            (to_shapes,) = torch.autograd.grad(powers, shapes, to_powers)
            both = torch.cat([to_shapes, to_values], -1)
            total.index_add_(0, chunk.splats.flatten(), both.flatten(0, 1))
        return total, None, None


def _polynomials(rows: Tensor, chunk: Chunk, grid: Grid) -> Tensor:
    """Polynomials [T, K, 6] of the splats of a chunk, from their rows [T, K, ...]."""
    means = rows[..., :2] - grid.middles(chunk.tiles).to(rows)[:, None]
    powers = polynomials(means, rows[..., 2:5], rows[..., 5])
    constant = powers[..., :1].where(chunk.filled[..., None], powers.new_tensor(EMPTY))
    return torch.cat([constant, powers[..., 1:]], -1)
