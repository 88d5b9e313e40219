"""Workflows as the page saves them (UI format): find nodes, set widgets on a copy, convert to an API prompt."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comfy_cli.workflow_to_api import convert_ui_to_api

WIDGET_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
SEED_NAMES = ("seed", "noise_seed")


class WorkflowError(ValueError):
    """A workflow, node or widget is not what the caller took it for."""


def load_workflow(path: Path) -> dict:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def to_prompt(workflow: dict, object_info: dict) -> dict:
    """The API prompt of a UI workflow: `{node id: {class_type, inputs, _meta}}`.

    Args:
        workflow: UI format; not changed.
        object_info: the running host's answer to /object_info.

    Raises:
        WorkflowError: where a node is not known to the host, or the converter drops one.
    """
    nodes = [node for node in workflow["nodes"] if node["type"] in object_info]
    prompt = convert_ui_to_api(workflow, object_info)
    unknown = sorted({entry["class_type"] for entry in prompt.values()} - set(object_info))
    if unknown:
        raise WorkflowError(f"The host does not know the node types {unknown}: is their extension installed?")
    lost = [node["type"] for node in nodes if is_active(node) and str(node["id"]) not in prompt]
    if lost:
        raise WorkflowError(f"The nodes {lost} were lost in the conversion: open the workflow in ComfyUI and save it.")
    return prompt


def is_active(node: dict) -> bool:
    """Neither muted (mode 2) nor bypassed (mode 4)."""
    return node.get("mode", 0) not in (2, 4)


def find_node(workflow: dict, name: str) -> dict:
    """The one node whose title is `name`, else the one whose type is `name`.

    Raises:
        WorkflowError: where there is no such node or more than one.
    """
    for key in ("title", "type"):
        found = [node for node in workflow["nodes"] if node.get(key) == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise WorkflowError(f"{len(found)} nodes have the {key} {name!r}, expected one: give them titles.")
    present = sorted({node.get("title") or node["type"] for node in workflow["nodes"]})
    raise WorkflowError(f"No node has the title or type {name!r}; the workflow has {present}.")


def set_widgets(workflow: dict, values: Mapping[str, Mapping[str, Any]], object_info: dict) -> dict:
    """A copy of the workflow with other widget values.

    Args:
        workflow: UI format; not changed.
        values: `{node title or type: {widget name: value}}`.
        object_info: the running host's answer to /object_info, which fixes the order of the widgets.

    Raises:
        WorkflowError: for an unknown node or widget, or one whose value comes through a link.
    """
    changed = copy.deepcopy(workflow)
    for name, widgets in values.items():
        node = find_node(changed, name)
        for widget, value in widgets.items():
            set_widget(node, widget, value, object_info)
    return changed


def set_widget(node: dict, widget: str, value: Any, object_info: dict) -> None:
    names = widget_names(object_info[node["type"]])
    if widget not in names:
        raise WorkflowError(f"{node['type']} has no widget {widget!r}; it has {[name for name in names if name]}.")
    if any(entry["name"] == widget and entry.get("link") is not None for entry in node.get("inputs", [])):
        raise WorkflowError(f"{node['type']} gets {widget!r} through a link: set it where the link comes from.")
    node["widgets_values"][names.index(widget)] = value


def widget_names(schema: dict) -> list[str | None]:
    """The widget at each place of a node's `widgets_values`; None for the page's 'control after generate'."""
    names: list[str | None] = []
    for section in ("required", "optional"):
        for name, spec in schema["input"].get(section, {}).items():
            kind, options = spec[0], (spec[1] if len(spec) > 1 else {})
            if not is_widget(kind, options):
                continue
            names.append(name)
            if options.get("control_after_generate", kind == "INT" and name in SEED_NAMES):
                names.append(None)
    return names


def is_widget(kind: str | list, options: dict) -> bool:
    shown = options.get("widgetType", kind)
    return not options.get("forceInput") and (isinstance(shown, list) or shown in WIDGET_TYPES)
