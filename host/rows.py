"""Rows of tensors that belong to some of the particles."""

from collections.abc import Sequence

from torch import Tensor

Rows = Sequence[int]


def has_rows(tensor: Tensor, count: int) -> bool:
    """Whether a tensor has one row for each of `count` particles, rather than one for all."""
    return count > 1 and tensor.shape[0] == count


def take_rows(tensor: Tensor, rows: Rows, count: int) -> Tensor:
    """The `rows` of a tensor with one row for each of `count` particles. A tensor shared by all stays as it is."""
    return tensor[list(rows)] if has_rows(tensor, count) else tensor
