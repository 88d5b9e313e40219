"""The campaign in its short form, in a process of its own: the real server, seeded files, faults and graphs."""

import json
import os
import subprocess
import sys

import pytest

from collaborative_score_distillation.dev.environment.env import ROOT

pytestmark = pytest.mark.slow
NODES = list(json.loads((ROOT / "tests" / "nodes" / "contract.json").read_text()))
SHORT = {
    "graphs": 2 * len(NODES), "files": 25, "kills": 2, "calls": 1, "runs": 12, "cancels": 2, "served": 9, "limit": 4.0,
}


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


def of(verdicts, target):
    return [verdict for verdict in verdicts if verdict["target"] == target]


def test_every_node_is_a_target(verdicts):
    """Twice: with good values alone, and with a wild one."""
    in_process = verdicts[-SHORT["graphs"] :]
    assert sorted(verdict["target"] for verdict in in_process) == sorted(2 * NODES)


def test_graphs_without_a_wild_value_reach_a_sampler(verdicts):
    """But for a few, whose options exclude each other, and those that a slow machine cancelled at the time limit."""
    graphs = [verdict for verdict in verdicts if verdict["target"].startswith("CSD")]
    assert len(graphs) == SHORT["graphs"] + SHORT["served"]
    ended = [verdict for verdict in graphs if verdict["outcome"] != "cancelled"]
    missed = [verdict["words"] for verdict in ended if not verdict["wild"] and not verdict["sampled"]]
    assert len(missed) <= 3, missed
    assert 2 * sum(verdict["sampled"] for verdict in ended) >= len(ended)
    assert sum(verdict["wild"] and verdict["outcome"] == "refused" for verdict in graphs) > 10


def test_files_of_every_kind_are_read_and_refused(verdicts):
    for kind in ("transforms", "picture", "depth", "npy", "npz", "video", "state"):
        outcomes = [verdict["outcome"] for verdict in of(verdicts, kind)]
        assert len(outcomes) == SHORT["files"] and "refused" in outcomes and "result" in outcomes


def test_the_server_was_soaked(verdicts):
    """Answers, cancels, memory and the run after: each within its limit."""
    assert [verdict["outcome"] for verdict in of(verdicts, "the server")] == 4 * ["result"]


def test_writers_were_killed_between_writing_synchronising_and_renaming(verdicts):
    killed = [verdict["words"] for verdict in of(verdicts, "killed state")]
    assert any("open " in words for words in killed) and any("os.rename " in words for words in killed)
    assert len(of(verdicts, "killed view set")) > 10


def test_disks_were_full_and_closed(verdicts):
    found = of(verdicts, "disk")
    if found[0]["outcome"] == "not tried":
        pytest.skip(found[0]["words"])
    assert sum("full" in verdict["words"] for verdict in found) == 3
    assert sum("read-only" in verdict["words"] for verdict in found) >= 4


def test_memory_ran_out_down_to_one_particle(verdicts):
    outcomes = [verdict["outcome"] for verdict in of(verdicts, "out of memory")]
    assert outcomes.count("result") > 20 and outcomes.count("refused") > 20
