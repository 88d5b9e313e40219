"""A workflow as the page saves it (UI format), built node by node from the host's own description of its nodes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..environment.env import EXTENSION
from ..environment.workflow import SEED_NAMES, is_widget

TITLE, SLOT, WIDGET, GAP = 36, 21, 25, 50  # heights in the page's units
BELOW = 16  # room under the last widget
RUNNING = 40 + 220  # room for the line and for the preview that a sampler shows while it runs
SAMPLERS = ("CSDEditSampler", "CSDSampler")
TALL = {
    "MarkdownNote": 360,
    "LoadImage": 280,
    "LoadVideo": 260,
    "PreviewImage": 280,
    "SaveImage": 330,
    "SaveVideo": 400,
    "CSDConsistentEditPanorama": 760,  # with room for its preview
    "CSDConsistentEditSet": 760,
    "CSDCompare": 300,
}
REPORT = 420  # the card of a run is upright
TEXT_HEIGHT = 86
COLUMN_GAP = 60
SCREEN = (1600, 1000)  # of the page, pixels, in which a whole template is to be seen
BARS = (88, 195)  # what the page puts over it at the left and at the top, and room for the title of a group
MARGIN = 20  # at the right and at the bottom
EDGES = (20, 50)  # what a page that fits a template adds to its width and height
SCALES = (0.6, 0.68)  # below the first, the page writes no text; above the second, its map covers much
FITTED = (1920, 945, 0.75)  # newer pages choose the scale: a template fills this share of a window of this size
READABLE = 8 / 14  # the least scale at which they write text
COLOURS = {"model": "#5f8196", "set": "#4f9a4f", "words": "#3f789e", "edit": "#8A8", "result": "#b06634"}


@dataclass(frozen=True)
class Wire:
    """An output of a node."""

    node: dict
    slot: int


@dataclass
class Graph:
    """Nodes in columns from left to right; each is put under the one before it.

    info    the running host's answer to /object_info
    """

    name: str
    info: Mapping[str, dict]
    nodes: list[dict] = field(default_factory=list)
    links: list[list] = field(default_factory=list)
    groups: list[dict] = field(default_factory=list)
    _left: float = 0.0
    _top: float = 0.0
    _width: float = 0.0

    def column(self, width: float) -> None:
        """Begin the next column, `width` wide."""
        right = max((node["pos"][0] + node["size"][0] for node in self.nodes), default=-COLUMN_GAP)
        self._left, self._top, self._width = right + COLUMN_GAP, 0.0, width

    def gap(self) -> None:
        """Room for the title of another group under the last one."""
        self._top += 2 * TITLE

    def report(self, card: Wire) -> None:
        """A group with the card of a run, under the shortest column before the last one; what follows needs a new one.

        A sampler shows its preview below its widgets, so nothing stands under it. Nothing stands under a lone note.
        """
        columns: dict[float, list[dict]] = {}
        for node in self.nodes:
            columns.setdefault(node["pos"][0], []).append(node)
        *earlier, _ = (nodes for nodes in columns.values() if [node["type"] for node in nodes] != ["MarkdownNote"])
        lowest = min((nodes[-1] for nodes in earlier), key=lambda node: node["pos"][1] + node["size"][1])
        self._left, self._width = lowest["pos"][0], lowest["size"][0]
        self._top = lowest["pos"][1] + lowest["size"][1] + GAP + 2 * TITLE
        with self.group("Report", "result"):
            self.add("PreviewImage", title="Report", images=card)

    def note(self, text: str) -> None:
        self._place("MarkdownNote", [], [], [text], {}, "Read me first")

    def add(
        self, kind: str, *, title: str = "", models: Sequence[Mapping[str, str]] = (), tall: float = 0, **values: Any
    ) -> dict[str, Wire]:
        """A node with its wires and widgets by name; widgets not named keep their defaults. -> its outputs by name.

        tall   its height, where it shows a picture
        """
        schema = self.info[kind]
        own = schema["python_module"].startswith("custom_nodes")
        properties: dict[str, Any] = {"cnr_id": EXTENSION if own else "comfy-core", "Node name for S&R": kind}
        if models:
            properties["models"] = [dict(model) for model in models]
        inputs, widgets = self._inputs(schema, values)
        outputs = [
            {"name": name, "type": type_, "links": []}
            for name, type_ in zip(schema["output_name"], schema["output"], strict=True)
        ]
        node = self._place(kind, inputs, outputs, widgets, properties, title, tall)
        for slot, entry in enumerate(node["inputs"]):
            if isinstance(values.get(entry["name"]), Wire):
                self._connect(values[entry["name"]], node, slot)
        return {entry["name"]: Wire(node, slot) for slot, entry in enumerate(outputs)}

    def _inputs(self, schema: dict, values: Mapping[str, Any]) -> tuple[list[dict], list]:
        known, entries, widgets = set(), [], []
        for section in ("required", "optional"):
            for name, spec in schema["input"].get(section, {}).items():
                known.add(name)
                kind, options = spec[0], (spec[1] if len(spec) > 1 else {})
                combo = isinstance(kind, list)
                entry = {"name": name, "type": "COMBO" if combo else kind, "link": None}
                if is_widget(kind, options):
                    entry["widget"] = {"name": name}
                    widgets += _widget_values(name, kind, options, values.get(name))
                entries.append(entry)
        if unknown := set(values) - known:
            raise ValueError(f"{schema['name']} has no inputs {sorted(unknown)}; it has {sorted(known)}.")
        return entries, widgets

    def _place(
        self, kind: str, inputs: list, outputs: list, widgets: list, properties: dict, title: str, tall: float = 0
    ) -> dict:
        sockets = sum("widget" not in entry for entry in inputs)
        texts = sum(entry["type"] == "STRING" for entry in inputs if "widget" in entry)
        tall = tall or (REPORT if title == "Report" else TALL.get(kind, 0))
        height = BELOW + SLOT * max(sockets, len(outputs)) + WIDGET * len(widgets) + TEXT_HEIGHT * texts
        height += RUNNING * (kind in SAMPLERS)
        size = [self._width, max(height, tall)]
        node = {
            **{"id": len(self.nodes) + 1, "type": kind, "pos": [self._left, self._top], "size": size, "flags": {}},
            **{"order": len(self.nodes), "mode": 0, "inputs": inputs, "outputs": outputs, "properties": properties},
            "widgets_values": widgets,
        }
        if title:
            node["title"] = title
        self.nodes.append(node)
        self._top += size[1] + GAP
        return node

    def _connect(self, wire: Wire, node: dict, slot: int) -> None:
        number, entry = len(self.links) + 1, node["inputs"][slot]
        entry["link"] = number
        wire.node["outputs"][wire.slot]["links"].append(number)
        self.links.append([number, wire.node["id"], wire.slot, node["id"], slot, entry["type"]])

    @contextmanager
    def group(self, title: str, colour: str) -> Iterator[None]:
        """A coloured frame around the nodes that the block adds."""
        first = len(self.nodes)
        yield
        members = self.nodes[first:]
        left, top = (min(node["pos"][axis] for node in members) - 12 for axis in (0, 1))
        right, bottom = (max(node["pos"][axis] + node["size"][axis] for node in members) + 12 for axis in (0, 1))
        top -= 2 * TITLE + 4
        box = [left, top, right - left, bottom - top]
        self.groups.append({"title": title, "bounding": box, "color": COLOURS[colour], "font_size": 22, "flags": {}})

    def scale(self) -> float:
        """How large the page opens it: so large that all of it is just seen. ValueError where no text could be read."""
        right, bottom = (max(node["pos"][axis] + node["size"][axis] for node in self.nodes) for axis in (0, 1))
        room = (SCREEN[0] - BARS[0] - MARGIN, SCREEN[1] - BARS[1] - MARGIN)
        scale = min(room[0] / right, room[1] / bottom, SCALES[1])
        if scale < SCALES[0]:
            least = f"{SCALES[0]:.2f} for its text to be shown"
            raise ValueError(f"{self.name} would open at {scale:.2f}, expected at least {least}; use less room.")
        fitted = FITTED[2] * min(FITTED[0] / (right + EDGES[0]), FITTED[1] / (bottom + EDGES[1]))
        if fitted < READABLE:
            raise ValueError(f"{self.name} would be fitted at {fitted:.2f}, expected {READABLE:.2f}; use less room.")
        return round(scale, 3)

    def workflow(self, opened: bool = True) -> dict:
        """As the page saves it. If it is not to be `opened` in the page, it may be too large to be read there."""
        scale = self.scale() if opened else SCALES[0]
        return {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{EXTENSION}/{self.name}")),
            "revision": 0,
            "last_node_id": len(self.nodes),
            "last_link_id": len(self.links),
            **{"nodes": self.nodes, "links": self.links, "groups": self.groups, "config": {}},
            "extra": {"ds": {"scale": scale, "offset": [round(bar / scale) for bar in BARS]}},
            "version": 0.4,
        }


def _widget_values(name: str, kind: str | list, options: dict, value: Any) -> list:
    """What the page keeps for a widget: its value, and that of the second widget that it adds to some."""
    if value is None or isinstance(value, Wire):
        choices = kind if isinstance(kind, list) else options.get("options", [])
        value = options.get("default", choices[0] if choices else "" if kind == "STRING" else 0)
    if options.get("control_after_generate", kind == "INT" and name in SEED_NAMES):
        return [value, "fixed"]
    uploads = any(options.get(f"{what}_upload") for what in ("image", "video", "audio"))
    return [value, "image"] if uploads else [value]
