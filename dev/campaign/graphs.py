"""Random graphs from the nodes' schemas: a new node enters by itself.

A graph is told by its number. It takes one node of ours (the target), random options for its widgets, and what its
links need, from a small world or from nodes that give it. Every second turn through the nodes has one wild value in
each graph. What the target gives goes into a sampler, where a sampler takes it: ours, or one of the core for a model
or a guider.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from .wild import Wild, wild
from .world import ELSEWHERE, KINDS, MODELS, SET, SPLATS, World, Worlds

SAMPLERS = ("CSDEditSampler", "CSDSampler", "SamplerCustomAdvanced")
_OURS_TO_TRIO = ("GUIDER", "SAMPLER", "SIGMAS")
_SMALL = {
    "steps": (1, 3),
    "width": (64, 128),
    "height": (64, 128),
    "frames": (1, 3),
    "count": (1, 4),
    "number": (1, 2),
    "every": (1, 3),
    "window_width": (64, 64),
    "window_height": (64, 64),
    "overlap": (0, 56),
    "longest_side": (64, 128),
    "side": (32, 128),
    "start": (0, 1),
    "stride": (1, 2),
    "multiple": (8, 8),
    "step_size": (0.0, 3.0),
    "fit_steps": (1, 3),
    "rounds": (1, 3),
}
"""Ranges of widgets whose own range would make a graph large: by name, since a schema tells no cost."""
_ASKS_FOR = {
    "uniform": "correspondence",
    "carried": "correspondence",
    "prompt": "source_prompt",
    "source prompt": "source",
}
"""Choices without which an optional link may stay open, and with which it may not: a schema tells no such thing."""
_FLOW_ONLY = ("CSDVelocity",)  # nodes for rectified flow models, which no schema tells either
KSAMPLER = {"seed": 5, "steps": 2, "cfg": 3.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 0.6}


@dataclass
class Graph:
    """One graph: what it runs, and what came of the parts before the last one.

    target    id of the node that may get the wild value
    wild      that value with its input's name, or None
    ran       ids of our nodes that were run, in order
    latent    what goes into the sampler, whose result has the same shape
    sampled   whether a sampler was reached with finite settings
    """

    number: int
    world: World
    target: type
    rng: Random
    wild: tuple[str, Wild] | None = None
    ran: list[str] = field(default_factory=list)
    latent: Any = None
    sampled: bool = False

    def __str__(self) -> str:
        name = f"graph {self.number}: {self.target.GET_SCHEMA().node_id} with {self.world.kind}"
        return f"{name}, {self.wild[0]}: {self.wild[1].words}" if self.wild else name


class Graphs:
    """All graphs of a host.

    host    runs a node, `run(node_id, **inputs)`, or one for every picture, `each`
    nodes   classes of the extension's nodes
    """

    def __init__(self, host, nodes: list[type]):
        self.host, self.worlds, self.nodes = host, Worlds(host), nodes
        self.by_id = {node.GET_SCHEMA().node_id: node for node in nodes}
        takers = [self.by_id[name] for name in SAMPLERS if name in self.by_id]
        wanted = {_kind(spec) for node in takers for spec in node.GET_SCHEMA().inputs if spec.optional}
        self.wanted = wanted | {"CONDITIONING"}

    def graph(self, number: int) -> Graph:
        rng = Random(number)
        turn, place = divmod(number, len(self.nodes))
        node = self.nodes[place]
        tried = self.tried(node) if turn % 2 else []
        graph = Graph(number, self._world(node, bool(tried), rng), node, rng)
        if tried:
            spec = rng.choice(tried)
            graph.wild = (spec.id, wild(spec, rng, graph.world))
        graph.latent = graph.world["LATENT"]
        return graph

    def tried(self, node: type) -> list:
        """The inputs that may get a wild value."""
        return node.GET_SCHEMA().inputs

    def _world(self, node: type, is_wild: bool, rng: Random) -> World:
        """Any world, if a value is wild; else one that holds what the node needs, with a model that fits it."""
        schema = node.GET_SCHEMA()
        kinds = KINDS if is_wild else self.worlds.holding(needed(node))
        model = MODELS[1] if schema.node_id in _FLOW_ONLY else rng.choice(MODELS)
        loads = is_wild and any(spec.id == "model" and _kind(spec) == "COMBO" for spec in schema.inputs)
        return self.worlds.of(rng.choice(kinds), MODELS[0] if loads else model)

    def run(self, graph: Graph) -> tuple[str, tuple]:
        """Run a graph to its end: the id of its last node, and what that gives."""
        node_id = graph.target.GET_SCHEMA().node_id
        made = self._node(graph, graph.target, self._wild(graph))
        given = {_kind(output): value for output, value in zip(graph.target.GET_SCHEMA().outputs, made)}
        if node_id in SAMPLERS:
            return node_id, made
        if set(given) & set(_OURS_TO_TRIO):
            return "SamplerCustomAdvanced", self._trio(graph, given)
        if "MODEL" in given:
            return "KSampler", self._core(graph, given["MODEL"])
        if "VAE" in given:
            (graph.latent,) = self.host.run("VAEEncode", pixels=graph.world["IMAGE"], vae=given["VAE"])
        return self._sampler(graph, {kind: value for kind, value in given.items() if kind in self.wanted})

    def _wild(self, graph: Graph) -> dict[str, Any]:
        if graph.wild is None:
            return {}
        value = graph.wild[1].value
        return {graph.wild[0]: self.listed(value) if graph.target.GET_SCHEMA().is_input_list else value}

    @staticmethod
    def listed(value) -> Any:
        """A value as the executor gives it to a node that takes lists."""
        return [value]

    def _sampler(self, graph: Graph, given: dict) -> tuple[str, tuple]:
        """CSD Edit Sampler with what a node gave, on whatever link takes it."""
        node = self.by_id["CSDEditSampler"]
        links = {spec.id: given[_kind(spec)] for spec in node.GET_SCHEMA().inputs if _kind(spec) in given}
        return "CSDEditSampler", self._node(graph, node, {**links, "latent": graph.latent}, bare=True)

    def _core(self, graph: Graph, model) -> tuple:
        """The core's sampler with a model that a node gave, on the whole picture."""
        whole = graph.world.whole
        graph.latent, graph.sampled = whole["latent_image"], True
        return self.host.run("KSampler", model=model, **whole, **KSAMPLER)

    def _trio(self, graph: Graph, given: dict) -> tuple:
        """The core's sampler with our guider, sampler and sigmas, one of which is given."""
        parts = {kind: given[kind] if kind in given else self._produced(graph, kind, True) for kind in _OURS_TO_TRIO}
        noise = self.host.run("RandomNoise", noise_seed=graph.number)[0]
        links = {kind.lower(): value for kind, value in parts.items()}
        graph.sampled = True
        return self.host.run("SamplerCustomAdvanced", noise=noise, latent_image=graph.latent, **links)

    def _node(self, graph: Graph, node: type, given: dict, bare: bool = False) -> tuple:
        """Run a node of ours; what is not given is made. bare: its optional inputs stay open where they can."""
        schema, inputs = node.GET_SCHEMA(), dict(given)
        for spec in (spec for spec in schema.inputs if spec.id not in given):
            if not spec.optional or _asked_for(spec, inputs, graph) or not (bare or self._stays_open(graph, spec)):
                inputs[spec.id] = (self._of_each if schema.is_input_list else self._input)(graph, spec, bare)
        graph.ran.append(schema.node_id)
        graph.sampled = graph.sampled or schema.node_id in SAMPLERS
        return self.host.run(schema.node_id, **_in_order(inputs, given))

    def _stays_open(self, graph: Graph, spec) -> bool:
        return graph.rng.random() < 0.5 or (_kind(spec) in ELSEWHERE and _kind(spec) not in graph.world)

    def _of_each(self, graph: Graph, spec, bare: bool):
        """An input of a node that takes lists."""
        each = graph.world.each
        return each[_kind(spec)] if _kind(spec) in each else self.listed(self._input(graph, spec, bare))

    def _input(self, graph: Graph, spec, bare: bool):
        kinds = str(spec.get_io_type()).split(",")
        if kinds[0] in _WIDGETS:
            return _WIDGETS[kinds[0]](spec, graph)
        held = [kind for kind in kinds if kind in graph.world]
        return graph.world[graph.rng.choice(held)] if held else self._produced(graph, kinds[0], True)

    def _produced(self, graph: Graph, kind: str, bare: bool):
        """A value of a type that the world does not hold, by a node of ours that gives it."""
        makers = [n for n in self.nodes if any(_kind(output) == kind for output in n.GET_SCHEMA().outputs)]
        if graph.world.model == MODELS[0]:
            makers = [node for node in makers if node.GET_SCHEMA().node_id not in _FLOW_ONLY]
        node = graph.rng.choice(makers)
        place = [_kind(output) for output in node.GET_SCHEMA().outputs].index(kind)
        return self._node(graph, node, {}, bare)[place]


