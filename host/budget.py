"""A budget before work: what a node is about to make is weighed against the memory of the machine.

Below what is free nothing is said. Between that and all memory (with swap) a warning is logged and the work goes
on, because what is in use may be given back. Above all memory it could only fail, and is refused before it begins.
"""

import logging

from . import memory


def afford(size: int, what: str, turn: str) -> None:
    """ValueError where `size` bytes are more than this machine has.

    what   what takes them, in words and numbers: '24 frames of 512 x 288 pixels'
    turn   which widget to turn, or what else to do: 'lower `count`'
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
