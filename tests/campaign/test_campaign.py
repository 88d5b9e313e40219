"""The campaign in its short form: seeded graphs, files and faults, in a process of its own, and the real server."""

import json
import os
import subprocess
import sys

import pytest

from collaborative_score_distillation.dev.campaign import soak
from collaborative_score_distillation.dev.environment.env import ROOT

pytestmark = pytest.mark.slow
SHORT = {"graphs": 58, "files": 25, "kills": 3, "runs": 0, "cancels": 0, "limit": 4.0}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Every verdict of the short form."""
    path = tmp_path_factory.mktemp("campaign") / "verdicts.json"
    numbers = [text for name, value in SHORT.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "collaborative_score_distillation.dev.campaign", *numbers, "--verdicts", str(path)]
    around = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT / ".import")}
    result = subprocess.run(command, capture_output=True, text=True, env=around)
    assert path.exists(), result.stderr[-2000:]
    return json.loads(path.read_text())


def test_nothing_is_wrong(verdicts):
    bad = ("obscure", "silent", "broken", "hang", "memory", "changed")
    assert [verdict["words"] for verdict in verdicts if verdict["outcome"] in bad] == []


def test_half_of_the_graphs_reach_a_sampler(verdicts):
    graphs = [verdict for verdict in verdicts if verdict["target"].startswith("CSD")]
    assert len(graphs) == SHORT["graphs"]
    assert 2 * sum(verdict["sampled"] for verdict in graphs) >= len(graphs)
    assert sum(verdict["wild"] and verdict["outcome"] == "refused" for verdict in graphs) > 10


def test_files_of_every_kind_are_read_and_refused(verdicts):
    for kind in ("transforms", "picture", "depth", "npy", "npz", "video", "state"):
        outcomes = [verdict["outcome"] for verdict in verdicts if verdict["target"] == kind]
        assert len(outcomes) == SHORT["files"] and "refused" in outcomes and "result" in outcomes


def test_the_server_answers_and_obeys(server):
    found = soak.soak(server, runs=4, cancels=3)
    assert found["the run after"] == "success"
    assert found["slowest answer, s"] < 2 * soak.ANSWERS and found["slowest cancel, s"] < 2 * soak.OBEYS
