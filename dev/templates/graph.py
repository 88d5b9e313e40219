"""A workflow as the page saves it (UI format), built node by node from the host's own description of its nodes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..environment.env import EXTENSION
from ..environment.workflow import SEED_NAMES, is_widget

TITLE, SLOT, WIDGET, GAP = 36, 22, 28, 50  # heights in the page's units
TALL = {
    "MarkdownNote": 420,
    "LoadImage": 280,
    "LoadVideo": 260,
    "PreviewImage": 280,
    "SaveImage": 420,
    "SaveVideo": 420,
    "CSDConsistentEditPanorama": 760,  # with room for its preview
    "CSDConsistentEditSet": 760,
    "CSDCompare": 300,
}
REPORT = 420  # the card of a run is upright
TEXT_HEIGHT = 90
COLUMN_GAP = 70
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
    scale   how large the page opens it; the page writes no text below 0.6
    """

    name: str
    info: Mapping[str, dict]
    nodes: list[dict] = field(default_factory=list)
    links: list[list] = field(default_factory=list)
    groups: list[dict] = field(default_factory=list)
    scale: float = 0.55
    _left: float = 0.0
    _top: float = 0.0
    _width: float = 0.0

    def column(self, width: float) -> None:
        """Begin the next column, `width` wide."""
        self._left += self._width + COLUMN_GAP if self.nodes else 0
        self._top, self._width = 0.0, width

    def gap(self) -> None:
        """Room for the title of another group under the last one."""
        self._top += 2 * TITLE

    def note(self, text: str) -> None:
        self._place("MarkdownNote", [], [], [text], {}, "Read me first")

    def add(
        self, kind: str, *, title: str = "", models: Sequence[Mapping[str, str]] = (), **values: Any
    ) -> dict[str, Wire]:
        """A node with its wires and widgets by name; widgets not named keep their defaults. -> its outputs by name."""
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
        node = self._place(kind, inputs, outputs, widgets, properties, title)
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

    def _place(self, kind: str, inputs: list, outputs: list, widgets: list, properties: dict, title: str) -> dict:
        sockets = sum("widget" not in entry for entry in inputs)
        texts = sum(entry["type"] == "STRING" for entry in inputs if "widget" in entry)
        tall = REPORT if title == "Report" else TALL.get(kind, 0)
        height = TITLE + SLOT * max(sockets, len(outputs)) + WIDGET * len(widgets) + TEXT_HEIGHT * texts
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

    def workflow(self) -> dict:
        return {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{EXTENSION}/{self.name}")),
            "revision": 0,
            "last_node_id": len(self.nodes),
            "last_link_id": len(self.links),
            **{"nodes": self.nodes, "links": self.links, "groups": self.groups, "config": {}},
            "extra": {"ds": {"scale": self.scale, "offset": [round(88 / self.scale), round(143 / self.scale)]}},
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
