"""The help panel of the page shows the help of a node, with its picture."""

import pytest

pytestmark = pytest.mark.browser
HELP = """type => {
    app.graph.clear();
    const node = LiteGraph.createNode(type);
    node.pos = [300, 300];
    app.graph.add(node);
    app.canvas.ds.scale = 1;
    app.canvas.ds.offset = [0, 0];
    app.canvas.selectNode(node);
}"""


@pytest.fixture(scope="module")
def opened(frontend):
    frontend.open_template("simple_panorama")
    return frontend


@pytest.mark.parametrize("node", ["CSDConsistentEditPanorama", "CSDTones"])
def test_the_panel_shows_the_picture(opened, artifacts, node):
    opened.page.evaluate(HELP, node)
    opened.settle()  # the bar over the node is drawn a moment after it
    opened.page.get_by_test_id("info-button").click()
    picture = opened.page.locator(".node-help-content img").first
    picture.wait_for()
    opened.page.wait_for_function("image => image.complete", arg=picture.element_handle())
    opened.screenshot(artifacts / f"help_{node}.png")
    assert picture.evaluate("image => image.naturalWidth") == 560
