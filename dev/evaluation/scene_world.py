"""A painted scene in the host: as views, as splats, and painted in the look of an edit; and edits of it by nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...csd.geometry import Cameras
from ...demo.instructions import INSTRUCTIONS
from ...demo.painter import SOURCE
from ...demo.painter.diorama import paint_views
from ...demo.settings import SHARP_EDIT
from ...demo.views import true_views
from ..environment.in_process import InProcessHost

VIEWS, HEIGHT, WIDTH = 8, 128, 192
MAKE = {"every": 2, "degree": 0, "steps": 96, "views_per_step": 1, "rate": 0.2, "seed": 0, "most": 0}
FIT = {"what": "colours", "steps": 96, "views_per_step": 1, "rate": 0.2, "seed": 0}
EDITS: dict[str, dict[str, Any]] = {
    "first": {
        **{"steps": 12, "step_size": 1.0, "guidance": 2.0, "image_guidance": 1.0},
        **{"noise_low": 0.02, "noise_high": 0.3},
    },
    "sharp": dict(SHARP_EDIT),
}
ALWAYS = {"seed": 0, "particles_per_step": 0, "particles_at_once": 8}
VELOCITY = {
    **{"freedom": 0.0, "rising": False, "source": "image", "source_guidance": 1.0, "anchor": 0.0},
    "along_levels": True,
}
KERNEL = {"bandwidth": "median", "fixed_bandwidth": 1000.0, "normalization": "row", "repulsion": 0.0}
TONES = {"strength": 1.0, "spread": 0.15, "block": 1}


class World:
    """A diorama seen from an arc of cameras. Every second view is fitted and edited, the others are held out.

    pictures, truth   [2 VIEWS - 1, H, W, 3] painted before and after the edit
    seen, held_out    which of them are edited, and which only judge
    views, others     cameras and depth of these two parts
    splat             the scene, fitted to the pictures seen; `made` says how near it comes
    shared            where the views seen show the same place
    """

    def __init__(self, host: InProcessHost, seed: int, look: str, model: str = "sharp"):
        self.host, self.look, self.settings = host, look, {**ALWAYS, **EDITS[model]}
        pictures, diorama = paint_views(seed, SOURCE, 2 * VIEWS - 1, HEIGHT, WIDTH)
        painted = paint_views(seed, look, 2 * VIEWS - 1, HEIGHT, WIDTH)[0]
        cameras, depth = true_views(diorama)
        self.pictures, self.truth = torch.from_numpy(pictures), torch.from_numpy(painted)
        self.seen, self.held_out = slice(0, None, 2), slice(1, None, 2)
        self.views, self.others = (self._views(cameras, depth, part) for part in (self.seen, self.held_out))
        seen = self.pictures[self.seen]
        self.splat, self.made = self.run("CSDSplatsFromViews", images=seen, views=self.views, **MAKE)
        self.model, self.clip, self.vae = self.run("CSDDemoModel", model=model)
        self.choice = {"baseline": self.run("CSDVelocity", **VELOCITY)[0]} if model == "sharp" else {}
        (self.shared,) = self.run("CSDViewCorrespondence", views=self.views, neighbours=0)

    def run(self, node: str, **inputs) -> tuple:
        return self.host.run(node, **inputs)

    def _counted(self, node: str, **inputs) -> tuple[Any, int]:
        """The first output of a node, and the evaluations of the model that it took."""
        with torch.inference_mode():
            output = self.host.node(node).execute(**inputs)
        return output.args[0], output.ui["csd"][0]["evaluations"]

    def _views(self, cameras: Cameras, depth: Tensor, part: slice):
        """Views of the class that the host has imported."""
        poses, lenses = cameras.camera_to_world[part], cameras.intrinsics[part]
        cameras = self.host.module("csd.geometry").Cameras(lenses, poses, cameras.size)
        names = tuple(f"view_{number}" for number in range(len(poses)))
        return self.host.module("media.view_set").Views(cameras, depth[part], None, names)

    def _prompts(self, pictures: Tensor) -> dict:
        """The instruction, and none, for the pictures that are edited."""
        words = INSTRUCTIONS[self.look][0], ""
        positive, negative = (self.run("CLIPTextEncode", clip=self.clip, text=text)[0] for text in words)
        wires = {"positive": positive, "negative": negative, "vae": self.vae, "pixels": pictures}
        positive, negative, _ = self.run("InstructPixToPixConditioning", **wires)
        return {"positive": positive, "negative": negative}

    def _stages(self, kernel: str, field: str, along: Any, tones: bool) -> dict:
        """The wires of a sampler for a coupling and a noise field, along a correspondence where there is one."""
        wires = {} if along is None else {"correspondence": along}
        (coupling,) = self.run("CSDKernel", kernel=kernel, **KERNEL, **wires)
        if tones:
            (coupling,) = self.run("CSDTones", **TONES, coupling=coupling)
        (noise,) = self.run("CSDNoiseField", field=field, **wires)
        return {"coupling": coupling, "noise": noise, **self.choice}

    def render(self, splat, views, frames: int = 0) -> Tensor:
        return self.run("CSDRenderSplats", splat=splat, views=views, frames=frames, background=0.0)[0]

    def fitted(self, images: Tensor, shown: Tensor | None = None):
        """The scene fitted to pictures of the views; where `shown` [N, H, W] is zero they do not count."""
        views = self.views if shown is None else replace(self.views, masks=shown)
        return self.run("CSDFitSplats", splat=self.splat, images=images, views=views, **FIT)[0]

    def edited_views(
        self, pictures: Tensor, kernel="independent", field="independent", along=None, tones=False
    ) -> tuple[Tensor, int]:
        """Pictures edited by CSD Edit Sampler, and its evaluations."""
        (latent,) = self.run("VAEEncode", pixels=pictures, vae=self.vae)
        inputs = {"model": self.model, "latent": latent, **self._prompts(pictures), **self.settings}
        latent, evaluations = self._counted("CSDEditSampler", **inputs, **self._stages(kernel, field, along, tones))
        return self.run("VAEDecode", samples=latent, vae=self.vae)[0], evaluations

    def edited_scene(self, kernel: str, field: str, along=None, tones=False, rounds=1, fit_steps=96) -> tuple[Any, int]:
        """The scene after CSD Edit Splats, and its evaluations."""
        prompts = self._prompts(self.render(self.splat, self.views))
        wires = {"model": self.model, "vae": self.vae, "splat": self.splat, "views": self.views, **prompts}
        rounds_of = {"rounds": rounds, "fit_steps": fit_steps, "rate": FIT["rate"], "what": FIT["what"]}
        stages = self._stages(kernel, field, along, tones)
        return self._counted("CSDEditSplats", **wires, **self.settings, **rounds_of, **stages)
