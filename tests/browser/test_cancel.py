"""A run that a person cancels in the page ends soon, without a complaint, and the next one starts."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SECONDS = 240
ENDS = ("execution_interrupted", "execution_success", "execution_error")


@pytest.fixture(scope="module")
def cancelled(frontend, client, artifacts):
    client.post("/free", json={"free_memory": True})  # another test may have run this workflow: nothing would run again
    frontend.open_template("video_edit")
    frontend.record()
    frontend.press_run()
    frontend.wait_for("b_preview", "b_preview_with_metadata", "execution_error", seconds=SECONDS)
    frontend.press_cancel()
    frontend.wait_for(*ENDS, seconds=SECONDS)
    frontend.settle()
    frontend.screenshot(artifacts / "cancelled.png")
    return frontend


def test_it_stops(cancelled):
    assert [len(cancelled.seen(end)) for end in ENDS] == [1, 0, 0]
    steps = [event for event in cancelled.seen("progress") if event["max"] > 1]
    assert steps[-1]["value"] < steps[-1]["max"]


def test_the_page_does_not_complain(cancelled):
    assert cancelled.dialogs() == [] and cancelled.alerts() == []


def test_it_can_be_run_again(cancelled):
    cancelled.record()
    cancelled.press_run()
    cancelled.wait_for("b_preview", "b_preview_with_metadata", *ENDS, seconds=SECONDS)
    assert [cancelled.seen(end) for end in ENDS] == [[], [], []]
    cancelled.press_cancel()
    cancelled.wait_for(*ENDS, seconds=SECONDS)
