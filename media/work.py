"""What long work asks of its caller: to be followed, and to be told whether there is memory for it."""

from collections.abc import Callable, Iterable

Follow = Callable[[Iterable], Iterable]
"""Hands on what it is given, one by one; may show progress, and raises where the work is to stop."""

Afford = Callable[[int, str, str], None]
"""(bytes, what takes them, what to turn to need less): raises ValueError where that is more than there is."""


def unlimited(size: int, what: str, turn: str) -> None:
    """An `Afford` that allows everything."""
