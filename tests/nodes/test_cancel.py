"""A cancel is obeyed soon, whatever a node is doing, and the next run is as if nothing had been."""

import threading
import time

import pytest
import torch

from . import videos

SOON = 2.5  # seconds from the cancel to the end of the node, on a machine that others share


@pytest.fixture
def management(comfy):
    yield comfy.model_management
    comfy.model_management.interrupt_current_processing(False)


@pytest.fixture
def cancelled(host, management):
    """Run a node, cancel it after some seconds: how long it took to obey."""

    def run(node_id, after=0.3, **inputs):
        at = []

        def cancel():
            at.append(time.perf_counter())
            management.interrupt_current_processing()

        timer = threading.Timer(after, cancel)
        timer.start()
        with pytest.raises(management.InterruptProcessingException):
            host.run(node_id, **inputs)
        return time.perf_counter() - at[0]

    return run


DEMO = {"seed": 1, "look": "summer"}
CLIP = {"frames": 200, "width": 512, "height": 256, "rate": 12.0, "neighbours": 2, "anchors": 2}
LONG = {
    "a scene": ("CSDDemoScene", {**DEMO, "width": 6144, "height": 1024}),
    "a clip": ("CSDDemoClip", {**DEMO, **CLIP}),
    "views": ("CSDDemoViews", {**DEMO, "count": 60, "width": 512, "height": 256}),
    "flow": (
        "CSDOpticalFlow",
        {
            "frames": torch.rand(6, 1024, 1024, 3),
            "neighbours": 3,
            "anchors": 2,
            "accuracy": "accurate",
            "tolerance": 0.1,
        },
    ),
    "windows": (
        "CSDParticleSplit",
        {
            "whole": torch.zeros(1, 512, 512, 3),
            "window_width": 16,
            "window_height": 16,
            "overlap": 14,
            "wrap": "none",
            "multiple": 2,
        },
    ),
}


@pytest.mark.parametrize("case", LONG)
def test_a_cancel_is_obeyed(cancelled, case):
    node_id, inputs = LONG[case]
    assert cancelled(node_id, **inputs) < SOON


def test_a_video_with_a_gap_can_be_cancelled(host, cancelled, tmp_path):
    """An hour long, and a picture a second: within the limit on gaps, and cheap to hold."""
    times = list(range(0, 590_000 * 6, 590_000))
    path = videos.write(host.base / "input" / "slow.mkv", frames=6, size=(64, 64), times=times, rate=25)
    video = host.run("LoadVideo", file=path.name)[0]
    settings = {"rate": 24.0, "start": 0, "stride": 1, "size": "source", "side": 512, "edge": "pad", "multiple": 8}
    assert cancelled("CSDVideoFrameBatch", after=0.05, video=video, count=0, **settings) < SOON


def test_the_next_run_is_as_if_nothing_had_been(host, cancelled):
    scene = {**DEMO, "width": 256, "height": 128}
    before = host.run("CSDDemoScene", **scene)[0]
    cancelled(*LONG["a scene"][:1], **LONG["a scene"][1])
    assert torch.equal(host.run("CSDDemoScene", **scene)[0], before)


@pytest.fixture
def apart(host):
    return host.module("host.apart")


def test_what_cannot_be_interrupted_is_left(apart, management):
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def deaf():
        began.set()
        may_end.wait(30)
        ended.set()

    threading.Thread(target=lambda: (began.wait(), management.interrupt_current_processing())).start()
    begun = time.perf_counter()
    with pytest.raises(management.InterruptProcessingException):
        apart.apart(deaf)
    assert time.perf_counter() - begun < SOON and not ended.is_set()
    may_end.set()
    assert ended.wait(5)


def test_threads_that_were_left_do_not_pile_up(apart, management):
    """The next work begins when the one that was left behind has ended; it takes no cancel of the next run."""
    running, most, lock = [0], [0], threading.Lock()

    def deaf():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.4)
        with lock:
            running[0] -= 1
        apart.look()

    for _ in range(4):
        timer = threading.Timer(0.1, management.interrupt_current_processing)
        timer.start()
        with pytest.raises(management.InterruptProcessingException):
            apart.apart(deaf)
    assert apart.apart(lambda: "made") == "made" and most == [1]


def test_errors_and_the_mode_of_torch_come_through(apart):
    def fails():
        raise KeyError("a")

    with pytest.raises(KeyError, match="a"):
        apart.apart(fails)
    for mode in (True, False):
        with torch.inference_mode(mode):
            assert apart.apart(torch.is_inference_mode_enabled) is mode
    assert apart.apart(torch.get_num_threads) == torch.get_num_threads()
