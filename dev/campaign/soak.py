"""The real server under many runs and cancels: does it answer, obey, and give its memory back?"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from random import Random

import numpy as np
import psutil
import requests

from ..environment.client import Client, Run
from ..environment.server import Host

ANSWERS, OBEYS, SLOPE = 1.0, 2.0, 2.0  # seconds to an answer; seconds to obey; MiB a run that memory may grow
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
    """Asks a server how it is, again and again. longest: seconds that an answer took at most."""

    address: str
    longest: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)

    def _ask(self) -> None:
        while not self.done.wait(0.05):
            begun = time.perf_counter()
            requests.get(f"http://{self.address}/system_stats", timeout=60)
            self.longest = max(self.longest, time.perf_counter() - begun)

    def __enter__(self) -> Pulse:
        self.thread = threading.Thread(target=self._ask, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.done.set()
        self.thread.join()


def soak(host: Host, runs: int, cancels: int, seed: int = 0) -> dict:
    """Runs, then cancels at random times, on a server that is up."""
    client, rng, process = Client(host.address), Random(seed), psutil.Process(host.process.pid)
    with Pulse(host.address) as pulse:
        sizes = [_size_after(client, process, number) for number in range(runs)]
        obeyed = [_cancelled(client, rng, number) for number in range(cancels)]
        after = client.run(prompt(10**7, 1)).outcome
    late = sizes[_WARM:] if len(sizes) > 2 * _WARM else sizes[len(sizes) // 2 :]
    slope = float(np.polyfit(range(len(late)), late, 1)[0]) if len(late) > 1 else 0.0
    return {
        "runs": runs,
        "cancels": cancels,
        "slowest answer, s": round(pulse.longest, 2),
        "slowest cancel, s": round(max(obeyed, default=0.0), 2),
        "memory a run, MiB": round(slope, 2),
        "the run after": after,
    }


def _size_after(client: Client, process: psutil.Process, number: int) -> float:
    """MiB that the server holds after one more run."""
    client.run(prompt(number, steps=1))
    return process.memory_info().rss / 2**20


def _cancelled(client: Client, rng: Random, number: int) -> float:
    """Seconds from the cancel of a long run, at any moment of it, to its end."""
    at: list[float] = []

    def cancel() -> None:
        at.append(time.perf_counter())
        client.interrupt()

    begun = threading.Event()

    def watch(event) -> None:
        if not begun.is_set() and event.type in ("executing", "progress"):
            begun.set()
            threading.Timer(rng.uniform(0.0, 3.0), cancel).start()

    ended: Run = client.run(prompt(10**6 + number, steps=500, long=True), watch=watch)
    if not ended.of("execution_interrupted"):
        raise RuntimeError(f"cancel {number} was not obeyed: the run ended as {ended.outcome}")
    return time.perf_counter() - at[0]
