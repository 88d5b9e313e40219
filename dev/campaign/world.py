"""What the links of a graph carry: small pictures with latents, prompts, layouts and correspondences that fit them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

KINDS = ("frames", "windows", "views")
LOOK = {"seed": 3, "look": "summer"}
SET = "set [output]"  # a view set on the disk, by the name that its saver gives it
_PROMPTS = ("make it sunset", "")


class World:
    """Values of links by type. What is not held is made by a node of ours that gives it (`make`).

    others   the same types, of another set of pictures
    """

    def __init__(self, host, kind: str, values: dict, others: dict):
        self.host, self.kind, self.values, self.others = host, kind, values, others

    def __getitem__(self, kind: str):
        return self.values[kind]

    def __contains__(self, kind: str) -> bool:
        return kind in self.values


class Worlds:
    """The worlds of one host; each is made once."""

    def __init__(self, host):
        self.host = host
        self.model, self.clip, self.vae = host.run("CSDDemoModel")
        self.of: Callable[[str], World] = cache(self._made)
        images, views = host.run("CSDDemoViews", **LOOK, count=2, width=64, height=64)
        host.run("CSDViewSetSave", images=images, views=views, name=SET.removesuffix(" [output]"))

    def _made(self, kind: str) -> World:
        other = KINDS[(KINDS.index(kind) + 1) % len(KINDS)]
        theirs = getattr(self, f"_{other}")()
        ours = getattr(self, f"_{kind}")()
        others = {name: value for name, value in theirs.items() if name.startswith("CSD_")}
        return World(self.host, kind, self._with_latents(ours), others)

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
        return {"IMAGE": windows, "CSD_LAYOUT": layout, "CSD_CORRESPONDENCE": overlap}

    def _views(self) -> dict:
        images, views = self.host.run("CSDDemoViews", **LOOK, count=4, width=64, height=64)
        (shared,) = self.host.run("CSDViewCorrespondence", views=views, neighbours=2)
        return {"IMAGE": images, "CSD_VIEWS": views, "CSD_CORRESPONDENCE": shared}

    def _with_latents(self, values: dict) -> dict:
        """With all that a sampler takes: prompts that carry the pictures, and their latents."""
        pictures = values["IMAGE"]
        prompts = [self.host.run("CLIPTextEncode", clip=self.clip, text=text)[0] for text in _PROMPTS]
        wires = {"positive": prompts[0], "negative": prompts[1], "vae": self.vae, "pixels": pictures}
        positive, _, latent = self.host.run("InstructPixToPixConditioning", **wires)
        encoded = self.host.run("VAEEncode", pixels=pictures, vae=self.vae)[0]
        models = {"MODEL": self.model, "VAE": self.vae, "CLIP": self.clip}
        ours = {"LATENT": {**latent, **encoded}, "CONDITIONING": positive, "MASK": pictures[..., 0]}
        return {**values, **models, **ours}