def needed(node: type) -> set[str]:
    """The types of the inputs that a node cannot do without."""
    return {_kind(spec) for spec in node.GET_SCHEMA().inputs if not spec.optional}


def _kind(spec) -> str:
    return str(spec.get_io_type())


def _asked_for(spec, inputs: dict, graph: Graph) -> bool:
    """Whether an optional input has to be there: for a choice that was made, or for the world's model."""
    choices = [_ASKS_FOR.get(value) for value in inputs.values() if isinstance(value, str)]
    return spec.id in choices or graph.world.model in (getattr(spec, "options", None) or ())


def _in_order(inputs: dict, given: dict) -> dict:
    """With the ends of every range (`..._low` and `..._high`) in order, where both were drawn."""
    ordered = dict(inputs)
    for low in (name for name in inputs if name.endswith("_low")):
        high = low.removesuffix("low") + "high"
        if high in inputs and not {low, high} & set(given):
            ordered[low], ordered[high] = sorted((inputs[low], inputs[high]))
    return ordered


def _int(spec, graph: Graph) -> int:
    least, most = _SMALL.get(spec.id, (spec.min, min(spec.max, max(spec.default, spec.min + 8))))
    return max(spec.min, graph.rng.randint(least, most) // (spec.step or 1) * (spec.step or 1))


def _float(spec, graph: Graph) -> float:
    least, most = _SMALL.get(spec.id, (spec.min, min(spec.max, 2 * spec.default + 0.5)))
    return graph.rng.choice([spec.default, round(graph.rng.uniform(least, most), 3), least])


def _string(spec, graph: Graph) -> str:
    return f"campaign_{graph.number}"


def _choice(spec, graph: Graph) -> str:
    """The world's model and what lies on the disk, where they are asked for; else any option."""
    if spec.id in ("folder", "file"):
        return SET if spec.id == "folder" else SPLATS
    return graph.world.model if graph.world.model in spec.options else graph.rng.choice(list(spec.options))


_WIDGETS = {
    "INT": _int,
    "FLOAT": _float,
    "COMBO": _choice,
    "BOOLEAN": lambda spec, graph: graph.rng.random() < 0.5,
    "STRING": _string,
}
