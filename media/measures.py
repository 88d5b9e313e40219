"""Figures of an edit that need no truth, from pictures [n, h, w, 3] of before and after, colours in 0 ... 1."""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d


def change(before: Tensor, after: Tensor) -> float:
    """How far an edit is from its source: root mean square of the difference of colours."""
    return _rms(after - before)


def unevenness(before: Tensor, after: Tensor, across: int) -> float:
    """How much the change varies from left to right: standard deviation over `across` columns of its mean colour."""
    columns = adaptive_avg_pool2d((after - before).movedim(-1, 1), (1, across))
    return _rms(columns - columns.mean(-1, keepdim=True))


def flicker(before: Tensor, after: Tensor) -> float:
    """How much the change varies from one frame to the next: mean absolute difference. A constant change gives 0."""
    moved = after - before
    return (moved[1:] - moved[:-1]).abs().mean().item()


def spread(before: Tensor, after: Tensor) -> float:
    """How much the change varies from picture to picture: standard deviation of its mean colour."""
    colours = (after - before).mean((1, 2))
    return _rms(colours - colours.mean(0))


def _rms(x: Tensor) -> float:
    return torch.sqrt(x.square().mean()).item()
