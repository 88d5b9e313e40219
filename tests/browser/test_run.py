"""Workflows with the demo model run to their end from the page: progress, previews, saved results that carry them."""

import json

import av
import pytest
from PIL import Image

SECONDS = 540
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(2.5 * SECONDS)]


SAVERS = {"simple_panorama": "SaveImage", "simple_video": "SaveVideo"}
SAVERS |= {"panorama_edit": "SaveImage", "video_edit": "SaveVideo", "view_set_edit": "CSDViewSetSave"}


@pytest.fixture(scope="module", params=list(SAVERS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def finished(frontend, client, artifacts, name):
    client.post("/free", json={"free_memory": True})  # another test may have run this workflow: nothing would run again
    frontend.open_template(name)
    frontend.record()
    frontend.press_run()
    frontend.wait_for("b_preview", "b_preview_with_metadata", "execution_error", seconds=SECONDS)
    frontend.screenshot(artifacts / f"{name}_running.png")
    frontend.wait_for("execution_success", "execution_error", seconds=SECONDS)
    frontend.settle()
    frontend.screenshot(artifacts / f"{name}_finished.png")
    return frontend


def test_reaches_its_end(finished):
    assert finished.seen("execution_error") == []
    assert len(finished.seen("execution_success")) == 1
    assert finished.alerts() == [] and finished.dialogs() == []


def test_shows_progress(finished):
    """Steps arrive one by one and reach the last."""
    values = [event["value"] for event in finished.seen("progress") if event["max"] > 1]
    assert len(set(values)) >= 3
    assert any(event["value"] == event["max"] for event in finished.seen("progress") if event["max"] > 1)


def test_shows_previews(finished):
    assert len(finished.seen("b_preview") + finished.seen("b_preview_with_metadata")) > 3


@pytest.fixture(scope="module")
def saved(finished, server, name):
    """The files that the workflow's saver wrote."""
    (saver,) = [node["id"] for node in finished.graph()["nodes"] if node["type"] == SAVERS[name]]
    outputs = [event["output"] for event in finished.seen("executed") if str(event["node"]) == str(saver)]
    return [server.output / file["subfolder"] / file["filename"] for output in outputs for file in output["images"]]


def test_writes_files(saved):
    assert saved and all(path.stat().st_size > 1000 for path in saved)


def test_shows_the_saved_pictures(finished, name):
    if SAVERS[name] == "SaveVideo":  # shown by a player, not as a picture
        assert finished.page.locator("video").count() == 1
    else:
        assert min(finished.shown_pictures()[SAVERS[name]]) > 0


def test_what_is_saved_carries_the_workflow(saved, name):
    for path in saved:
        if path.suffix == ".png" and SAVERS[name] == "SaveImage":
            carried = Image.open(path).info
        elif path.suffix == ".mp4":
            with av.open(path) as container:
                carried = dict(container.metadata)
        else:
            continue  # a data set keeps the files that it had
        assert SAVERS[name] in {node["type"] for node in json.loads(carried["workflow"])["nodes"]}
        assert SAVERS[name] in {entry["class_type"] for entry in json.loads(carried["prompt"]).values()}


def test_a_view_set_is_whole(saved, name):
    if name == "view_set_edit":
        described = json.loads((saved[0].parents[1] / "transforms.json").read_text())
        assert len(described["frames"]) == len(saved)
