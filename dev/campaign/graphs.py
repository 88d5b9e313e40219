"""Random graphs from the nodes' schemas: a new node enters by itself.

A graph is told by its number. It takes one node of ours (the target), random options for its widgets, and what its
links need, from a small world or from nodes that give it. Every second turn through the nodes has one wild value in
each graph. What the target gives goes into a sampler, where a sampler takes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from .wild import Wild, wild
from .world import KINDS, SET, World, Worlds

SAMPLERS = ("CSDEditSampler", "CSDSampler", "SamplerCustomAdvanced")
_OURS_TO_TRIO = ("GUIDER", "SAMPLER", "SIGMAS")
_SMALL = {
    "steps": (1, 3), "width": (64, 128), "height": (64, 128), "frames": (1, 3), "count": (1, 4), "every": (1, 3),
    "window_width": (64, 64), "window_height": (64, 64), "overlap": (0, 56), "longest_side": (64, 128),
    "side": (32, 128), "start": (0, 1), "stride": (1, 2), "multiple": (8, 8), "step_size": (0.0, 3.0),
}
"""Ranges of widgets whose own range would make a graph large: by name, since a schema tells no cost."""


@dataclass
class Graph:
    """One graph: what it runs, and what came of the parts before the last one.

    target    id of the node that may get the wild value
    wild      that value with its input's name, or None
    ran       ids of our nodes that were run, in order
    sampled   whether a sampler was reached with finite settings
    """

    number: int
    world: World
    target: type
    rng: Random
    wild: tuple[str, Wild] | None = None
    ran: list[str] = field(default_factory=list)
    sampled: bool = False

    def __str__(self) -> str:
        name = f"graph {self.number}: {self.target.GET_SCHEMA().node_id} with {self.world.kind}"
        return f"{name}, {self.wild[0]}: {self.wild[1].words}" if self.wild else name


class Graphs:
    """All graphs of a host."""

    def __init__(self, host):
        self.host, self.worlds = host, Worlds(host)
        self.nodes = host.module("nodes.extension").NODES
        takers = [node for node in self.nodes if node.GET_SCHEMA().node_id in SAMPLERS]
        wanted = [str(spec.get_io_type()) for node in takers for spec in node.GET_SCHEMA().inputs if spec.optional]
        self.wanted = set(wanted)

    def graph(self, number: int) -> Graph:
        rng = Random(number)
        turn, place = divmod(number, len(self.nodes))
        node = self.nodes[place]
        graph = Graph(number, self.worlds.of(rng.choice(KINDS)), node, rng)
        inputs = node.GET_SCHEMA().inputs
        if inputs and turn % 2:
            spec = rng.choice(inputs)
            graph.wild = (spec.id, wild(spec, rng, graph.world))
        return graph

    def run(self, graph: Graph) -> tuple[str, tuple]:
        """Run a graph to its end: the id of its last node, and what that gives."""
        node_id = graph.target.GET_SCHEMA().node_id
        made = self._node(graph, graph.target, self._wild(graph))
        given = {
            str(output.get_io_type()): value
            for output, value in zip(graph.target.GET_SCHEMA().outputs, made)
            if str(output.get_io_type()) in self.wanted | set(_OURS_TO_TRIO)
        }
        if node_id in SAMPLERS:
            return node_id, made
        if set(given) & set(_OURS_TO_TRIO):
            return "SamplerCustomAdvanced", self._trio(graph, given)
        return self._sampler(graph, given)

    @staticmethod
    def _wild(graph: Graph) -> dict[str, Any]:
        return {graph.wild[0]: graph.wild[1].value} if graph.wild else {}

    def _sampler(self, graph: Graph, given: dict) -> tuple[str, tuple]:
        """CSDEditSampler with what a node gave, on whatever link takes it."""
        node = next(node for node in self.nodes if node.GET_SCHEMA().node_id == "CSDEditSampler")
        links = {s.id: given[k] for s in node.GET_SCHEMA().inputs if (k := str(s.get_io_type())) in given}
        return "CSDEditSampler", self._node(graph, node, links, bare=True)

    def _trio(self, graph: Graph, given: dict) -> tuple:
        """The core's sampler with our guider, sampler and sigmas, one of which is given."""
        parts = {kind: given[kind] if kind in given else self._produced(graph, kind, True) for kind in _OURS_TO_TRIO}
        noise = self.host.run("RandomNoise", noise_seed=graph.number)[0]
        links = {kind.lower(): value for kind, value in parts.items()}
        graph.sampled = True
        return self.host.run("SamplerCustomAdvanced", noise=noise, latent_image=graph.world["LATENT"], **links)

    def _node(self, graph: Graph, node: type, given: dict, bare: bool = False) -> tuple:
        """Run a node of ours; what is not given is made. bare: its optional inputs stay open."""
        schema = node.GET_SCHEMA()
        inputs = {
            spec.id: self._input(graph, spec, bare)
            for spec in schema.inputs
            if spec.id not in given and not (spec.optional and (bare or graph.rng.random() < 0.5))
        }
        if {"noise_low", "noise_high"} <= set(inputs):
            inputs["noise_low"], inputs["noise_high"] = sorted((inputs["noise_low"], inputs["noise_high"]))
        graph.ran.append(schema.node_id)
        graph.sampled = graph.sampled or schema.node_id in SAMPLERS
        return self.host.run(schema.node_id, **inputs, **given)

    def _input(self, graph: Graph, spec, bare: bool):
        kinds = str(spec.get_io_type()).split(",")
        if kinds[0] in _WIDGETS:
            return _WIDGETS[kinds[0]](spec, graph)
        held = [kind for kind in kinds if kind in graph.world]
        return graph.world[graph.rng.choice(held)] if held else self._produced(graph, kinds[0], True)

    def _produced(self, graph: Graph, kind: str, bare: bool):
        """A value of a type that the world does not hold, by a node of ours that gives it."""
        makers = [n for n in self.nodes if any(str(o.get_io_type()) == kind for o in n.GET_SCHEMA().outputs)]
        node = graph.rng.choice(makers)
        place = [str(output.get_io_type()) for output in node.GET_SCHEMA().outputs].index(kind)
        return self._node(graph, node, {}, bare)[place]


def _int(spec, graph: Graph) -> int:
    least, most = _SMALL.get(spec.id, (spec.min, min(spec.max, max(spec.default, spec.min + 8))))
    return max(spec.min, graph.rng.randint(least, most) // (spec.step or 1) * (spec.step or 1))


def _float(spec, graph: Graph) -> float:
    least, most = _SMALL.get(spec.id, (spec.min, min(spec.max, 2 * spec.default + 0.5)))
    return graph.rng.choice([spec.default, round(graph.rng.uniform(least, most), 3), least])


def _string(spec, graph: Graph) -> str:
    return f"campaign_{graph.number}"


_WIDGETS = {
    "INT": _int,
    "FLOAT": _float,
    "COMBO": lambda spec, graph: graph.rng.choice(list(spec.options)) if spec.options else SET,
    "BOOLEAN": lambda spec, graph: graph.rng.random() < 0.5,
    "STRING": _string,
}
