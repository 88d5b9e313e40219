"""Every shipped workflow opens whole in the real page and means there what our conversion makes of it."""

import pytest

from collaborative_score_distillation.dev.environment.env import EXTENSION, ROOT
from collaborative_score_distillation.dev.environment.workflow import (
    load_workflow,
    set_widgets,
    to_prompt,
    widget_names,
)

pytestmark = pytest.mark.browser
WORKFLOWS = sorted((ROOT / "workflows").glob("*.json"))
MODEL_FILES = {"ckpt_name", "unet_name", "clip_name", "clip_name1", "clip_name2", "vae_name"}
FROM_THE_USER = {*MODEL_FILES, "image", "file", "folder"}


@pytest.fixture(scope="module", params=WORKFLOWS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(scope="module")
def workflow(path):
    return load_workflow(path)


@pytest.fixture(scope="module")
def opened(frontend, path, artifacts):
    frontend.open_template(path.stem)
    frontend.screenshot(artifacts / f"{path.stem}.png")
    return frontend


def test_no_node_is_missing(opened, workflow):
    present = {(node["id"], node["type"]) for node in opened.graph()["nodes"]}
    assert present == {(node["id"], node["type"]) for node in workflow["nodes"]}
    assert opened.unregistered() == []


def test_no_link_is_broken(opened, workflow):
    assert named_links(opened.graph()) == named_links(workflow)
    assert opened.misfits() == []


def named_links(graph):
    """Links by the names of their slots: the page lists sockets before widgets, whatever order the file has."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    return {
        (id, source, nodes[source]["outputs"][output]["name"], target, nodes[target]["inputs"][slot]["name"], kind)
        for id, source, output, target, slot, kind in graph["links"]
    }


def test_links_have_the_hosts_types(workflow, object_info):
    """The page takes a link's type from the file; the nodes themselves must agree with it."""
    nodes = {node["id"]: node for node in workflow["nodes"]}
    for id, source, output, target, slot, kind in workflow["links"]:
        given = object_info[nodes[source]["type"]]["output"][output]
        name = nodes[target]["inputs"][slot]["name"]
        assert overlap(given, kind) and overlap(kind, declared(object_info[nodes[target]["type"]], name)), id


def declared(schema, name):
    kind = next(section[name][0] for section in schema["input"].values() if name in section)
    return "COMBO" if isinstance(kind, list) else kind


def overlap(one, other):
    """Types may be lists, as in "IMAGE,LATENT,MASK"; a star goes with everything."""
    return "*" in (one, other) or bool(set(one.split(",")) & set(other.split(",")))


def test_opens_without_complaint(opened, workflow):
    """The one thing allowed is the offer to download a model that the workflow names."""
    assert opened.alerts() == []
    models = [model for node in workflow["nodes"] for model in node.get("properties", {}).get("models", [])]
    offers = opened.offers()
    assert len(offers) == bool(models)
    for model in models:
        assert model["directory"] in offers[0] and model["name"] in offers[0]
        assert "Download" in offers[0]


def test_opens_in_view(opened):
    assert opened.outside_view() == []


def test_conversion_is_the_pages_own(opened, workflow, object_info):
    """Titles aside: pages name nodes that the file does not name, and not all alike."""
    ours, pages = to_prompt(workflow, object_info), opened.prompt()
    assert {id: node["class_type"] for id, node in ours.items()} == {id: n["class_type"] for id, n in pages.items()}
    for id, node in pages.items():
        inputs, schema = ours[id]["inputs"], object_info[node["class_type"]]
        assert {name: node["inputs"].get(name) for name in inputs} == inputs
        assert set(node["inputs"]) - set(inputs) <= newer(schema), node["class_type"]


def newer(schema):
    """What a file from an older host may leave out: optional inputs of the core's nodes."""
    return set() if schema["python_module"].startswith("custom_nodes") else set(schema["input"].get("optional", {}))


def test_widgets_are_kept(opened, workflow):
    """A widget that the page moves or resets shows that the file was made for another version of a node.

    Nodes of the core may have got more widgets since; ours are as the file has them.
    """
    expected = {node["id"]: list(node.get("widgets_values", [])) for node in workflow["nodes"]}
    for node in opened.graph()["nodes"]:
        values, own = list(node.get("widgets_values", [])), node["properties"].get("cnr_id") == EXTENSION
        assert values[: None if own else len(expected[node["id"]])] == expected[node["id"]], node["type"]


def test_host_takes_it(workflow, object_info, client):
    """All that the host may ask for is what only the user has: a checkpoint, a picture, a video, a view set."""
    reply = client.post("/prompt", json={"prompt": to_prompt(workflow, object_info), "client_id": client.id})
    client.post("/queue", json={"clear": True})
    client.interrupt()
    reports = reply.json().get("node_errors", {}).values()
    missing = {error["extra_info"].get("input_name") for report in reports for error in report["errors"]}
    assert missing <= FROM_THE_USER, reply.text


def test_every_widget_can_be_set(workflow, object_info):
    """`make demo` changes widgets by name: each name must reach the input of that name."""
    for node in workflow["nodes"]:
        linked = {entry["name"] for entry in node.get("inputs", []) if entry.get("link") is not None}
        names = widget_names(object_info.get(node["type"], {"input": {}}))
        for widget, _ in zip(names, node.get("widgets_values", []), strict=False):  # newer nodes may have more
            if widget and widget not in linked:
                check_widget(workflow, node, widget, object_info)


def check_widget(workflow, node, widget, object_info):
    titled = {**workflow, "nodes": [dict(n, title=str(n["id"])) for n in workflow["nodes"]]}
    changed = set_widgets(titled, {str(node["id"]): {widget: 12345}}, object_info)
    assert to_prompt(changed, object_info)[str(node["id"])]["inputs"][widget] == 12345
    assert to_prompt(titled, object_info)[str(node["id"])]["inputs"][widget] != 12345
