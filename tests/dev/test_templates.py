"""How templates are laid out, from their files alone."""

import itertools

import pytest

from collaborative_score_distillation.dev.environment.env import ROOT
from collaborative_score_distillation.dev.environment.workflow import load_workflow
from collaborative_score_distillation.dev.templates.graph import (
    EDGES,
    FITTED,
    READABLE,
    SAMPLERS,
    SCALES,
    SCREEN,
    TITLE,
    Graph,
)

NAMES = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))


@pytest.fixture(params=NAMES)
def workflow(request):
    return load_workflow(ROOT / "workflows" / f"{request.param}.json")


def box(node: dict) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a node with its title."""
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE, x + width, y + height


def overlap(one: tuple, other: tuple) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def within(one: tuple, other: tuple) -> bool:
    return one[0] >= other[0] and one[1] >= other[1] and one[2] <= other[2] and one[3] <= other[3]


def frames(workflow: dict) -> list[tuple]:
    corners = [group["bounding"] for group in workflow["groups"]]
    return [(x, y, x + width, y + height) for x, y, width, height in corners]


def test_nothing_covers_anything(workflow):
    nodes, groups = [box(node) for node in workflow["nodes"]], frames(workflow)
    assert not any(overlap(*pair) for pair in itertools.combinations(nodes, 2))
    assert not any(overlap(*pair) for pair in itertools.combinations(groups, 2))
    assert not any(overlap(node, group) and not within(node, group) for node in nodes for group in groups)


def test_the_note_is_at_the_top_left_and_the_rest_in_groups(workflow):
    note, *rest = workflow["nodes"]
    assert note["type"] == "MarkdownNote" and note["pos"] == [0, 0]
    assert all(any(within(box(node), group) for group in frames(workflow)) for node in rest)


def test_it_opens_whole_and_readable(workflow):
    view = workflow["extra"]["ds"]
    right, bottom = (max(box(node)[2 + axis] for node in workflow["nodes"]) for axis in (0, 1))
    for length, offset, most in zip((right, bottom), view["offset"], SCREEN, strict=True):
        assert (length + offset) * view["scale"] <= most
    assert SCALES[0] <= view["scale"] <= SCALES[1]


def test_it_is_readable_where_the_page_chooses_the_scale(workflow):
    sides = [max(box(node)[2 + axis] for node in workflow["nodes"]) + EDGES[axis] for axis in (0, 1)]
    *window, share = FITTED
    assert share * min(length / side for length, side in zip(window, sides, strict=True)) >= READABLE


def test_one_that_would_be_too_small_is_refused():
    graph = Graph("wide", {})
    for _ in range(12):
        graph.column(300)
        graph.note("text")
    with pytest.raises(ValueError, match="wide would open at 0.3"):
        graph.scale()


def test_one_that_a_page_would_make_too_small_is_refused():
    graph = Graph("high", {})
    graph.column(300)
    graph.gap()
    for _ in range(3):
        graph.note("text")
    with pytest.raises(ValueError, match="high would be fitted at 0.54"):
        graph.scale()


def test_nothing_stands_under_what_grows(workflow):
    """The page lengthens a sampler by its preview while it runs."""
    nodes = workflow["nodes"]
    lowest = {node["pos"][0]: node for node in sorted(nodes, key=lambda node: node["pos"][1])}
    assert all(node in lowest.values() for node in nodes if node["type"] in SAMPLERS)
