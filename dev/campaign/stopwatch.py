"""Seconds that programs took by themselves: those that passed, less those in which others had the processor."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path


def withheld(pid: int) -> dict[str, float]:
    """Seconds that each thread of a process was ready to run and waited for a processor; empty outside Linux."""
    found = {}
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError, IndexError, ValueError):  # it may have ended
            found[thread.parent.name] = int(thread.read_text().split()[1]) / 1e9
    return found


class Stopwatch:
    """Runs from the moment that it is made.

    others   processes that are waited for, besides this thread
    """

    def __init__(self, *others: int):
        self.before = {pid: withheld(pid) for pid in (os.getpid(), *others)}
        self.begun = time.perf_counter()

    def seconds(self) -> float:
        """Less what this thread waited for a processor, and of each other process the thread that waited longest."""
        passed = time.perf_counter() - self.begun
        waits = {pid: self._waited(pid) for pid in self.before}
        own = waits.pop(os.getpid()).get(str(threading.get_native_id()), 0.0)
        return max(passed - own - sum(max(threads.values(), default=0.0) for threads in waits.values()), 0.0)

    def _waited(self, pid: int) -> dict[str, float]:
        before = self.before[pid]
        return {thread: now - before.get(thread, 0.0) for thread, now in withheld(pid).items()}
