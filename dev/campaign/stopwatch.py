"""Seconds that programs took by themselves: those that passed, less those in which others had the processor."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path


def withheld(pid: int) -> float:
    """Seconds that the threads of a process were ready to run and had to wait for a processor; 0 outside Linux."""
    nanoseconds = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError, IndexError, ValueError):  # it may have ended
            nanoseconds += int(thread.read_text().split()[1])
    return nanoseconds / 1e9


class Stopwatch:
    """Runs from the moment that it is made.

    others   processes that are waited for, besides this one
    """

    def __init__(self, *others: int):
        self.pids = (os.getpid(), *others)
        self.begun, self.before = time.perf_counter(), self._withheld()

    def _withheld(self) -> float:
        return sum(map(withheld, self.pids))

    def seconds(self) -> float:
        passed = time.perf_counter() - self.begun
        return max(passed - max(self._withheld() - self.before, 0.0), 0.0)
