"""ComfyUI inside this process, with the extension found by its own search."""

from __future__ import annotations

import asyncio
import importlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from .env import EXTENSION, make_base_directory
from .server import HOST_FOLDER, host_arguments


class InProcessHost:
    """The host's nodes and the extension's, of which the host imported both.

    base        its base directory
    arguments   further ones for its command line
    """

    def __init__(self, base: Path, *arguments: str):
        self.base = base
        make_base_directory(base)
        boot(base, *arguments)
        self.nodes = importlib.import_module("nodes")

    def node(self, node_id: str) -> type:
        """The class that the host registered under `node_id`."""
        return self.nodes.NODE_CLASS_MAPPINGS[node_id]

    def run(self, node_id: str, **inputs) -> tuple:
        """Execute one node as the host's executor does (inference mode); returns its outputs."""
        node = self.node(node_id)
        with torch.inference_mode():
            result = getattr(node if hasattr(node, "GET_SCHEMA") else node(), node.FUNCTION)(**inputs)
        return tuple(result.args) if hasattr(result, "args") else tuple(result)

    def module(self, name: str):
        """The extension's module `name` (such as "nodes.particles") as the host imported it."""
        package = str(self.base / "custom_nodes" / EXTENSION).replace(".", "_x_")
        return importlib.import_module(f"{package}.{name}")


def boot(base: Path, *arguments: str) -> None:
    """What the host's main.py does up to the point where it would listen."""
    sys.path.insert(0, str(HOST_FOLDER))
    sys.argv = ["main.py", *dict.fromkeys([*host_arguments(base), *arguments])]
    importlib.import_module("comfy.options").enable_args_parsing()
    importlib.import_module("utils.extra_config")  # as main.py does: in another order not all core nodes import
    nodes = importlib.import_module("nodes")
    with ThreadPoolExecutor(1) as other_thread:  # this one may have an event loop already
        other_thread.submit(asyncio.run, nodes.init_extra_nodes(init_api_nodes=False)).result()
