"""From the empty page to a result, with the clicks that the README names and no others."""

import re

import pytest

from collaborative_score_distillation.dev.environment.env import EXTENSION, ROOT

SECONDS = 540
MOST_CLICKS = 10
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(2.5 * SECONDS)]
COUNT = """() => {
    window.clicks = 0;
    document.addEventListener("click", event => window.clicks += event.isTrusted, true);
}"""


@pytest.fixture(scope="module")
def named() -> list[str]:
    """What the README tells a new user to click, in its order."""
    _, _, told = (ROOT / "README.md").read_text().partition("## The first result")
    return re.findall(r"^\d+\. Click \*([^*]+)\*", told.partition("\n## ")[0], re.MULTILINE)


@pytest.fixture(scope="module")
def finished(frontend, artifacts, named):
    assert named == ["Templates", EXTENSION, "simple_panorama", "Run"]
    frontend.open_empty()
    frontend.page.evaluate(COUNT)
    frontend.record()
    frontend.page.locator(".templates-tab-button").click()
    frontend.page.get_by_text(EXTENSION, exact=True).click()
    frontend.page.get_by_test_id("template-workflow-simple_panorama").click()
    frontend.page.wait_for_function("() => document.title.includes('simple_panorama')")
    frontend.press_run()
    frontend.wait_for("execution_success", "execution_error", seconds=SECONDS)
    frontend.settle()
    frontend.screenshot(artifacts / "first_result.png")
    return frontend


def test_there_is_a_result(finished):
    assert finished.seen("execution_error") == [] and finished.dialogs() == []
    assert finished.shown_pictures()["SaveImage"] == [1024]


def test_it_takes_few_clicks(finished, named):
    assert finished.page.evaluate("() => window.clicks") == len(named) <= MOST_CLICKS


def test_the_edit_said_what_it_would_take(finished):
    """Words on the node, sent before the first step."""
    texts = [event["text"] for event in finished.seen("progress_text")]
    assert any(re.search(r"^[\d,]+ evaluations, .* of memory for the model", text) for text in texts)
