"""The templates of real models, run to their end by the host's own executor with tiny models in the loaders' places."""

import shutil

import pytest

from collaborative_score_distillation.dev.environment.workflow import load_workflow, to_prompt
from collaborative_score_distillation.dev.templates.families import FAMILIES
from collaborative_score_distillation.dev.templates.write import built, templates

from .. import view_sets
from ..executor import executed, loader_of
from .models import of_the_pinned_host
from .whole import whole

LOADERS = {
    "CheckpointLoaderSimple": ("MODEL", "CLIP", "VAE"),
    "UNETLoader": ("MODEL",),
    "CLIPLoader": ("CLIP",),
    "DualCLIPLoader": ("CLIP",),
    "VAELoader": ("VAE",),
}
ENDS = ("SaveImage", "SaveVideo", "SaveAnimatedWEBP", "CSDSaveSplats", "CSDViewSetSave")
FRAMES = 2
NAMES = [name for name, _, _ in templates()]


def family(name: str) -> str:
    """The family that a template is for: the end of its name."""
    return max((known for known in FAMILIES if name.endswith(f"_{known}")), key=len)


@pytest.fixture(scope="module")
def object_info(host):
    """What /object_info answers."""
    described = {}
    for name, node in host.nodes.NODE_CLASS_MAPPINGS.items():
        if hasattr(node, "GET_NODE_INFO_V1"):
            described[name] = node.GET_NODE_INFO_V1()
            continue
        inputs = node.INPUT_TYPES()
        order = {section: list(entries) for section, entries in inputs.items()}
        names = list(getattr(node, "RETURN_NAMES", node.RETURN_TYPES))
        described[name] = {"name": name, "input": inputs, "input_order": order, "output": list(node.RETURN_TYPES)}
        described[name] |= {"output_name": names, "python_module": getattr(node, "RELATIVE_PYTHON_MODULE", "nodes")}
    return described


@pytest.fixture(scope="module")
def tiny(host, comfy):
    """(MODEL, CLIP, VAE) of a family by its name in the templates."""
    return lambda name: whole(host, comfy, name)


def shrunk(prompt: dict) -> dict:
    """The prompt with loaders exchanged, a picture of 128 x 64 pixels, two windows, and two steps."""
    for node in prompt.values():
        kind, inputs = node["class_type"], node["inputs"]
        if kind in LOADERS:
            node.update(class_type=f"Tiny{kind}", inputs={})
        elif kind == "LoadImage":
            painted = {"seed": 1, "look": "summer", "width": 128, "height": 64}
            node.update(class_type="CSDDemoScene", inputs=painted)
        elif kind == "CSDParticleSplit":
            inputs.update(window_width=64, window_height=64, overlap=0)
        elif kind == "CSDRenderSplats" and inputs["frames"]:
            inputs.update(frames=FRAMES)
        elif kind == "CSDViewSetLoad":
            inputs.update(folder="capture")
        elif kind == "CSDSplatsFromViews":
            inputs.update(every=4, steps=2)
        elif kind == "CSDTextToSplats":
            inputs.update(steps=2, views_per_step=2, side=64, splats=60, most=0, approach=2)
        elif kind == "CSDEditSplats":
            inputs.update(steps=2, rounds=2, fit_steps=2)
        elif kind == "CSDEditSampler":
            inputs.update(steps=2)
    return prompt


def with_clip(prompt: dict) -> dict:
    """The prompt with a painted clip for the video."""
    loaded = next(id for id, node in prompt.items() if node["class_type"] == "LoadVideo")
    painted = {"seed": 1, "look": "summer", "frames": FRAMES, "width": 64, "height": 64, "rate": 8.0}
    prompt["painted"] = {"class_type": "CSDDemoClip", "inputs": {**painted, "neighbours": 1, "anchors": 0}}
    prompt[loaded] = {"class_type": "CreateVideo", "inputs": {"images": ["painted", 0], "fps": 8.0}}
    frames = next(node for node in prompt.values() if node["class_type"] == "CSDVideoFrameBatch")
    frames["inputs"].update(side=64, count=FRAMES)
    return prompt


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_to_its_end(host, tiny, object_info, workflows, monkeypatch, name):
    prompt = to_prompt(load_workflow(workflows / f"{name}.json"), object_info)
    made = tiny(family(name))
    for kind, gives in LOADERS.items():
        monkeypatch.setitem(host.nodes.NODE_CLASS_MAPPINGS, f"Tiny{kind}", loader_of(gives, made))
    prompt = with_clip(shrunk(prompt)) if name.startswith("video") else shrunk(prompt)
    done = executed(prompt, [id for id, node in prompt.items() if node["class_type"] in ENDS])
    assert not done.errors, {key: done.errors[0][key] for key in ("node_type", "exception_message", "traceback")}
    assert any(event == "executed" and "images" in (data["output"] or {}) for event, data in done.sent)


@pytest.fixture(autouse=True)
def capture(host):
    """Photographs with cameras and depth, in the folder that the templates of scenes load."""
    described = view_sets.described(FRAMES)
    yield view_sets.write(host.base / "input" / "capture", described)
    shutil.rmtree(host.base / "input" / "capture")


@of_the_pinned_host
def test_the_files_are_what_the_code_makes(object_info, workflows):
    made = built(object_info)
    assert {name: load_workflow(workflows / f"{name}.json") for name in made} == made
