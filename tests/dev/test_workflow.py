"""Widgets by name and the conversion, on workflows of core nodes that the page saved or could have saved."""

import copy

import pytest

from collaborative_score_distillation.dev.environment.workflow import WorkflowError, find_node, set_widgets, to_prompt


def node(id, type, widgets, inputs=(), outputs=(), **more):
    return {"id": id, "type": type, "widgets_values": widgets, "inputs": list(inputs), "outputs": list(outputs), **more}


@pytest.fixture
def workflow():
    """EmptyLatentImage -> KSampler -> SaveLatent, the sampler titled, and a note."""
    return {
        "nodes": [
            node(1, "EmptyLatentImage", [64, 64, 1], outputs=[{"name": "LATENT", "type": "LATENT", "links": [1]}]),
            node(
                2,
                "KSampler",
                [7, "randomize", 20, 8.0, "euler", "normal", 1.0],
                inputs=[{"name": "latent_image", "type": "LATENT", "link": 1}],
                outputs=[{"name": "LATENT", "type": "LATENT", "links": [2]}],
                title="The sampler",
            ),
            node(3, "SaveLatent", ["saved"], inputs=[{"name": "samples", "type": "LATENT", "link": 2}]),
            node(4, "MarkdownNote", ["text"]),
        ],
        "links": [[1, 1, 0, 2, 0, "LATENT"], [2, 2, 0, 3, 0, "LATENT"]],
    }


def test_conversion(workflow, object_info):
    prompt = to_prompt(workflow, object_info)
    assert sorted(prompt) == ["1", "2", "3"]
    assert prompt["2"]["inputs"] == {
        "seed": 7,
        "steps": 20,
        "cfg": 8.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
        "latent_image": ["1", 0],
    }


def test_widgets_after_a_seed_are_set_in_a_copy(workflow, object_info):
    before = copy.deepcopy(workflow)
    changed = set_widgets(workflow, {"The sampler": {"seed": 1, "steps": 3}, "SaveLatent": {"filename_prefix": "x"}},
                          object_info)
    assert workflow == before
    assert find_node(changed, "KSampler")["widgets_values"] == [1, "randomize", 3, 8.0, "euler", "normal", 1.0]
    assert to_prompt(changed, object_info)["3"]["inputs"]["filename_prefix"] == "x"


def test_muted_nodes_are_left_out(workflow, object_info):
    workflow["nodes"][2]["mode"] = 2
    assert sorted(to_prompt(workflow, object_info)) == ["1", "2"]


def test_unknown_node(workflow, object_info):
    workflow["nodes"][0]["type"] = "NoSuchNode"
    with pytest.raises(WorkflowError, match="NoSuchNode"):
        to_prompt(workflow, object_info)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Nobody": {}}, "No node has the title or type 'Nobody'; the workflow has .*The sampler"),
        ({"KSampler": {"speed": 1}}, "KSampler has no widget 'speed'; it has .*'denoise'"),
    ],
)
def test_what_is_not_there_is_named(workflow, object_info, values, message):
    with pytest.raises(WorkflowError, match=message):
        set_widgets(workflow, values, object_info)


def test_two_of_a_type_need_titles(workflow):
    workflow["nodes"].append(node(5, "SaveLatent", ["other"]))
    with pytest.raises(WorkflowError, match="2 nodes have the type 'SaveLatent'"):
        find_node(workflow, "SaveLatent")


def test_a_linked_widget_is_not_overwritten(workflow, object_info):
    workflow["nodes"][1]["inputs"].append({"name": "steps", "type": "INT", "link": 9, "widget": {"name": "steps"}})
    with pytest.raises(WorkflowError, match="through a link"):
        set_widgets(workflow, {"KSampler": {"steps": 3}}, object_info)
