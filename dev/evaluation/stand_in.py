"""The demo model and its painted pictures in place of a workflow's checkpoint and files, to run it without them."""

from __future__ import annotations

import copy

FRAMES, VIEWS, RATE = 24, 8, 12.0
SCENE = {"seed": 77, "look": "summer"}
FRAME = {"width": 192, "height": 128}
PANORAMA = {"width": 480, "height": 128}  # a quarter of the paper's: twelve windows with an overlap of three quarters
WINDOW = {"window_width": 128, "window_height": 128, "overlap": 96}


def on_demo_model(prompt: dict) -> dict:
    """A copy of an API prompt whose loaders are exchanged, with windows of the demo model's size."""
    made = {id: node for id, node in copy.deepcopy(prompt).items() if node["class_type"] != "PreviewImage"}
    for id, node in list(made.items()):
        if node["class_type"] in STAND_INS:
            made |= STAND_INS[node["class_type"]](id)
        elif node["class_type"] == "CSDParticleSplit":
            node["inputs"] |= WINDOW
    return made


def _node(kind: str, **inputs) -> dict:
    return {"class_type": kind, "inputs": inputs}


def _video(id: str) -> dict:
    painter = f"painter of {id}"
    clip = _node("CSDDemoClip", **SCENE, **FRAME, frames=FRAMES, rate=RATE, neighbours=1, anchors=0)
    return {painter: clip, id: _node("CreateVideo", images=[painter, 0], fps=RATE)}


STAND_INS = {
    "CheckpointLoaderSimple": lambda id: {id: _node("CSDDemoModel")},
    "LoadImage": lambda id: {id: _node("CSDDemoScene", **SCENE, **PANORAMA)},
    "LoadVideo": _video,
    "CSDViewSetLoad": lambda id: {id: _node("CSDDemoViews", **SCENE, **FRAME, count=VIEWS)},
}
