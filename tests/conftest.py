"""What the tests run in: the real host, inside this process and as a server, and the real page.

The host imports the extension under a name of its own (its path), so classes of the extension that come from
`host` are not those of `collaborative_score_distillation`: tests that need both ask `host.module(...)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collaborative_score_distillation.dev.environment.client import Client
from collaborative_score_distillation.dev.environment.env import ROOT
from collaborative_score_distillation.dev.environment.in_process import InProcessHost
from collaborative_score_distillation.dev.environment.server import HOST_FOLDER, Host

VERSION = HOST_FOLDER / "comfyui_version.py"
TESTED = pytest.StashKey[str]()


def pytest_configure(config) -> None:
    config.stash[TESTED] = VERSION.read_text()


def pytest_report_header(config) -> str:
    return f"ComfyUI: {config.stash[TESTED].split()[-1]} in {HOST_FOLDER}"


def pytest_sessionfinish(session) -> None:
    """The ComfyUI that the run began with is the one that it ends with."""
    assert VERSION.read_text() == session.config.stash[TESTED]


@pytest.fixture(scope="session")
def host(tmp_path_factory) -> InProcessHost:
    """The host inside this process, on the CPU, with a base directory of its own."""
    return InProcessHost(tmp_path_factory.mktemp("host"), "--cpu")


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
