"""The help panel of the page shows the help of a node, with its picture."""

import pytest

pytestmark = pytest.mark.browser
NODE = "CSDConsistentEditPanorama"
HELP = """type => {
    app.graph.clear();
    const node = LiteGraph.createNode(type);
    node.pos = [300, 300];
    app.graph.add(node);
    app.canvas.ds.scale = 1;
    app.canvas.ds.offset = [0, 0];
    app.canvas.selectNode(node);
}"""


def test_the_panel_shows_the_picture(frontend, artifacts):
    frontend.open_template("simple_panorama")
    frontend.page.evaluate(HELP, NODE)
    frontend.settle()  # the bar over the node is drawn a moment after it
    frontend.page.get_by_test_id("info-button").click()
    picture = frontend.page.locator(".node-help-content img").first
    picture.wait_for()
    frontend.page.wait_for_function("image => image.complete", arg=picture.element_handle())
    frontend.screenshot(artifacts / "help.png")
    assert picture.evaluate("image => image.naturalWidth") == 560
