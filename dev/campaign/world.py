"""What the links of a graph carry: small pictures with latents, prompts, layouts and correspondences that fit them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

KINDS = ("frames", "windows", "views")
MODELS = ("first", "sharp")  # of CSD Demo Model: one that predicts noise, and a rectified flow
LOOK = {"seed": 3, "look": "summer"}
SET = "set [output]"  # a view set on the disk, by the name that its saver gives it
SPLATS = "set.ply [output]"  # splats on the disk, likewise
ELSEWHERE = {"DA3_GEOMETRY", "CLIP_VISION"}  # types of links that no node gives which is always there
_PROMPTS = ("make it sunset", "")


class World:
    """Values of links by type. What is not held is made by a node of ours that gives it.

    kind     which pictures; one of KINDS
    model    which model; one of MODELS
    others   the same types, of another set of pictures
    whole    what a core sampler takes besides the model: the canvas that the windows were cut from, or the pictures
    each     for nodes that take lists, by type: a value of every single picture
    """

    def __init__(self, kind: str, model: str, values: dict, others: dict, whole: dict, each: dict):
        self.kind, self.model, self.values, self.others = kind, model, values, others
        self.whole, self.each = whole, each

    def __getitem__(self, kind: str):
        return self.values[kind]

    def __contains__(self, kind: str) -> bool:
        return kind in self.values


class Worlds:
    """The worlds of one host, of which `run` and `each` are asked. Every world is made once.

    elsewhere   values of the types `ELSEWHERE`; none where links go to a server, which would have to make them
    """

    def __init__(self, host):
        self.host = host
        self.models = {name: host.run("CSDDemoModel", model=name) for name in MODELS}
        self.of: Callable[..., World] = cache(self._made)
        self.pictures = cache(self._pictures)
        images, views = host.run("CSDDemoViews", **LOOK, count=2, width=64, height=64)
        self.elsewhere = {} if isinstance(views, list) else {"DA3_GEOMETRY": _geometry(images, views)}
        self.saved = host.run("CSDViewSetSave", images=images, views=views, name=SET.removesuffix(" [output]"))
        host.run("CSDSaveSplats", splat=self._splats(images, views), name="set")

    def _made(self, kind: str, model: str = MODELS[0]) -> World:
        other = KINDS[(KINDS.index(kind) + 1) % len(KINDS)]
        others = {name: value for name, value in self.pictures(other)[0].items() if name.startswith("CSD_")}
        values, canvas = self.pictures(kind)
        each = self._each(model, values["IMAGE"])
        values = {**values, **self.elsewhere, **self._encoded(model, values["IMAGE"])}
        return World(kind, model, values, others, self._whole(model, canvas), each)

    def holding(self, wanted: set[str]) -> list[str]:
        """The kinds of worlds that hold most of these types."""
        held = {kind: len(wanted & self.pictures(kind)[0].keys()) for kind in KINDS}
        return [kind for kind in KINDS if held[kind] == max(held.values())]

    def _pictures(self, kind: str) -> tuple[dict, Any]:
        """Values of links that need no model, and the picture that they are parts of, or they themselves."""
        made = {"frames": self._frames, "windows": self._windows, "views": self._views}[kind]()
        return made, made.pop("canvas", made["IMAGE"])

    def _frames(self) -> dict:
        host = self.host
        size = {"frames": 3, "width": 64, "height": 64, "rate": 8.0, "neighbours": 2, "anchors": 0}
        frames, rate, motion = host.run("CSDDemoClip", **LOOK, **size)
        options = {"start": 0, "stride": 1, "count": 0, "size": "source", "side": 64, "edge": "pad", "multiple": 8}
        clip = host.run("CSDVideoFrameBatch", video=frames, rate=rate, **options)[3]
        video = host.run("CreateVideo", images=frames, fps=rate)[0]
        return {"IMAGE": frames, "CSD_CORRESPONDENCE": motion, "CSD_CLIP": clip, "VIDEO": video}

    def _windows(self) -> dict:
        scene = self.host.run("CSDDemoScene", **LOOK, width=128, height=64)[0]
        size = {"window_width": 64, "window_height": 64, "overlap": 32, "wrap": "none", "multiple": 8}
        windows, layout = self.host.run("CSDParticleSplit", whole=scene, **size)
        (overlap,) = self.host.run("CSDCanvasCorrespondence", layout=layout)
        return {"IMAGE": windows, "CSD_LAYOUT": layout, "CSD_CORRESPONDENCE": overlap, "canvas": scene}

    def _views(self) -> dict:
        images, views = self.host.run("CSDDemoViews", **LOOK, count=4, width=64, height=64)
        (shared,) = self.host.run("CSDViewCorrespondence", views=views, neighbours=2)
        splat = self._splats(images, views)
        return {"IMAGE": images, "CSD_VIEWS": views, "CSD_CORRESPONDENCE": shared, "SPLAT": splat}

    def _splats(self, images, views):
        fit = {"every": 4, "degree": 1, "steps": 2, "views_per_step": 1, "rate": 0.2, "seed": 0, "most": 0}
        return self.host.run("CSDSplatsFromViews", images=images, views=views, **fit)[0]

    def _encoded(self, name: str, pictures) -> dict:
        """All that a sampler takes: a model, prompts that carry the pictures, and their latents."""
        model, clip, vae = self.models[name]
        positive, _, latent = self._conditioned(name, pictures)
        (mask,) = self.host.run("ImageToMask", image=pictures, channel="red")
        return {"MODEL": model, "CLIP": clip, "VAE": vae, "LATENT": latent, "CONDITIONING": positive, "MASK": mask}

    def _whole(self, name: str, canvas) -> dict:
        positive, negative, latent = self._conditioned(name, canvas)
        return {"positive": positive, "negative": negative, "latent_image": latent}

    def _conditioned(self, name: str, pictures) -> tuple:
        """Both prompts with the pictures, and the pictures' latents."""
        wires = self._prompts(name)
        positive, negative, _ = self.host.run("InstructPixToPixConditioning", **wires, pixels=pictures)
        return positive, negative, self.host.run("VAEEncode", pixels=pictures, vae=wires["vae"])[0]

    def _each(self, name: str, pictures) -> dict:
        prompts = self.host.each("InstructPixToPixConditioning", "pixels", pictures, **self._prompts(name))
        return {"CONDITIONING": prompts}

    def _prompts(self, name: str) -> dict:
        """What InstructPixToPixConditioning takes besides pictures."""
        _, clip, vae = self.models[name]
        positive, negative = (self.host.run("CLIPTextEncode", clip=clip, text=text)[0] for text in _PROMPTS)
        return {"positive": positive, "negative": negative, "vae": vae}


def _geometry(images, views) -> dict:
    """Views as the host's Depth Anything 3 would describe them, at a size of 56 pixels."""
    scale = torch.diag(torch.tensor([56 / views.size[1], 56 / views.size[0], 1.0]))
    return {
        "image": images,
        "depth": views.depth,
        "confidence": 1 + images[..., 0],
        "mode": "multiview",
        "extrinsics": torch.linalg.inv(views.cameras.camera_to_world)[None, :, :3],
        "intrinsics": (scale @ views.cameras.intrinsics)[None],
    }
