"""Two functions that long work gets from its caller: for progress and cancelling, and for memory."""

from collections.abc import Callable, Iterable

Follow = Callable[[Iterable], Iterable]
"""Yields the items that it is given, one by one. It may show progress, and it raises where the work is cancelled."""

Afford = Callable[[int, str, str], None]
"""(bytes, what takes them, what to change to need less) -> None. Raises ValueError where memory does not suffice."""


def unlimited(size: int, what: str, turn: str) -> None:
    """An `Afford` that allows everything."""
