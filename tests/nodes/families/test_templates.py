"""The templates of real models, run to their end by the host's own executor with tiny models in the loaders' places."""

import importlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from collaborative_score_distillation.dev.environment.workflow import load_workflow, to_prompt
from collaborative_score_distillation.dev.templates.write import built, templates

from ..conftest import WIDTH, fill
from .models import FAMILIES, video_vae, vision_clip

POOLED = {"adm_in_channels": WIDTH + 6 * 256}  # of SDXL: the pooled text, and six sizes and places
TINY = {
    "qwen_image_edit": ("Qwen-Image-Edit", {}),
    "flux_kontext": ("Flux Kontext", {}),
    "sdxl": ("SDXL", POOLED),
    "sd35": ("SD 3", {}),
    "cosxl_edit": ("CosXL Edit", POOLED),
    "z_image": ("Z-Image", {}),
}
LOADERS = {
    "CheckpointLoaderSimple": ("MODEL", "CLIP", "VAE"),
    "UNETLoader": ("MODEL",),
    "CLIPLoader": ("CLIP",),
    "DualCLIPLoader": ("CLIP",),
    "VAELoader": ("VAE",),
}
FRAMES = 2
NAMES = [name for name, _, _ in templates()]


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


def small_clip(comfy):
    """The host's SD 1.5 text encoder with prompts of width 16."""
    encoders, base = (importlib.import_module(f"comfy.{name}") for name in ("sd1_clip", "supported_models_base"))
    sizes = {"hidden_size": WIDTH, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2}
    sizes |= {"hidden_act": "quick_gelu", "max_position_embeddings": 77, "eos_token_id": 49407}
    target = base.ClipTarget(encoders.SD1Tokenizer, encoders.SD1ClipModel)
    options = {"clip_l_model_config": sizes, "dtype": torch.float32}
    clip = importlib.import_module("comfy.sd").CLIP(target, model_options=options)
    fill(clip.cond_stage_model, 0)
    return clip


@pytest.fixture(scope="module")
def tiny(host, comfy):
    """(MODEL, CLIP, VAE) of a family by its name in the templates."""

    def make(name: str) -> dict:
        title, changes = TINY[name]
        family = FAMILIES[title]
        if title == "Qwen-Image-Edit":
            clip, vae = vision_clip(comfy), video_vae()
        else:
            clip = small_clip(comfy)
            vae = host.run("CSDDemoModel", model="first" if family.channels == 4 else "sharp")[2]
        return {"MODEL": family.model(comfy, **changes), "CLIP": clip, "VAE": vae}

    return make


def loader_of(kinds: tuple[str, ...], made: dict) -> type:
    """A node of the host that gives what was made, in the place of a loader."""
    body = {"RETURN_TYPES": kinds, "FUNCTION": "load", "CATEGORY": "test"}
    body["INPUT_TYPES"] = classmethod(lambda cls: {"required": {}})
    body["load"] = lambda self: tuple(made[kind] for kind in kinds)
    return type("Tiny", (), body)


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


class Messages:
    """The part of the host's server that its executor talks to."""

    def __init__(self):
        self.client_id, self.last_node_id, self.last_prompt_id, self.sent = "test", None, None, []

    def send_sync(self, event, data, sid=None):
        self.sent.append((event, data))


def executed(prompt: dict) -> Messages:
    execution = importlib.import_module("execution")
    ends = [id for id, node in prompt.items() if node["class_type"] in ("SaveImage", "SaveVideo")]
    messages = Messages()
    executor = execution.PromptExecutor(messages, cache_args={"lru": 0, "ram": 0})
    with ThreadPoolExecutor(1) as thread:  # as in the host; the browser tests leave an event loop in this one
        thread.submit(executor.execute, prompt, "test", {"client_id": messages.client_id}, ends).result()
    return messages


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_to_its_end(host, tiny, object_info, workflows, monkeypatch, name):
    prompt = to_prompt(load_workflow(workflows / f"{name}.json"), object_info)
    made = tiny(name.split("_edit_")[1])
    for kind, gives in LOADERS.items():
        monkeypatch.setitem(host.nodes.NODE_CLASS_MAPPINGS, f"Tiny{kind}", loader_of(gives, made))
    prompt = shrunk(prompt) if name.startswith("panorama") else with_clip(shrunk(prompt))
    sent = executed(prompt).sent
    failed = [data for event, data in sent if event == "execution_error"]
    assert not failed, {key: failed[0][key] for key in ("node_type", "exception_message", "traceback")}
    assert any(event == "executed" and "images" in (data["output"] or {}) for event, data in sent)


def test_the_files_are_what_the_code_makes(object_info, workflows):
    made = built(object_info)
    assert {name: load_workflow(workflows / f"{name}.json") for name in made} == made
