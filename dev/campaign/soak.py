"""The real server under many runs and cancels: does it answer, obey, and give its memory back?"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from itertools import combinations
from random import Random
from statistics import median

import psutil
import requests

from ..environment.client import Client, Run
from ..environment.server import Host
from .oracles import OBEYS, Verdict
from .stopwatch import Stopwatch

ANSWERS = 1.0  # seconds in which the server has to answer
SLOPE = 1.0  # MiB a run that its memory may grow: five times what 150 runs were seen to grow, 0.2
_WARM = 5  # runs before memory is looked at


def prompt(seed: int, steps: int, long: bool = False) -> dict:
    """A clip that is painted, encoded, edited and decoded."""
    frames = {"seed": seed, "look": "summer", "frames": 6 if long else 2, "width": 64, "height": 64, "rate": 8.0}
    numbers = {"seed": seed, "steps": steps, "step_size": 1.0, "guidance": 3.0, "image_guidance": 1.5}
    levels = {"noise_low": 0.1, "noise_high": 0.5, "particles_per_step": 0, "particles_at_once": 4}
    pix2pix = {"positive": ["3", 0], "negative": ["4", 0], "vae": ["1", 2], "pixels": ["2", 0]}
    links = {"model": ["1", 0], "positive": ["5", 0], "negative": ["5", 1], "latent": ["5", 2]}
    nodes = {
        "1": ("CSDDemoModel", {}),
        "2": ("CSDDemoClip", {**frames, "neighbours": 1, "anchors": 0}),
        "3": ("CLIPTextEncode", {"clip": ["1", 1], "text": "make it sunset"}),
        "4": ("CLIPTextEncode", {"clip": ["1", 1], "text": ""}),
        "5": ("InstructPixToPixConditioning", pix2pix),
        "6": ("CSDEditSampler", {**links, **numbers, **levels}),
        "7": ("VAEDecode", {"samples": ["6", 0], "vae": ["1", 2]}),
        "8": ("PreviewImage", {"images": ["7", 0]}),
    }
    return {number: {"class_type": kind, "inputs": inputs} for number, (kind, inputs) in nodes.items()}


@dataclass
class Pulse:
    """Asks a server how it is (/system_stats), again and again. longest: seconds that an answer took at most."""

    host: Host
    longest: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)

    def _ask(self) -> None:
        while not self.done.wait(0.05):
            watch = Stopwatch(self.host.process.pid)
            requests.get(f"{self.host.url}/system_stats", timeout=60)
            self.longest = max(self.longest, watch.seconds())

    def __enter__(self) -> Pulse:
        self.thread = threading.Thread(target=self._ask, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.done.set()
        self.thread.join()


@dataclass(frozen=True)
class Soaked:
    """What came of many runs and cancels.

    answer, cancel   seconds: the slowest answer of the server, the slowest cancel
    slope            MiB that its memory grew by in a run
    after            outcome of the run after all of them
    """

    runs: int
    cancels: int
    answer: float
    cancel: float
    slope: float
    after: str

    @property
    def verdicts(self) -> list[Verdict]:
        """Whether every limit was kept."""
        found = [
            (self.answer > ANSWERS, "hang", f"the server answered after {self.answer:.1f} s"),
            (self.cancel > OBEYS, "hang", f"a cancel was obeyed after {self.cancel:.1f} s"),
            (self.slope > SLOPE, "memory", f"the server grew by {self.slope:.2f} MiB a run"),
            (self.after != "success", "broken", f"the run after all of them ended as {self.after}"),
        ]
        return [Verdict(bad if wrong else "result", words, target="the server") for wrong, bad, words in found]

    @property
    def rows(self) -> dict[str, str]:
        return {
            "runs": str(self.runs),
            "cancels": str(self.cancels),
            f"slowest answer, s (limit {ANSWERS:g})": f"{self.answer:.2f}",
            f"slowest cancel, s (limit {OBEYS:g})": f"{self.cancel:.2f}",
            f"growth of memory in a run, MiB (limit {SLOPE:g})": f"{self.slope:.2f}",
            "the run after": self.after,
        }


def soak(host: Host, runs: int, cancels: int, seed: int = 0) -> Soaked:
    """Runs, then cancels at random times, on a server that is up."""
    client, rng, process = Client(host.address), Random(seed), psutil.Process(host.process.pid)
    with Pulse(host) as pulse:
        sizes = [_size_after(client, process, number) for number in range(runs)]
        obeyed = [_cancelled(client, rng, number, process.pid) for number in range(cancels)]
        after = client.run(prompt(10**7, 1)).outcome
    return Soaked(runs, cancels, pulse.longest, max(obeyed, default=0.0), _slope(sizes[_WARM:]), after)


def _slope(sizes: list[float]) -> float:
    """The growth from run to run: the median over all pairs of runs, which a few odd ones do not change."""
    pairs = combinations(enumerate(sizes), 2)
    return median([(size - before) / (run - earlier) for (earlier, before), (run, size) in pairs] or [0.0])


def _size_after(client: Client, process: psutil.Process, number: int) -> float:
    """MiB that the server holds after one more run."""
    client.run(prompt(number, steps=1))
    return process.memory_info().rss / 2**20


def _cancelled(client: Client, rng: Random, number: int, pid: int) -> float:
    """Seconds from the cancel of a long run, at any moment of it, to its end; infinite where it came to its own end."""
    at: list[Stopwatch] = []

    def cancel() -> None:
        at.append(Stopwatch(pid))
        client.interrupt()

    begun = threading.Event()

    def watch(event) -> None:
        if not begun.is_set() and event.type in ("executing", "progress"):
            begun.set()
            threading.Timer(rng.uniform(0.0, 3.0), cancel).start()

    ended: Run = client.run(prompt(10**6 + number, steps=500, long=True), watch=watch)
    if not ended.of("execution_interrupted"):
        return math.inf
    return at[0].seconds()
