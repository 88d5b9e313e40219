"""Compares the memory that a node will need with the memory of the machine, before it begins.

If it fits into free memory, nothing is said. If it needs more, but not more than all memory with swap, a warning is
logged and the work goes on: memory in use may be freed. If it needs more than that, it could only fail, so it is
refused.
"""

import logging

from . import memory


def afford(size: int, what: str, turn: str) -> None:
    """Raises ValueError if `size` bytes are more than this machine has.

    what   what takes them, in words and numbers: '24 frames of 512 x 288 pixels'
    turn   which widget to change, or what else to do: 'lower `count`'
    """
    has = memory.machine()
    if size > has.total:
        raise ValueError(
            f"got {what}, which take {said(size)} of memory, expected at most the {said(has.total)} that this machine "
            f"has with its swap; {turn}."
        )
    if size > has.free:
        said_so = "%s take %s of memory, and %s are free; %s if this fails."
        logging.warning(said_so, what, said(size), said(has.free), turn)


def said(size: int) -> str:
    """Bytes in words."""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size} bytes"
