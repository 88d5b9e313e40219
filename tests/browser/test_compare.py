"""CSD Compare in the page: the line between before and after, and the picture of a set."""

from io import BytesIO

import pytest
from PIL import Image

pytestmark = pytest.mark.browser
SECONDS = 120
FRAMES = 3
PROMPT = f"""async () => {{
    app.graph.clear();
    const add = (type, x, values) => {{
        const node = LiteGraph.createNode(type);
        node.pos = [x, 100];
        app.graph.add(node);
        for (const [name, value] of Object.entries(values)) node.widgets.find(w => w.name === name).value = value;
        return node;
    }};
    const size = {{ width: 96, height: 64, batch_size: {FRAMES} }};
    const red = add("EmptyImage", 100, {{ ...size, color: 0xff0000 }});
    const blue = add("EmptyImage", 500, {{ ...size, color: 0x0000ff }});
    const compare = add("CSDCompare", 900, {{}});
    red.connect(0, compare, "before");
    blue.connect(0, compare, "after");
    app.canvas.ds.offset = [0, 0];
    app.canvas.ds.scale = 1;
}}"""


@pytest.fixture(scope="module")
def opened(frontend):
    frontend.open_template("simple_panorama")
    return frontend


def test_no_broken_picture_is_seen_before_the_first_run(opened):
    pictures = opened.page.locator(".csd-compare img")
    assert pictures.count() == 2 and not any(picture.is_visible() for picture in pictures.all())


@pytest.fixture(scope="module", params=[False, True], ids=["canvas", "Vue nodes"])
def compared(opened, request):
    """A finished run of two batches of one colour each, with nodes on the canvas or as elements of the page."""
    opened.page.evaluate("on => app.ui.settings.setSettingValueAsync('Comfy.VueNodes.Enabled', on)", request.param)
    opened.page.evaluate(PROMPT)
    opened.record()
    opened.press_run()
    opened.wait_for("execution_success", "execution_error", seconds=SECONDS)
    opened.settle()
    yield opened
    opened.page.evaluate("() => app.ui.settings.setSettingValueAsync('Comfy.VueNodes.Enabled', false)")


@pytest.fixture
def widget(compared):
    return compared.page.locator(".csd-compare")


def colours(widget) -> list[str]:
    """What is seen in the middle of the left and of the right half of the pictures."""
    picture = Image.open(BytesIO(widget.locator(".stage").screenshot())).convert("RGB")
    names = {(255, 0, 0): "red", (0, 0, 255): "blue"}
    middle = picture.height // 2
    return [names.get(picture.getpixel((round(picture.width * share), middle)), "other") for share in (0.3, 0.7)]


def test_both_are_seen(compared, widget, artifacts):
    compared.screenshot(artifacts / "compare.png")
    assert compared.seen("execution_error") == []
    assert colours(widget) == ["red", "blue"]


@pytest.mark.parametrize("share, seen", [("90", ["red", "red"]), ("10", ["blue", "blue"]), ("50", ["red", "blue"])])
def test_the_line_can_be_moved(widget, share, seen):
    widget.get_by_label("between before and after").fill(share)
    assert colours(widget) == seen


def test_the_line_follows_the_mouse(compared, widget):
    box = widget.locator(".stage").bounding_box()
    compared.page.mouse.click(box["x"] + 0.85 * box["width"], box["y"] + box["height"] / 2)
    assert colours(widget) == ["red", "red"]
    widget.get_by_label("between before and after").fill("50")


def test_each_picture_of_a_set_can_be_chosen(widget):
    sources = set()
    for number in range(1, FRAMES + 1):
        widget.get_by_label("picture of the set").fill(str(number))
        assert widget.locator(".number").inner_text() == f"{number} of {FRAMES}"
        sources.add(widget.locator("img.before").get_attribute("src"))
    assert len(sources) == FRAMES


def test_the_widget_is_not_saved(compared):
    (node,) = [node for node in compared.graph()["nodes"] if node["type"] == "CSDCompare"]
    assert not node.get("widgets_values")
    assert set(compared.prompt()[str(node["id"])]["inputs"]) == {"before", "after"}
