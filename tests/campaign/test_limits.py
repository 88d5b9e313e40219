"""The campaign's own measures: what it would call wrong."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from random import Random
from types import SimpleNamespace

import pytest

from collaborative_score_distillation.dev.campaign.served import Recorder
from collaborative_score_distillation.dev.campaign.soak import ANSWERS, SLOPE, Soaked, _slope
from collaborative_score_distillation.dev.campaign.stopwatch import Stopwatch, withheld
from collaborative_score_distillation.dev.campaign.wild import wild
from collaborative_score_distillation.dev.campaign.world import World

GOOD = Soaked(runs=150, cancels=60, answer=0.2, cancel=1.1, slope=0.2, after="success")


@pytest.mark.parametrize(
    "change, outcome",
    [({}, None), ({"answer": 1.1 * ANSWERS}, "hang"), ({"cancel": 2.1}, "hang"), ({"slope": 1.1 * SLOPE}, "memory"),
     ({"after": "error"}, "broken")],
)  # fmt: skip
def test_a_soak_has_limits(change, outcome):
    found = [verdict.outcome for verdict in replace(GOOD, **change).verdicts]
    assert sorted(found) == sorted(3 * ["result"] + [outcome or "result"])


def test_growth_is_told_from_a_few_odd_runs():
    assert _slope([1000.0 + 2 * run for run in range(20)]) == pytest.approx(2)
    assert _slope(3 * [1000.0] + 17 * [1050.0]) < SLOPE
    assert _slope(9 * [1000.0] + [1500.0] + 10 * [1000.0]) < SLOPE
    assert _slope([]) == _slope([1000.0]) == 0


def test_time_asleep_counts():
    watch = Stopwatch()
    time.sleep(0.2)
    assert 0.1 < watch.seconds() < 0.5


def test_other_threads_of_this_program_count():
    """One that is left behind and waits for a processor is no excuse."""
    watch, done = Stopwatch(), threading.Event()
    threads = [threading.Thread(target=_busy, args=(done,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    done.set()
    for thread in threads:
        thread.join()
    assert watch.seconds() > 0.3


def _busy(done: threading.Event) -> None:
    block = b"x" * 2**20
    while not done.is_set():
        hashlib.sha256(block)  # without the interpreter's lock, so that the threads compete for processors


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="the system tells no such times")
def test_time_that_others_had_does_not_count():
    """Two programs on one processor: each waits about as long as it works."""
    busy = f"import os; os.sched_setaffinity(0, [{max(os.sched_getaffinity(0))}])\nwhile True: pass"
    programs = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(2)]
    try:
        time.sleep(1.0)
        assert all(max(withheld(program.pid).values()) > 0.1 for program in programs)
    finally:
        for program in programs:
            program.kill()
            program.wait()


def test_a_prompt_has_one_end():
    recorder = Recorder({"Make": {"output": ["IMAGE", "INT"]}, "Take": {"output": []}})
    picture, number = recorder.run("Make", seed=1)
    recorder.run("Make", seed=2)
    recorder.run("Take", picture=picture, number=number, nothing=None)
    alone, taken = recorder.prompts()
    assert set(alone) == {"2", "shown"} and set(taken) == {"1", "3"}
    assert taken["3"]["inputs"] == {"picture": ["1", 0], "number": ["1", 1]}


def test_what_an_input_takes_is_not_wild():
    spec = SimpleNamespace(get_io_type=lambda: "VIDEO,IMAGE", optional=False)
    world = World("frames", "first", {"IMAGE": 1, "LATENT": 2, "MASK": 3}, {}, {}, {})
    words = {wild(spec, Random(number), world).words for number in range(99)}
    assert {"LATENT for VIDEO,IMAGE", "MASK for VIDEO,IMAGE", "nothing"} <= words
    assert "IMAGE for VIDEO,IMAGE" not in words
