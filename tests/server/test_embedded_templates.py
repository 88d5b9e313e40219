"""The templates with the embedded model, made small, run to their end by the real server."""

import io

import pytest
from PIL import Image

from collaborative_score_distillation.dev.environment.workflow import load_workflow, to_prompt
from collaborative_score_distillation.dev.templates.embedded import TEMPLATES

pytestmark = pytest.mark.slow


def shrunk(prompt: dict) -> dict:
    """Two steps on windows of 128 pixels; all lengths halved."""
    for node in prompt.values():
        for name in ("width", "height", "window_width", "window_height", "overlap", "x", "left", "right"):
            if isinstance(node["inputs"].get(name), int):
                node["inputs"][name] //= 2
        if node["class_type"] == "CSDEditSampler":
            node["inputs"]["steps"] = 2
    return prompt


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_saves_an_edit_of_the_whole_picture(server, client, object_info, workflows, name):
    workflow = load_workflow(workflows / f"{name}.json")
    prompt = shrunk(to_prompt(workflow, object_info))
    titles = {str(node["id"]): node.get("title") for node in workflow["nodes"]}
    pictures = {titles[node]: opened(client, files[0]) for node, files in client.run(prompt).files.items()}
    size = (512, 256) if name == "large_picture" else (512, 128)
    assert pictures["Before"].size == pictures["After"].size == size
    assert pictures["Before"].tobytes() != pictures["After"].tobytes()


def opened(client, file) -> Image.Image:
    return Image.open(io.BytesIO(client.fetch(file))).convert("RGB")


def test_outside_of_the_part_nothing_changes(client, object_info, workflows):
    prompt = shrunk(to_prompt(load_workflow(workflows / "panorama_part.json"), object_info))
    run = client.run(prompt)
    shown = {prompt[node]["class_type"]: [opened(client, file) for file in files] for node, files in run.files.items()}
    (after,) = shown["SaveImage"]
    before = next(picture for picture in shown["PreviewImage"] if picture.size == after.size)
    outside = (0, 0, 96, 128)
    assert before.crop(outside).tobytes() == after.crop(outside).tobytes()
