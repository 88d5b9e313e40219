"""ComfyUI inside this process: its model classes alone, or its nodes with the extension found by its own search."""

from __future__ import annotations

import asyncio
import importlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import torch

from .env import EXTENSION, make_base_directory
from .server import HOST_FOLDER, device_arguments, host_arguments

ALONE = ("--use-pytorch-cross-attention",)  # for model classes without nodes, as in training and benchmarks


class InProcessHost:
    """The host's nodes and the extension's, of which the host imported both.

    base        its base directory
    arguments   further ones for its command line
    """

    def __init__(self, base: Path, *arguments: str):
        self.base = base
        make_base_directory(base)
        boot_host(*host_arguments(base), *arguments)
        self.nodes = load_nodes()

    def node(self, node_id: str) -> type:
        """The class that the host registered under `node_id`."""
        return self.nodes.NODE_CLASS_MAPPINGS[node_id]

    def run(self, node_id: str, **inputs) -> tuple:
        """Execute one node as the host's executor does (inference mode); returns its outputs."""
        node = self.node(node_id)
        with torch.inference_mode():
            result = getattr(node if hasattr(node, "GET_SCHEMA") else node(), node.FUNCTION)(**inputs)
        return tuple(result.args) if hasattr(result, "args") else tuple(result)

    def widgets(self, node_id: str) -> dict:
        """The required widgets of a node with the new interface, as the menu gives them: newer hosts have more."""
        return _as_given(self.node(node_id).GET_SCHEMA().inputs)

    def each(self, node_id: str, name: str, batch: torch.Tensor, **inputs) -> list:
        """The first output of a node for every row of a batch, as the executor makes it behind Rebatch Images."""
        return [self.run(node_id, **{name: row[None]}, **inputs)[0] for row in batch]

    def module(self, name: str):
        """The extension's module `name` (such as "nodes.particles") as the host imported it."""
        package = str(self.base / "custom_nodes" / EXTENSION).replace(".", "_x_")
        return importlib.import_module(f"{package}.{name}")


def _as_given(inputs: list) -> dict:
    """Name -> value of the required widgets. A combo may bring further widgets with each of its options."""
    found = {}
    for spec in (spec for spec in inputs if not spec.optional):
        options = getattr(spec, "options", None)
        if options and hasattr(options[0], "inputs"):
            found[spec.id] = {spec.id: options[0].key, **_as_given(options[0].inputs)}
        elif (default := getattr(spec, "default", None)) is not None:
            found[spec.id] = default
        elif options:
            found[spec.id] = options[0]
    return found


def boot_host(*arguments: str) -> None:
    """Make `comfy` importable, as the host's main.py would with these arguments. Call before importing `host`."""
    if not HOST_FOLDER.is_dir():
        raise FileNotFoundError(f"Expected ComfyUI in {HOST_FOLDER}; run `make env` first.")
    sys.path.insert(0, str(HOST_FOLDER))
    ours = sys.argv
    sys.argv = ["main.py", *dict.fromkeys([*(arguments or ALONE), *device_arguments()])]
    importlib.import_module("comfy.options").enable_args_parsing()
    importlib.import_module("comfy.cli_args")  # reads the command line, once
    sys.argv = ours


def load_nodes() -> ModuleType:
    """The host's module of nodes, after it has imported its own and all extensions."""
    importlib.import_module("utils.extra_config")  # as main.py does: in another order not all core nodes import
    nodes = importlib.import_module("nodes")
    with ThreadPoolExecutor(1) as other_thread:  # this one may have an event loop already
        other_thread.submit(asyncio.run, nodes.init_extra_nodes(init_api_nodes=False)).result()
    return nodes
