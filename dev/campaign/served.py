"""Random graphs as prompts for the real server, which has to answer in time all the while."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

from ..environment.client import Client, RunError
from ..environment.server import Host
from .graphs import Graph, Graphs, needed
from .oracles import OBEYS, Verdict, tells
from .soak import ANSWERS, Pulse
from .stopwatch import Stopwatch
from .world import ELSEWHERE

_TYPED = ("INT", "FLOAT", "COMBO")  # the server turns all else into a text, or true or false, before a node sees it


@dataclass
class Recorder:
    """In the place of a host: notes what should run, as a prompt, and gives links to what would be made.

    about    the server's description of its nodes
    prompt   all nodes that were asked for, by number
    """

    about: dict
    prompt: dict[str, dict] = field(default_factory=dict)

    def run(self, node_id: str, **inputs) -> tuple[list, ...]:
        number = str(len(self.prompt) + 1)
        wired = {name: value for name, value in inputs.items() if value is not None}
        self.prompt[number] = {"class_type": node_id, "inputs": wired}
        return tuple([number, place] for place in range(len(self.about[node_id]["output"])))

    def each(self, node_id: str, name: str, batch: list, **inputs) -> list:
        """A link to the first output of a node for every row of a batch of pictures."""
        (rows,) = self.run("RebatchImages", images=batch, batch_size=1)
        return self.run(node_id, **{name: rows}, **inputs)[0]

    def prompts(self, since: int = 0) -> list[dict[str, dict]]:
        """One prompt for each node after the first `since` whose results no other node takes: it shows them.

        Of a prompt with several ends the server would run those that it finds valid, and pass over the others.
        """
        new = [str(number) for number in range(since + 1, len(self.prompt) + 1)]
        taken = {source for number in new for source in self._sources(number)}
        return [{**self._with_sources(number), **self._shown(number)} for number in new if number not in taken]

    def savers(self) -> list[dict[str, dict]]:
        """A prompt for each node that shows or saves something by itself."""
        return [self._with_sources(number) for number, node in self.prompt.items() if self._saves(node["class_type"])]

    def _saves(self, node_id: str) -> bool:
        return self.about[node_id]["output_node"]

    def _shown(self, number: str) -> dict[str, dict]:
        """A view of what a node gives, without which the server would not run it; nothing where it gives nothing."""
        gives = self.about[self.prompt[number]["class_type"]]["output"]
        return {"shown": {"class_type": "PreviewAny", "inputs": {"source": [number, 0]}}} if gives else {}

    def _sources(self, number: str) -> list[str]:
        links = [value for value in self.prompt[number]["inputs"].values() if isinstance(value, list)]
        return [link[0] for link in links if len(link) == 2 and link[0] in self.prompt]

    def _with_sources(self, end: str) -> dict[str, dict]:
        found, waiting = {}, [end]
        while waiting:
            number = waiting.pop()
            if number not in found:
                found[number] = self.prompt[number]
                waiting += self._sources(number)
        return found


class ServedGraphs(Graphs):
    """Graphs of which what is typed into a widget may be wild. The server compares the types of links by itself."""

    def __init__(self, host, nodes: list[type]):
        super().__init__(host, [node for node in nodes if not needed(node) & ELSEWHERE])

    def tried(self, node: type) -> list:
        return [spec for spec in super().tried(node) if str(spec.get_io_type()) in _TYPED]

    @staticmethod
    def listed(value):
        return value  # the server makes the lists


def served(host: Host, nodes: list[type], first: int, count: int, limit: float) -> tuple[list[Verdict], float]:
    """What came of `count` graphs from number `first` on, and the server's slowest answer in seconds.

    limit   seconds after which a graph is cancelled
    """
    recorder = Recorder(Client(host.address).object_info())
    sender = Sender(host, ServedGraphs(recorder, nodes), recorder, limit)
    for prompt in recorder.savers():  # of the view set and the splats that other graphs load
        sender.client.run(prompt)
    return [sender.judged(sender.graphs.graph(number)) for number in range(first, first + count)], sender.slowest


@dataclass
class Sender:
    """Sends graphs to a server, one after the other, and says what comes of each.

    limit     seconds after which a graph is cancelled
    slowest   seconds that an answer of the server took at most, while graphs ran
    """

    host: Host
    graphs: ServedGraphs
    recorder: Recorder
    limit: float
    slowest: float = 0.0

    def __post_init__(self):
        self.client = Client(self.host.address)

    def judged(self, graph: Graph) -> Verdict:
        wild = graph.wild is not None
        if graph.wild and not _arrives(graph.wild[1].value):
            graph.wild = None
        since = len(self.recorder.prompt)
        self.graphs.run(graph)
        with Pulse(self.host) as pulse:
            outcome, words, cancel = self._sent(graph, self.recorder.prompts(since))
        self.slowest = max(self.slowest, pulse.longest)
        if cancel is not None and cancel > OBEYS:
            outcome, words = "hang", f"a cancel was obeyed after {cancel:.1f} s"
        elif pulse.longest > ANSWERS:
            outcome, words = "hang", f"the server answered after {pulse.longest:.1f} s"
        node_id = graph.target.GET_SCHEMA().node_id
        sampled = graph.sampled and outcome == "result"
        return Verdict(outcome, f"{graph}: {words}", cancel, 0, sampled, node_id, wild)

    def _sent(self, graph: Graph, prompts: list[dict]) -> tuple[str, str, float | None]:
        """The outcome of prompts up to the first that fails, with words; and the seconds until a cancel was obeyed."""
        with Cancel(self.client, self.limit, self.host) as cancel:
            try:
                ended = [self.client.run(prompt).outcome for prompt in prompts]
                outcome, words = "result" if set(ended) == {"success"} else "cancelled", ""
            except RunError as error:
                outcome, words = _of_error(self.graphs, graph, str(error))
        if outcome == "result" and graph.wild and graph.wild[1].forbidden:
            outcome, words = "silent", "a result, where the value should have been refused"
        return outcome, words, cancel.obeyed


class Cancel:
    """Cancels a server's run after a time limit. obeyed: seconds from then to the end; None where it was not needed."""

    def __init__(self, client: Client, limit: float, host: Host):
        self.client, self.host, self.obeyed = client, host, None
        self.watch: Stopwatch | None = None
        self.timer = threading.Timer(limit, self._cancel)

    def _cancel(self) -> None:
        self.watch = Stopwatch(self.host.process.pid)
        self.client.interrupt()

    def __enter__(self) -> Cancel:
        self.timer.start()
        return self

    def __exit__(self, *_) -> None:
        self.obeyed = self.watch and self.watch.seconds()
        self.timer.cancel()


def _arrives(value) -> bool:
    """Whether a node would get this value: JSON has no NaN, and the server turns true into one."""
    return not isinstance(value, bool) and not (isinstance(value, float) and not math.isfinite(value))


def _of_error(graphs: Graphs, graph: Graph, text: str) -> tuple[str, str]:
    """By what the server or a node says: `type (node number): kind of error: message`."""
    *_, kind, message = ["", "", *text.split(": ", 2)][-2:]
    by_node = kind.endswith(("ValueError", "MemoryError")) and tells(graphs, graph, message)
    by_server = graph.wild is not None and "validation" in text
    return ("refused" if by_node or by_server else "obscure"), text[:300]
