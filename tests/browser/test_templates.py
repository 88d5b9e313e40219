"""The extension's workflows are in the Templates browser, each with its picture, and open from there."""

import pytest

from collaborative_score_distillation.dev.environment.env import EXTENSION, ROOT

pytestmark = pytest.mark.browser
NAMES = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
SMALLEST_WIDTH = 256


def test_host_lists_them(client):
    assert sorted(client.get("/workflow_templates").json()[EXTENSION]) == NAMES


def test_nothing_else_is_among_them(workflows):
    """Whatever lies in that folder is served to everyone and shown as a template."""
    assert {path.name for path in workflows.iterdir()} == {f"{n}.{s}" for n in NAMES for s in ("json", "jpg")}


@pytest.mark.parametrize("name", NAMES)
def test_host_serves_file_and_picture(client, workflows, name):
    for suffix in ("json", "jpg"):
        file = f"{name}.{suffix}"
        assert client.get(f"/api/workflow_templates/{EXTENSION}/{file}").content == (workflows / file).read_bytes()


def test_cards_show_their_pictures(frontend, artifacts):
    frontend.open_templates_browser()
    for name in NAMES:
        picture = frontend.card(name).locator("img").first  # pictures out of sight are not loaded
        picture.wait_for()
        frontend.page.wait_for_function("image => image.complete", arg=picture.element_handle())
        assert picture.evaluate("image => image.naturalWidth") >= SMALLEST_WIDTH
    frontend.screenshot(artifacts / "templates.png")


def test_a_click_opens_one(frontend):
    frontend.open_templates_browser()
    frontend.card("panorama_edit").click()
    frontend.page.wait_for_function("() => document.title.includes('panorama_edit')")
    frontend.settle()
    assert frontend.unregistered() == []
    assert frontend.dialogs() == []
