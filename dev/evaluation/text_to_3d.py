"""`make demo-text-to-3d`: one text as a scene of splats by three methods, at equal evaluations.

    SDS              every view by itself, noise levels in random order (DreamFusion)
    CSD as printed   the views of a step are coupled: the authors' median, 1/n, repulsion
    ours             coupled by weights that sum to one, noise levels from high to low: shape comes before detail

Beside them stands what the renderer could do: splats from the same start, fitted to paintings of the object. Judged
from eight sides against paintings of other objects of that name: distance of the nearest painting's features, whether
a view looks like its own side rather than like another one, and whether outlines agree.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...demo.objects.kinds import COLOURS, KINDS, parts_of
from ...demo.objects.paint import painted
from ...demo.objects.words import named
from ...splats.around import FROM_A_CLOUD, cloud
from ...splats.fit import Fitting, fitted
from ...splats.orbit import orbit
from ...splats.scene import SplatScene
from ..environment.env import ROOT
from ..environment.in_process import InProcessHost
from .sheet import contact_sheet, moving

OUTPUT = ROOT / "output" / "demo-text-to-3d"
SIDE, BEHIND = 96, 0.8
SIDES = tuple(range(0, 360, 45))
LIFT = 15.0  # degrees above the horizon from where scenes are judged
FRAMES = 36  # of a turn
HELD_OUT_SEED = 1_000_000
PAINTINGS = 4  # objects of that name to compare with
SETTINGS = {
    **{"negative_text": "", "view_words": "eight", "rate": 0.05, "noise_low": 0.02, "noise_high": 0.98},
    **{"views_per_step": 4, "side": SIDE, "splats": 1000, "most": 1500},
}
METHODS = {
    "SDS": ("independent", "median", "row", 0.0, "random"),
    "CSD as printed": ("rbf", "authors' median", "mean", 1.0, "random"),
    "ours": ("rbf", "median", "row", 0.0, "descending"),
}


@dataclass(frozen=True)
class Task:
    kind: str
    colour: str
    seed: int
    steps: int
    guidance: float

    @property
    def text(self) -> str:
        return named(self.kind, self.colour)


class World:
    """The model of objects in the host; paintings [P, 8, H, W, 3] of what the text names, outlines [P, 8, H, W]."""

    def __init__(self, host: InProcessHost, task: Task):
        self.host, self.task = host, task
        self.model, self.clip, self.vae = host.run("CSDDemoModel", model="objects")
        cameras = orbit(SIDES, [LIFT] * len(SIDES), (SIDE, SIDE))
        objects = [parts_of(task.kind, task.colour, HELD_OUT_SEED + number) for number in range(PAINTINGS)]
        seen = [[painted(parts, cameras, view) for view in range(len(SIDES))] for parts in objects]
        self.paintings = torch.tensor(np.array([[view.over(BEHIND) for view in views] for views in seen])).float()
        self.outlines = torch.tensor(np.array([[view.alpha for view in views] for views in seen])).float()
        self.views = self._views(SIDES)

    def made(self, method: str) -> tuple[object, dict]:
        """Splats, and the cost of a method."""
        kernel, bandwidth, normalization, repulsion, order = METHODS[method]
        options = {"kernel": kernel, "bandwidth": bandwidth, "fixed_bandwidth": 1.0, "normalization": normalization}
        (coupling,) = self.host.run("CSDKernel", **options, repulsion=repulsion)
        (timesteps,) = self.host.run("CSDTimesteps", order=order)
        task, wires = self.task, {"model": self.model, "clip": self.clip, "vae": self.vae, "coupling": coupling}
        inputs = {"text": task.text, "seed": task.seed, "steps": task.steps, "guidance": task.guidance, **SETTINGS}
        with torch.inference_mode():
            output = self.host.node("CSDTextToSplats").execute(**wires, **inputs, timesteps=timesteps)
        return output.args[0], output.ui["csd"][0]

    def ceiling(self):
        """Splats from the same start, fitted to paintings from sixteen sides."""
        sides, parts = np.arange(16) * 22.5, parts_of(self.task.kind, self.task.colour, HELD_OUT_SEED)
        cameras = orbit(sides.tolist(), [LIFT, 40.0] * 8, (SIDE, SIDE))
        pictures = np.stack([painted(parts, cameras, view).over(BEHIND) for view in range(16)])
        fitting = Fitting(self.task.steps, views=4, rate=SETTINGS["rate"], rates=FROM_A_CLOUD)
        start, scene = cloud(SETTINGS["splats"], self.task.seed), SplatScene(cameras, background=BEHIND)
        found = fitted(start, scene, torch.from_numpy(pictures).float(), fitting=fitting)
        rotations = torch.nn.functional.normalize(found.rotations, dim=1)
        parts = found.positions, found.scales, rotations, found.opacities[:, None], found.harmonics
        return self.host.module("host.splats").Kind(*(part[None] for part in parts))

    def seen(self, splat, views=None) -> tuple[Tensor, Tensor]:
        """Pictures over grey [N, H, W, 3], and outlines [N, H, W]."""
        inputs = {"splat": splat, "views": views or self.views, "frames": 0, "background": BEHIND}
        images, _, alpha = self.host.run("CSDRenderSplats", **inputs)
        return images, alpha

    def turned(self, splat) -> np.ndarray:
        """Pictures of one turn, [N, H, W, 3]."""
        azimuth = [360 * frame / FRAMES for frame in range(FRAMES)]
        return self.seen(splat, self._views(azimuth))[0].numpy()

    def _views(self, azimuth: Sequence[float]):
        """Views of the class that the host has imported."""
        cameras = orbit(azimuth, [LIFT] * len(azimuth), (SIDE, SIDE))
        own = self.host.module("csd.geometry").Cameras(cameras.intrinsics, cameras.camera_to_world, cameras.size)
        return self.host.module("media.view_set").Views(own, None, None, tuple(map(str, azimuth)))

    def features(self, pictures: Tensor) -> Tensor:
        """What the autoencoder makes of pictures [..., H, W, 3], averaged over 3 x 3 cells: [..., F]."""
        with torch.inference_mode():
            latents = self.vae.encode(pictures.flatten(0, -4))
        pooled = torch.nn.functional.avg_pool2d(latents, 3)
        return pooled.flatten(1).unflatten(0, pictures.shape[:-3])


def figures(world: World, splat) -> dict[str, float]:
    """Distance of features (0: as near as paintings are to each other), own sides, and agreement of outlines."""
    pictures, outlines = world.seen(splat)
    ours, theirs = world.features(pictures), world.features(world.paintings)
    centre = theirs.mean(0)
    spread = (theirs - centre).norm(dim=-1).mean()
    looks_like = torch.cdist(ours, centre).argmin(1)
    turned = (looks_like - torch.arange(len(SIDES))).abs()
    both, either = (getattr(torch, name)(outlines, world.outlines.mean(0)).sum() for name in ("minimum", "maximum"))
    return {
        "distance": float((ours - centre).norm(dim=-1).mean() / spread),
        "own side": float((turned.minimum(len(SIDES) - turned) <= 1).float().mean()),
        "fronts": float((looks_like == 0).sum()),
        "outline": float(both / either),
    }


def table(lines: dict[str, dict[str, float]]) -> str:
    heads = "| scene | distance of features | views that look like their side | views that look like the front "
    rows = [heads + "| overlap of outlines | evaluations | seconds |", "|---|---|---|---|---|---|---|"]
    for name, line in lines.items():
        judged = f"{line['distance']:.2f} | {line['own side']:.0%} | {line['fronts']:.0f} of 8 | {line['outline']:.2f}"
        rows.append(f"| {name} | {judged} | {line['evaluations']:.0f} | {line['seconds']:.0f} |")
    return "\n".join(rows)


def measured(world: World) -> dict[str, dict[str, float]]:
    """Figures of every method. The sheet of pictures grows on the way."""
    lines, rows, turns, name = {}, [], [], f"{world.task.colour}_{world.task.kind}"
    truth = np.concatenate(list(world.paintings[0].numpy()), axis=1)
    for method in [*METHODS, "fit to paintings"]:
        begun = time.perf_counter()
        splat, cost = world.made(method) if method in METHODS else (world.ceiling(), {"evaluations": 0})
        lines[method] = {**figures(world, splat), **cost, "seconds": time.perf_counter() - begun}
        rows.append((method, np.concatenate(list(world.seen(splat)[0].numpy()), axis=1)))
        turns.append((method, world.turned(splat)))
        contact_sheet([*rows, ("painted", truth)]).save(OUTPUT / f"{name}.png")
    moving(turns, OUTPUT / f"{name}.webp")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=list(KINDS), default="car")
    parser.add_argument("--colour", choices=list(COLOURS), default="red")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--guidance", type=float, default=4.0)
    task = Task(**vars(parser.parse_args()))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    lines = measured(World(InProcessHost(OUTPUT / "comfyui", "--cpu"), task))
    print(f"{task.text}, {task.steps} steps, guidance {task.guidance:g}\n{table(lines)}")
    (OUTPUT / f"{task.colour}_{task.kind}_{task.seed}.json").write_text(json.dumps(lines, indent=2) + "\n")
    print(f"\nPictures are in {OUTPUT.relative_to(ROOT)}/.")


if __name__ == "__main__":
    main()
