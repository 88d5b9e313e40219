"""Rows of tensors that belong to some of the particles."""

from collections.abc import Sequence

from torch import Tensor

Rows = Sequence[int]


def has_rows(tensor: Tensor, count: int) -> bool:
    """Whether a tensor has one row for each of `count` particles, rather than one for all."""
    return count > 1 and tensor.shape[0] == count


def take_rows(tensor: Tensor, rows: Rows, count: int) -> Tensor:
    """Rows of a tensor that has one for each of `count` particles; others, shared by all, as they are."""
    return tensor[list(rows)] if has_rows(tensor, count) else tensor
