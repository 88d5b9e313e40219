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


@pytest.fixture
def pictures(client, object_info, workflows):
    """The pictures that a template made small shows or saves, by the titles of their nodes."""

    def run(name: str) -> dict[str, Image.Image]:
        workflow = load_workflow(workflows / f"{name}.json")
        titles = {str(node["id"]): node.get("title") for node in workflow["nodes"]}
        files = client.run(shrunk(to_prompt(workflow, object_info))).files
        return {titles[node]: opened(client, found[0]) for node, found in files.items()}

    return run


def opened(client, file) -> Image.Image:
    return Image.open(io.BytesIO(client.fetch(file))).convert("RGB")


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_saves_an_edit_of_the_whole_picture(pictures, name):
    shown = pictures(name)
    before, after = shown["Before"], shown["After"]
    assert before.size == after.size == ((512, 256) if name == "large_picture" else (512, 128))
    assert before.tobytes() != after.tobytes()


def test_outside_of_the_part_nothing_changes(pictures):
    shown, outside = pictures("panorama_part"), (0, 0, 96, 128)
    assert shown["Before"].crop(outside).tobytes() == shown["After"].crop(outside).tobytes()
