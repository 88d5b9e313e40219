"""ComfyUI's node interface. Keywords that an older host does not know are left out."""

import inspect
from typing import Any

from comfy_api.latest import ComfyExtension, io
from comfy_execution.graph_utils import GraphBuilder

from ..media.layout import Layout as WindowLayout

__all__ = ["ComfyExtension", "Correspondence", "GraphBuilder", "Layout", "advanced", "custom", "io", "known", "schema"]


def custom(name: str, kind: Any) -> type[io.ComfyTypeIO]:
    """A type of links whose values are instances of the class `kind`. The gate refuses other values."""
    made = io.Custom(name)
    made.Type = kind
    return made


CATEGORY = "Collaborative Score Distillation"
Layout = custom("CSD_LAYOUT", WindowLayout)
Correspondence = io.Custom("CSD_CORRESPONDENCE")


def known(make, **keywords):
    """Calls `make` with those of the keywords that its signature has."""
    parameters = inspect.signature(make).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return make(**{name: value for name, value in keywords.items() if takes_all or name in parameters})


def advanced(make: type[io.Input], name: str, **keywords) -> io.Input:
    """An optional input that newer hosts fold away until a user asks for it."""
    return known(make, id=name, optional=True, advanced=True, **keywords)


def schema(
    node_id: str, display_name: str, description: str, inputs: list, outputs: list, *, group: str, **optional
) -> io.Schema:
    """The schema of a node of this extension.

    group      where it is found in the menu of nodes: Simple, Sampling, Options, Video, Views, 3D, Measure, Demo
    optional   keywords that only newer hosts know, such as search_aliases
    """
    return known(
        io.Schema,
        node_id=node_id,
        display_name=display_name,
        category=f"{CATEGORY}/{group}",
        description=description,
        inputs=inputs,
        outputs=outputs,
        **optional,
    )
