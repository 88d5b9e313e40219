"""Measuring contenders fairly: in turns within one run, and memory in processes of their own."""

import multiprocessing
import re
import resource
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

import torch

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def settle() -> None:
    """Wait for what was started on a GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds(run: Callable[[], object]) -> float:
    settle()
    begun = time.perf_counter()
    run()
    settle()
    return time.perf_counter() - begun


def alternate(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every call. Contenders take turns, in the opposite order every other round, after one call to warm up.

    If the machine is slow for a while, it is slow for all of them. So ratios are reliable even if times are not.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
    for number in range(rounds):
        for name in list(contenders)[:: 1 - 2 * (number % 2)]:
            times[name].append(seconds(contenders[name]))
    return times


def ratio(slower: list[float], faster: list[float]) -> float:
    """Median over the rounds of how many times longer the first one took."""
    return median(a / b for a, b in zip(slower, faster, strict=True))


def peak_bytes() -> int:
    """The most that was held at once: allocations on a GPU where there is one, else memory of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    if STATUS.exists():
        return 1024 * int(re.findall(r"VmHWM:\s*(\d+)", STATUS.read_text())[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def start_peak() -> int:
    """Forget the peak so far, where the system can; returns what is held now."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif STATUS.exists():
        FORGET.write_text("5")  # importing torch takes more for a moment than a small measurement
    return peak_bytes()


def apart(function: Callable, *arguments):
    """function(*arguments) in a fresh process, whose peak is nobody else's."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()
