"""Rows of tensors that belong to some of the particles."""

from collections.abc import Sequence

from torch import Tensor

Rows = Sequence[int]


def take_rows(tensor: Tensor, rows: Rows, count: int) -> Tensor:
    """Rows of a tensor that has one for each of `count` particles; others, shared by all, as they are."""
    return tensor[list(rows)] if count > 1 and tensor.shape[0] == count else tensor
