"""The first workflow runs to its end from the page: progress, previews, saved pictures that carry it."""

import json

import pytest
from PIL import Image

SECONDS = 540
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(2.5 * SECONDS)]


@pytest.fixture(scope="module")
def finished(frontend, artifacts):
    frontend.open_template("panorama_edit")
    frontend.record()
    frontend.press_run()
    frontend.wait_for("b_preview", "b_preview_with_metadata", "execution_error", seconds=SECONDS)
    frontend.screenshot(artifacts / "panorama_edit_running.png")
    frontend.wait_for("execution_success", "execution_error", seconds=SECONDS)
    frontend.settle()
    frontend.screenshot(artifacts / "panorama_edit_finished.png")
    return frontend


def test_reaches_its_end(finished):
    assert finished.seen("execution_error") == []
    assert len(finished.seen("execution_success")) == 1
    assert finished.alerts() == [] and finished.dialogs() == []


def test_shows_progress(finished):
    """Steps arrive one by one and reach the last."""
    values = [event["value"] for event in finished.seen("progress") if event["max"] > 1]
    assert len(set(values)) > 3
    assert any(event["value"] == event["max"] for event in finished.seen("progress") if event["max"] > 1)


def test_shows_previews(finished):
    assert len(finished.seen("b_preview") + finished.seen("b_preview_with_metadata")) > 3


def test_shows_the_saved_pictures(finished):
    assert min(finished.shown_pictures()["SaveImage"]) > 0


def test_saved_pictures_carry_the_workflow(finished, server):
    files = [
        server.output / file["subfolder"] / file["filename"]
        for event in finished.seen("executed")
        for file in (event["output"] or {}).get("images", [])
        if file["type"] == "output"
    ]
    assert files
    for path in files:
        info = Image.open(path).info
        assert {node["type"] for node in json.loads(info["workflow"])["nodes"]} >= {"SaveImage"}
        assert "SaveImage" in {entry["class_type"] for entry in json.loads(info["prompt"]).values()}
