"""Prompts of single images, as the host makes them from a list of images, joined to the prompt of the set."""

import torch
from safetensors import safe_open

STEPS = 2


def prompt(name: str, each: bool) -> dict:
    """A small edit whose prompts get the source images one after the other (`each`), or the windows in one batch."""
    split = {"window_width": 128, "window_height": 128, "overlap": 64, "wrap": "none", "multiple": 8}
    numbers = {"seed": 3, "steps": STEPS, "step_size": 1.0, "guidance": 3.0, "image_guidance": 1.0}
    ranges = {"noise_low": 0.1, "noise_high": 0.5, "particles_per_step": 0, "particles_at_once": 4}
    wires = {"model": ["1", 0], "latent": ["8", 0], "layout": ["3", 1], "state": ["9", 0]}
    texts = {"positive": ["4", 0], "negative": ["5", 0], "vae": ["1", 2]}
    joined = {"positive": ["10", 0], "negative": ["11", 0]} if each else {"positive": ["7", 0], "negative": ["7", 1]}
    nodes = {
        "1": ("CSDDemoModel", {}),
        "2": ("CSDDemoScene", {"seed": 1, "look": "summer", "width": 256, "height": 128}),
        "3": ("CSDParticleSplit", {"whole": ["2", 0], **split}),
        "4": ("CLIPTextEncode", {"clip": ["1", 1], "text": "make it winter"}),
        "5": ("CLIPTextEncode", {"clip": ["1", 1], "text": ""}),
        "6": ("RebatchImages", {"images": ["3", 0], "batch_size": 1}),
        "7": ("InstructPixToPixConditioning", {**texts, "pixels": ["6", 0] if each else ["3", 0]}),
        "8": ("VAEEncode", {"vae": ["1", 2], "pixels": ["3", 0]}),
        "9": ("CSDStateFile", {"name": name, "every": 100, "resume": False}),
        "10": ("CSDPromptOfEach", {"prompts": ["7", 0]}),
        "11": ("CSDPromptOfEach", {"prompts": ["7", 1]}),
        "12": ("CSDEditSampler", {**wires, **joined, **numbers, **ranges}),
        "13": ("PreviewImage", {"images": ["12", 1]}),
    }
    return {key: {"class_type": kind, "inputs": inputs} for key, (kind, inputs) in nodes.items()}


def test_joined_prompts_are_those_of_the_batch(server, client):
    edits = []
    for name, each in (("each", True), ("together", False)):
        assert client.run(prompt(name, each)).outcome == "success"
        with safe_open(server.output / "csd_states" / f"{name}.safetensors", "pt") as file:
            edits.append(file.get_tensor("theta").clone())
    assert torch.allclose(*edits, atol=1e-4)
