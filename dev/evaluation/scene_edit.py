"""`make demo-scene`: a painted scene of splats edited by several means, judged at cameras that no edit has seen.

A diorama is painted from an arc of cameras. Every second view is fitted and edited, the others are held out.
Each contender gives a scene of splats; it is rendered from the held-out cameras and compared with the painted edit
there, in the light of the look that comes nearest. Beside it stands the strength of the edit: how far the renders are
from those of the unedited scene. A scene that was not edited is consistent, too.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from torch import Tensor

from ...csd.geometry import Cameras
from ...demo.instructions import INSTRUCTIONS
from ...demo.painter import EDITED, SOURCE, lit, nearest
from ...demo.painter.diorama import paint_views
from ...demo.views import true_views
from ..environment.env import ROOT
from ..environment.in_process import InProcessHost
from .kinds import FIRST_SCENE
from .metrics import psnr
from .sheet import chosen, contact_sheet, to_image

OUTPUT = ROOT / "output" / "demo-scene"
VIEWS, HEIGHT, WIDTH = 8, 128, 192
MAKE = {"every": 2, "degree": 0, "steps": 96, "views_per_step": 1, "rate": 0.2, "seed": 0, "most": 0}
FIT = {"what": "colours", "steps": 96, "views_per_step": 1, "rate": 0.2, "seed": 0}
EDIT = {
    **{"seed": 0, "steps": 12, "step_size": 1.0, "guidance": 2.0, "image_guidance": 1.0},
    **{"noise_low": 0.02, "noise_high": 0.3, "particles_per_step": 0, "particles_at_once": 8},
    **{"rounds": 1, "fit_steps": 96, "rate": 0.2, "what": "colours"},
}
KERNEL = {"bandwidth": "median", "fixed_bandwidth": 1000.0, "normalization": "row", "repulsion": 0.0}
RENDER = {"frames": 0, "background": 0.0}
FRAMES, PAUSE = 24, 80  # of a turntable, and milliseconds between them


class World:
    """A painted scene in the host: as views, as splats, and painted in the look of the edit."""

    def __init__(self, host: InProcessHost, seed: int, look: str):
        self.host, self.look = host, look
        pictures, diorama = paint_views(seed, SOURCE, 2 * VIEWS - 1, HEIGHT, WIDTH)
        self.truth = paint_views(seed, look, 2 * VIEWS - 1, HEIGHT, WIDTH)[0]
        cameras, depth = true_views(diorama)
        self.pictures, self.seen, self.held_out = torch.from_numpy(pictures), slice(0, None, 2), slice(1, None, 2)
        self.views, self.others = (self._views(cameras, depth, part) for part in (self.seen, self.held_out))
        made = self.run("CSDSplatsFromViews", images=self.pictures[self.seen], views=self.views, **MAKE)
        self.splat, self.made = made
        self.shown = self.render(self.splat, self.views)
        self.model, self.clip, self.vae = self.run("CSDDemoModel")
        self.prompts = self._prompts(INSTRUCTIONS[look][0])
        (self.shared,) = self.run("CSDViewCorrespondence", views=self.views, neighbours=0)

    def run(self, node: str, **inputs) -> tuple:
        return self.host.run(node, **inputs)

    def _views(self, cameras: Cameras, depth: Tensor, part: slice):
        """Views of the class that the host has imported."""
        poses, lenses = cameras.camera_to_world[part], cameras.intrinsics[part]
        cameras = self.host.module("csd.geometry").Cameras(lenses, poses, cameras.size)
        names = tuple(f"view_{number}" for number in range(len(poses)))
        return self.host.module("media.view_set").Views(cameras, depth[part], None, names)

    def _prompts(self, text: str) -> dict:
        positive, negative = (self.run("CLIPTextEncode", clip=self.clip, text=words)[0] for words in (text, ""))
        wires = {"positive": positive, "negative": negative, "vae": self.vae, "pixels": self.shown}
        positive, negative, _ = self.run("InstructPixToPixConditioning", **wires)
        return {"positive": positive, "negative": negative}

    def render(self, splat, views, frames: int = 0) -> Tensor:
        return self.run("CSDRenderSplats", splat=splat, views=views, **{**RENDER, "frames": frames})[0]

    def fitted(self, images: Tensor):
        return self.run("CSDFitSplats", splat=self.splat, images=images, views=self.views, **FIT)[0]

    def edited(self, kernel: str, field: str, correspondence=None, **changes) -> tuple:
        """The scene after CSD Edit Splats, and its evaluations."""
        wires = {} if correspondence is None else {"correspondence": correspondence}
        (coupling,) = self.run("CSDKernel", kernel=kernel, **KERNEL, **wires)
        (noise,) = self.run("CSDNoiseField", field=field, **wires)
        inputs = {"model": self.model, "vae": self.vae, "splat": self.splat, "views": self.views, **self.prompts}
        with torch.inference_mode():
            node = self.host.node("CSDEditSplats")
            output = node.execute(**inputs, **{**EDIT, **changes}, coupling=coupling, noise=noise)
        return output.args[0], output.ui["csd"][0]["evaluations"]


@dataclass(frozen=True)
class Scene:
    """What a contender gives: splats, the evaluations of the model, and seconds."""

    splat: object
    evaluations: int = 0
    seconds: float = 0.0


CONTENDERS: dict[str, Callable[[World], tuple]] = {
    "unedited": lambda world: (world.splat, 0),
    "view by view, refit": lambda world: world.edited("independent", "independent"),
    "paper's coupling, refit": lambda world: world.edited("rbf", "independent"),
    "correspondence, refit": lambda world: world.edited("uniform", "carried", world.shared),
    "correspondence, in the loop": lambda world: world.edited(
        "uniform", "carried", world.shared, rounds=4, fit_steps=48
    ),
    "fit to the true edit": lambda world: (world.fitted(torch.from_numpy(world.truth)[world.seen]), 0),
}


def contend(world: World) -> dict[str, Scene]:
    found = {}
    for name, make in CONTENDERS.items():
        begun = time.perf_counter()
        splat, evaluations = make(world)
        found[name] = Scene(splat, evaluations, time.perf_counter() - begun)
    return found


def figures(world: World, scene: Scene) -> dict[str, float]:
    """PSNR at the held-out cameras (dB), also in the nearest light, and the strength of the edit (mean difference)."""
    seen, truth = world.render(scene.splat, world.others).numpy(), world.truth[world.held_out]
    light = nearest(seen, truth, world.look)
    strength = np.abs(seen - world.render(world.splat, world.others).numpy()).mean()
    return {
        "psnr": psnr(seen, truth),
        "nearest": psnr(seen, lit(truth, world.look, light)),
        "strength": float(strength),
        "evaluations": scene.evaluations,
        "seconds": scene.seconds,
    }


def table(lines: dict[str, dict[str, float]]) -> str:
    """Markdown: one contender a line."""
    heads = "| scene | PSNR at held-out cameras | in its nearest light | strength of the edit | evaluations | seconds |"
    rows = [heads, "|---|---|---|---|---|---|"]
    for name, line in lines.items():
        decibels = f"{line['psnr']:.2f} dB | {line['nearest']:.2f} dB"
        rows.append(
            f"| {name} | {decibels} | {line['strength']:.3f} | {line['evaluations']:.0f} | {line['seconds']:.0f} |"
        )
    return "\n".join(rows)


def write_pictures(world: World, scenes: dict[str, Scene], lines: dict, folder: Path) -> None:
    """A sheet of the held-out views of every contender, and turntables before and after."""
    rows = [(f"{name}   {lines[name]['psnr']:.1f} dB", scene.splat) for name, scene in scenes.items()]
    shown = [(label, chosen(world.render(splat, world.others).numpy())) for label, splat in rows]
    sheet = contact_sheet([*shown, ("painted truth", chosen(world.truth[world.held_out]))])
    sheet.save(folder / f"{world.look}.png")
    for name, splat in (("before", world.splat), ("after", scenes["correspondence, in the loop"].splat)):
        turntable(world.render(splat, world.views, FRAMES).numpy(), folder / f"{world.look}_{name}.webp")


def turntable(frames: np.ndarray, path: Path) -> None:
    """An animated picture of frames [N, H, W, 3], there and back again."""
    first, *rest = [to_image(frame) for frame in (*frames, *frames[-2:0:-1])]
    first.save(path, save_all=True, append_images=rest, duration=PAUSE, loop=0, quality=90)


def measured(host: InProcessHost, seed: int, look: str, folder: Path) -> dict[str, dict[str, float]]:
    world = World(host, seed, look)
    print(f"scene {seed}, {look}: {world.made}", flush=True)
    scenes = contend(world)
    lines = {name: figures(world, scene) for name, scene in scenes.items()}
    if seed == FIRST_SCENE:
        write_pictures(world, scenes, lines, folder)
    return lines


def means(results: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {name: {key: mean(lines[name][key] for lines in results) for key in results[0][name]} for name in CONTENDERS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1, help="scenes, each in the next look")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    host = InProcessHost(OUTPUT / "comfyui", "--cpu")
    results = []
    for number in range(arguments.count):
        seed, look = FIRST_SCENE + number, EDITED[number % len(EDITED)]
        results.append(measured(host, seed, look, OUTPUT))
        print(table(results[-1]), flush=True)
    (OUTPUT / "report.json").write_text(json.dumps(results, indent=2) + "\n")
    if len(results) > 1:
        print(f"\nMeans of {len(results)} scenes:\n{table(means(results))}")
    print(f"\nPictures are in {OUTPUT.relative_to(ROOT)}/.")


if __name__ == "__main__":
    main()
