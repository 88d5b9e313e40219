"""What the tests run in: the real host, inside this process and as a server, and the real page.

The host imports the extension under a name of its own (its path), so classes of the extension that come from
`host` are not those of `collaborative_score_distillation`: tests that need both ask `host.module(...)`.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from collaborative_score_distillation.tools.client import Client
from collaborative_score_distillation.tools.env import EXTENSION, ROOT, make_base_directory
from collaborative_score_distillation.tools.host import HOST_FOLDER, Host, host_arguments


class InProcessHost:
    """The host imported into the test's process, with the extension found by its own search."""

    def __init__(self, base: Path):
        self.base = base
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


@pytest.fixture(scope="session")
def host(tmp_path_factory) -> InProcessHost:
    """The host inside this process, on the CPU, with a base directory of its own."""
    base = tmp_path_factory.mktemp("host")
    make_base_directory(base)
    boot(base)
    return InProcessHost(base)


def boot(base: Path) -> None:
    """What the host's main.py does up to the point where it would listen."""
    sys.path.insert(0, str(HOST_FOLDER))
    sys.argv = ["main.py", *dict.fromkeys([*host_arguments(base), "--cpu"])]
    importlib.import_module("comfy.options").enable_args_parsing()
    importlib.import_module("utils.extra_config")  # as main.py does: in another order not all core nodes import
    nodes = importlib.import_module("nodes")
    with ThreadPoolExecutor(1) as other_thread:  # the browser tests keep an event loop in this one
        other_thread.submit(asyncio.run, nodes.init_extra_nodes(init_api_nodes=False)).result()


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Host]:
    """The host as a process of its own, with base and output directories of its own."""
    with Host(base=tmp_path_factory.mktemp("server")) as host:
        yield host


@pytest.fixture(scope="session")
def client(server) -> Client:
    return Client(server.address)


@pytest.fixture(scope="session")
def object_info(client) -> dict:
    return client.object_info()


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where screenshots and pictures are kept for a person to look at; not in git."""
    folder = ROOT / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def workflows() -> Path:
    return ROOT / "workflows"
