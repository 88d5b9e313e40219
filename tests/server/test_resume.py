"""A run that is cancelled from outside is taken up again by the same prompt, and ends as if nothing had happened."""

import pytest
import torch
from safetensors import safe_open

pytestmark = pytest.mark.slow
STEPS = 8


def prompt(name):
    """A small edit with the demo model that keeps its states under `name`."""
    split = {"window_width": 128, "window_height": 128, "overlap": 64, "wrap": "none", "multiple": 8}
    numbers = {"seed": 3, "steps": STEPS, "step_size": 2.0, "guidance": 3.0, "image_guidance": 1.5}
    ranges = {"noise_low": 0.02, "noise_high": 0.5, "particles_per_step": 2, "particles_at_once": 2}
    wires = {"model": ["1", 0], "positive": ["6", 0], "negative": ["6", 1], "latent": ["7", 0], "layout": ["3", 1]}
    pixels = {"vae": ["1", 2], "pixels": ["3", 0]}
    nodes = {
        "1": ("CSDDemoModel", {}),
        "2": ("CSDDemoScene", {"seed": 1, "look": "summer", "width": 256, "height": 128}),
        "3": ("CSDParticleSplit", {"whole": ["2", 0], **split}),
        "4": ("CLIPTextEncode", {"clip": ["1", 1], "text": "make it winter"}),
        "5": ("CLIPTextEncode", {"clip": ["1", 1], "text": ""}),
        "6": ("InstructPixToPixConditioning", {"positive": ["4", 0], "negative": ["5", 0], **pixels}),
        "7": ("VAEEncode", pixels),
        "8": ("CSDStateFile", {"name": name, "every": 100, "resume": True}),
        "9": ("CSDEditSampler", {**wires, **numbers, **ranges, "state": ["8", 0]}),
        "10": ("PreviewImage", {"images": ["9", 1]}),
    }
    return {key: {"class_type": kind, "inputs": inputs} for key, (kind, inputs) in nodes.items()}


def state(server, name):
    """Step and latents in the state file `name`."""
    with safe_open(server.output / "csd_states" / f"{name}.safetensors", "pt") as file:
        return int(file.metadata()["step"]), file.get_tensor("theta").clone()


def test_cancelled_and_taken_up_again(server, client):
    previews = []

    def cancel(event):
        previews.extend([event] if event.type == "preview" else [])
        if len(previews) == 2:
            client.interrupt()
            previews.append(None)

    assert client.run(prompt("straight")).outcome == "success"
    cancelled = client.run(prompt("parts"), watch=cancel)
    assert len(cancelled.of("execution_interrupted")) == 1
    stopped, _ = state(server, "parts")
    assert 0 < stopped < STEPS
    assert client.run(prompt("parts")).outcome == "success"
    (last, theta), (_, straight) = state(server, "parts"), state(server, "straight")
    assert last == STEPS and torch.equal(theta, straight)
