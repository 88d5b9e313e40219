"""How much memory this process can use: memory and swap of the machine, within the limits of its control groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_V2, _V1 = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")
_SWAP_V2, _SWAP_V1 = "memory.swap.max", "memory.memsw.limit_in_bytes"
_NO_LIMIT = 2**60  # version 1 writes a huge number where there is no limit


@dataclass(frozen=True)
class Memory:
    """Bytes that are free now, and bytes in all. Both include swap."""

    free: int
    total: int


def machine(process: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> Memory:
    """The memory of this machine, or of the control group of this process if that is less.

    process   where Linux lists the groups of this process
    groups    where Linux lists the limits of the groups
    """
    own, swap = psutil.virtual_memory(), psutil.swap_memory()
    free, total = own.available + swap.free, own.total + swap.total
    for folder in _folders(process, groups):
        limit, used = _limit(folder, own.total, swap.total)
        if limit is not None:
            total, free = min(total, limit), min(free, max(limit - used, 0))
    return Memory(free, total)


def _folders(process: Path, groups: Path) -> Iterator[Path]:
    """The folders of the groups that limit memory, from the process's own up to the root."""
    try:
        lines = [line.split(":", 2) for line in process.read_text().splitlines()]
    except OSError:
        return  # not Linux, or a system without groups
    for _, kinds, path in (line for line in lines if len(line) == 3):
        if kinds and "memory" not in kinds.split(","):
            continue
        root = groups / "memory" if kinds else groups
        below = Path(path.lstrip("/"))
        # In a container the path may be one of the machine outside. Only its parents exist here.
        yield from (root / part for part in (below, *below.parents) if (root / part).is_dir())


def _limit(folder: Path, memory: int, swap: int) -> tuple[int | None, int]:
    """Bytes of memory and swap that a group may use (None: no limit), and that it uses now."""
    for (most, used), most_swap in ((_V2, _SWAP_V2), (_V1, _SWAP_V1)):
        limit = _number(folder / most)
        if limit is None:
            continue
        extra = _number(folder / most_swap)
        if most_swap == _SWAP_V1:  # in version 1 this limit is for the sum of memory and swap
            both = min(limit + swap, extra or _NO_LIMIT)
        else:
            both = limit + min(swap, swap if extra is None else extra)
        return (both if limit < memory else None), _used(folder, used)
    return None, 0


def _used(folder: Path, name: str) -> int:
    """Bytes in use. Cached files are left out: they make room when memory is needed."""
    used = _number(folder / name) or 0
    try:
        lines = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return used
    return max(used - int(lines.get("inactive_file", lines.get("total_inactive_file", 0))), 0)


def _number(path: Path) -> int | None:
    """The number in a file; None if there is no number, or if it means no limit."""
    try:
        number = int(path.read_text())
    except (OSError, ValueError):
        return None
    return number if number < _NO_LIMIT else None
