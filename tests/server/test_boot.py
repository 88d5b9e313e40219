"""The host boots with the extension in it, inside the tests and as a server."""

import re
import sys

import pytest

from collaborative_score_distillation.dev.environment.env import EXTENSION
from collaborative_score_distillation.dev.environment.server import Host, HostError

PERMANENT_IDS = ("CSDParticleSplit", "CSDParticleMerge", "CSDEditSampler", "CSDSampler")


def test_server_imports_everything(server):
    log = server.log.read_text()
    assert "IMPORT FAILED" not in log
    assert re.search(rf"seconds: .*{EXTENSION}$", log, re.MULTILINE)


@pytest.mark.parametrize("node_id", PERMANENT_IDS)
def test_nodes_are_offered(object_info, node_id):
    assert object_info[node_id]["python_module"] == f"custom_nodes.{EXTENSION}"


@pytest.mark.parametrize("node_id", PERMANENT_IDS)
def test_nodes_are_found_in_process(host, node_id):
    assert host.node(node_id).GET_SCHEMA().node_id == node_id


def test_same_nodes_in_process_and_served(host, object_info):
    served = {name for name, entry in object_info.items() if entry["python_module"].endswith(EXTENSION)}
    loaded = {
        name
        for name, node in host.nodes.NODE_CLASS_MAPPINGS.items()
        if getattr(node, "RELATIVE_PYTHON_MODULE", "").endswith(EXTENSION)
    }
    assert served == loaded


def test_core_node_runs_in_process(host):
    (image,) = host.run("EmptyImage", width=16, height=8, batch_size=2, color=0xFF0000)
    assert image.shape == (2, 8, 16, 3)
    assert image[..., 0].min() == 1 and image[..., 1:].max() == 0


def test_broken_extension_is_reported(tmp_path):
    """The host itself would go on without it."""
    broken = tmp_path / "custom_nodes" / f"broken-{EXTENSION}"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('broken on purpose')")
    with pytest.raises(HostError, match="broken on purpose"), Host(base=tmp_path):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's peak memory")
def test_peak_memory_is_that_of_the_host(server):
    assert 2**27 < server.peak_memory() < 2**36
