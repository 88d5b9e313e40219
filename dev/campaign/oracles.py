"""What may come of a graph: a finite result of the right shape, or an error that says what to do."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import torch
from torch import Tensor

from .stopwatch import Stopwatch

OBEYS = 2.0  # seconds in which a cancel has to be obeyed
LINGERS = 20.0  # seconds in which a thread that was left behind by a cancel has to end
MARGIN = 6 * 2**30  # bytes above the size after start-up that a graph may take at most
BAD = ("obscure", "silent", "broken", "hang", "memory", "changed")
_TELLS = ("expected", "connect", "choose", "lower", "remove", "use ", "split", "look at", "set ", "make ")


@dataclass(frozen=True)
class Verdict:
    """What came of one graph.

    cancel    seconds until a cancel was obeyed, None where there was none
    memory    bytes above the resident size after start-up
    sampled   a sampler was reached with settings that it takes
    """

    outcome: str
    words: str = ""
    cancel: float | None = None
    memory: int = 0
    sampled: bool = False
    target: str = ""
    wild: bool = False


class Watch:
    """The resident memory's peak, and a cancel after a time limit; and in how many seconds that was obeyed."""

    def __init__(self, management, limit: float):
        self.management, self.process = management, psutil.Process()
        self.limit, self.done, self.peak, self.obeyed = limit, threading.Event(), 0, None
        self.cancelled: Stopwatch | None = None
        self.thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        begun = time.perf_counter()
        while not self.done.wait(0.02):
            self.peak = max(self.peak, self.process.memory_info().rss)
            if self.cancelled is None and time.perf_counter() - begun > self.limit:
                self.cancelled = Stopwatch()
                self.management.interrupt_current_processing()

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.obeyed = self.cancelled and self.cancelled.seconds()
        self.done.set()
        self.thread.join()
        self.management.interrupt_current_processing(False)


def judged(graphs, graph, management, at_rest: int, limit: float) -> Verdict:
    """Run a graph and say what came of it. at_rest: resident bytes after start-up."""
    watch, words = Watch(management, limit), ""
    try:
        with watch:
            last, made = graphs.run(graph)
        outcome, words = _of_result(graph, last, made)
    except management.InterruptProcessingException:
        outcome = "cancelled"
    except Exception as error:  # any error of a node is a result
        outcome, words = _of_error(graphs, graph, error)
    memory = watch.peak - at_rest
    if not _alone():
        outcome, words = "hang", f"a thread that was left behind goes on for more than {LINGERS:.0f} s"
    elif watch.obeyed is not None and watch.obeyed > OBEYS:
        outcome, words = "hang", f"a cancel was obeyed after {watch.obeyed:.1f} s"
    elif memory > MARGIN:
        outcome, words = "memory", f"{memory / 2**30:.1f} GiB"
    node_id = graph.target.GET_SCHEMA().node_id
    sampled = graph.sampled and outcome in ("result", "cancelled")
    return Verdict(outcome, f"{graph}: {words}", watch.obeyed, memory, sampled, node_id, graph.wild is not None)


def _alone() -> bool:
    """Wait for work that a cancel left behind, for which the next graph would have to wait; whether it ended."""
    for thread in threading.enumerate():
        if thread.name == "csd":
            thread.join(LINGERS)
    return not any(thread.name == "csd" for thread in threading.enumerate())


def _of_result(graph, last: str, made: tuple) -> tuple[str, str]:
    if graph.wild and graph.wild[1].forbidden:
        return "silent", "a result, where the value should have been refused"
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors(made)):
        return "broken", "a result that is not finite"
    wanted = graph.latent["samples"].shape
    own = graph.wild and graph.wild[0] == "latent"
    if not own and made[0]["samples"].shape != wanted:
        return "broken", f"{last} gave {tuple(made[0]['samples'].shape)}, expected {tuple(wanted)}"
    return "result", ""


def _of_error(graphs, graph, error: Exception) -> tuple[str, str]:
    if isinstance(error, (ValueError, MemoryError)) and tells(graphs, graph, str(error)):
        return "refused", str(error)[:300]
    where = "".join(traceback.format_tb(error.__traceback__)[-3:])
    return "obscure", f"{type(error).__name__}: {str(error)[:300]}\n{where}"


def tells(graphs, graph, text: str) -> bool:
    """Whether a message begins with the name of a node of ours that was run, and says what to do."""
    names = [graphs.by_id[node_id].GET_SCHEMA().display_name for node_id in graph.ran]
    return any(text.startswith(name) for name in names) and any(word in text for word in _TELLS)


def tensors(value) -> Iterator[Tensor]:
    """All tensors of floating numbers in what a node gives, as far as they lie in lists and dictionaries."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, dict):
        yield from (found for part in value.values() for found in tensors(part))
    elif isinstance(value, (list, tuple)):
        yield from (found for part in value for found in tensors(part))
