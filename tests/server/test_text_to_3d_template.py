"""The template that makes an object from a text, made small, run to its end by the real server."""

import io

import pytest
from PIL import Image

from collaborative_score_distillation.dev.environment.workflow import load_workflow, to_prompt
from collaborative_score_distillation.dev.templates.text_to_3d import FRAMES, SHOWN_SIDE, TURN, VIEWS

pytestmark = pytest.mark.slow
FEW = {"steps": 2, "approach": 2, "draws": 1, "views_per_step": 2, "side": 48, "splats": 60, "most": 0}


@pytest.fixture(scope="module")
def run(client, object_info, workflows):
    """The files of the template, by the titles of its nodes, and how each is fetched."""
    workflow = load_workflow(workflows / "text_to_3d.json")
    prompt = to_prompt(workflow, object_info)
    for node in prompt.values():
        if node["class_type"] == "CSDTextToSplats":
            node["inputs"] |= FEW
    titles = {str(node["id"]): node.get("title") or node["type"] for node in workflow["nodes"]}
    outputs = client.run(prompt).history["outputs"]
    return {titles[node]: output for node, output in outputs.items()}


def opened(client, file) -> Image.Image:
    return Image.open(io.BytesIO(client.fetch(file)))


def test_a_turning_picture_comes_out(client, run):
    turn = opened(client, run[TURN]["images"][0])
    assert turn.n_frames == FRAMES and turn.size == (SHOWN_SIDE, SHOWN_SIDE)


def test_views_from_all_sides_end_where_they_began(client, run):
    views = [opened(client, file).convert("RGB") for file in run[VIEWS]["images"]]
    assert len(views) == 13 and views[0].size == (48, 48)
    assert views[0].tobytes() == views[-1].tobytes() != views[6].tobytes()


def test_the_object_is_saved_as_a_file(client, run):
    file = run["CSDSaveSplats"]["3d"][0]
    assert file["filename"].startswith("text_to_3d") and client.fetch(file)[:3] == b"ply"
