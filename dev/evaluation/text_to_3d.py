"""`make demo-text-to-3d`: one text as a scene of splats by three methods, at equal evaluations.

    SDS              every view by itself, noise levels in random order (DreamFusion)
    CSD as printed   the views of a step are coupled: the authors' median, 1/n, repulsion
    ours             noise levels from high to low, residuals averaged over several draws of noise, and several steps of
                     the splats towards the pictures that one evaluation asks for

Beside them stands what the renderer could do: splats from the same start, fitted to paintings of the object. `around`
says how they are judged.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

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
from ...splats.upright import turned, turned_cameras
from ..environment.env import ROOT
from ..environment.in_process import InProcessHost
from . import results
from .around import BEHIND, Judge, Seen, averaged
from .sheet import contact_sheet, moving

OUTPUT = ROOT / "output" / "demo-text-to-3d"
SIDE = 96
RENDERED = 64  # pixels, of the renders that the paper compares
JUDGED = tuple(np.arange(0, 360, 22.5).tolist())
SHOWN = slice(0, None, 2)  # of the judged views
LIFT = 15.0  # degrees above the horizon from where scenes are judged
FRAMES = 36  # of a turn
HELD_OUT_SEED = 1_000_000
PAINTINGS = 4  # objects of that name to compare with
EVALUATIONS = 576
FITTED = 120  # steps of the fit to paintings
SHARED = {"negative_text": "", "view_words": "eight", "rate": 0.05, "side": SIDE, "splats": 1000, "most": 1500}
ALONE = {"kernel": "independent", "bandwidth": "median", "normalization": "row", "repulsion": 0.0}
PRINTED = {"kernel": "rbf", "bandwidth": "authors' median", "normalization": "mean", "repulsion": 1.0}
AS_USUAL = {"guidance": 4.0, "noise_low": 0.02, "noise_high": 0.98, "views_per_step": 4}


@dataclass(frozen=True)
class Method:
    """Options of CSD Kernel and of CSD Text to 3D, and the order of the noise levels.

    features   whether views are compared by CSD Perceptual Kernel
    """

    coupling: Mapping[str, Any]
    order: str = "random"
    features: bool = False
    inputs: Mapping[str, Any] = field(default_factory=lambda: AS_USUAL)

    @property
    def steps(self) -> int:
        """How many steps `EVALUATIONS` allow; each draw takes two, with the text and without."""
        return EVALUATIONS // (2 * self.inputs["views_per_step"] * self.inputs.get("draws", 1))


METHODS = {
    "SDS": Method(ALONE),
    "CSD as printed": Method(PRINTED),
    "ours": Method(
        ALONE,
        "descending",
        inputs={
            "rate": 0.1,
            "guidance": 2.0,
            "noise_low": 0.5,
            "noise_high": 0.99,
            "views_per_step": 12,
            "draws": 3,
            "approach": 15,
            "elevation_low": 0.0,
            "elevation_high": 40.0,
        },
    ),
}


@dataclass(frozen=True)
class Task:
    kind: str
    colour: str
    seed: int

    @property
    def text(self) -> str:
        return named(self.kind, self.colour)


class World:
    """The model of objects in the host, and paintings of what a text names."""

    def __init__(self, host: InProcessHost, kind: str, colour: str):
        self.host, self.kind, self.colour = host, kind, colour
        self.model, self.clip, self.vae = host.run("CSDDemoModel", model="objects")
        self.views = self._views(JUDGED)

    @cached_property
    def judge(self) -> Judge:
        cameras = orbit(JUDGED, [LIFT] * len(JUDGED), (SIDE, SIDE))
        objects = [parts_of(self.kind, self.colour, HELD_OUT_SEED + number) for number in range(PAINTINGS)]
        views = [[painted(parts, cameras, view) for view in range(len(JUDGED))] for parts in objects]
        colour = torch.tensor(np.array([[view.over(BEHIND) for view in each] for each in views])).float()
        depth, alpha = (
            torch.tensor(np.array([[getattr(view, name) for view in each] for each in views])).float()
            for name in ("depth", "alpha")
        )
        return Judge(Seen(colour, depth, alpha), self.features)

    def made(self, method: Method, seed: int) -> tuple[object, dict]:
        """Splats, and the cost of a method."""
        (timesteps,) = self.host.run("CSDTimesteps", order=method.order)
        stages = {"coupling": self._coupling(method), "timesteps": timesteps}
        wires = {"model": self.model, "clip": self.clip, "vae": self.vae, **stages}
        inputs = {"text": named(self.kind, self.colour), "seed": seed, "steps": method.steps, **SHARED, **method.inputs}
        with torch.inference_mode():
            output = self.host.node("CSDTextToSplats").execute(**wires, **inputs)
        return output.args[0], output.ui["csd"][0]

    def _coupling(self, method: Method):
        (coupling,) = self.host.run("CSDKernel", fixed_bandwidth=1.0, **method.coupling)
        if not method.features:
            return coupling
        links = {"model": self.model, "vae": self.vae, "coupling": coupling}
        return self.host.run("CSDPerceptualKernel", side=RENDERED, **links)[0]

    def ceiling(self, seed: int):
        """Splats from the same start, fitted to paintings from sixteen sides."""
        parts = parts_of(self.kind, self.colour, HELD_OUT_SEED)
        cameras = orbit(JUDGED, [LIFT, 40.0] * (len(JUDGED) // 2), (SIDE, SIDE))
        pictures = np.stack([painted(parts, cameras, view).over(BEHIND) for view in range(len(JUDGED))])
        fitting = Fitting(FITTED, views=4, rate=SHARED["rate"], rates=FROM_A_CLOUD)
        start, scene = cloud(SHARED["splats"], seed), SplatScene(cameras, background=BEHIND)
        found = turned(fitted(start, scene, torch.from_numpy(pictures).float(), fitting=fitting))
        rotations = torch.nn.functional.normalize(found.rotations, dim=1)
        numbers = found.positions, found.scales, rotations, found.opacities[:, None], found.harmonics
        return self.host.module("host.splats").Kind(*(part[None] for part in numbers))

    def seen(self, splat, views=None) -> Seen:
        inputs = {"splat": splat, "views": views or self.views, "frames": 0, "background": BEHIND}
        images, rendered, alpha = self.host.run("CSDRenderSplats", **inputs)
        return Seen(images, rendered.depth, alpha)

    def turned(self, splat) -> np.ndarray:
        """Pictures of one turn, [N, H, W, 3]."""
        return self.seen(splat, self._views([360 * frame / FRAMES for frame in range(FRAMES)])).colour.numpy()

    def _views(self, azimuth: Sequence[float]):
        """Views of the class that the host has imported, in the world of the node's splats."""
        cameras = turned_cameras(orbit(azimuth, [LIFT] * len(azimuth), (SIDE, SIDE)))
        own = self.host.module("csd.geometry").Cameras(cameras.intrinsics, cameras.camera_to_world, cameras.size)
        return self.host.module("media.view_set").Views(own, None, None, tuple(map(str, azimuth)))

    def features(self, pictures: Tensor) -> Tensor:
        return averaged(self.vae, pictures, 3)


def strip(pictures: Tensor) -> np.ndarray:
    """Every second of the judged views side by side, [H, 8 W, 3]."""
    return np.concatenate(list(pictures[SHOWN].numpy()), axis=1)


COLUMNS = {
    **{"frechet": "Fréchet distance", "distance": "distance of features", "own side": "own side"},
    **{"fronts": "fronts of 8", "outline": "outlines", "colour alike": "colour alike", "depth alike": "depth alike"},
    **{"evaluations": "evaluations", "seconds": "seconds"},
}

WHOLE = ("evaluations", "seconds")


def table(lines: Mapping[str, Mapping[str, float]]) -> str:
    """Figures of scenes, by their names."""
    shown = {name: head for name, head in COLUMNS.items() if any(name in line for line in lines.values())}
    rows = [[scene, *(_shown(line.get(name), name) for name in shown)] for scene, line in lines.items()]
    return results.table(["scene", *shown.values()], rows)


def _shown(value: float | None, column: str) -> str:
    return "" if value is None else f"{value:.0f}" if column in WHOLE else f"{value:.2f}"


def measured(world: World, task: Task) -> dict[str, dict[str, float]]:
    """Figures of every method. The sheet of pictures grows on the way."""
    lines, rows, turns, name = {}, [], [], f"{task.colour}_{task.kind}_{task.seed}"
    truth = strip(world.judge.paintings.colour[0])
    for method in [*METHODS, "fit to paintings"]:
        begun = time.perf_counter()
        fit = method not in METHODS
        splat, cost = (world.ceiling(task.seed), {"evaluations": 0}) if fit else world.made(METHODS[method], task.seed)
        seen = world.seen(splat)
        lines[method] = {**world.judge(seen), **cost, "seconds": time.perf_counter() - begun}
        rows.append((method, strip(seen.colour)))
        turns.append((method, world.turned(splat)))
        contact_sheet([*rows, ("painted", truth)]).save(OUTPUT / f"{name}.png")
    moving(turns, OUTPUT / f"{name}.webp")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=list(KINDS), default="balloon")
    parser.add_argument("--colour", choices=list(COLOURS), default="yellow")
    parser.add_argument("--seed", type=int, default=0)
    task = Task(**vars(parser.parse_args()))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    lines = measured(World(InProcessHost(OUTPUT / "comfyui", "--cpu"), task.kind, task.colour), task)
    print(f"{task.text}\n{table(lines)}")
    (OUTPUT / f"{task.colour}_{task.kind}_{task.seed}.json").write_text(json.dumps(lines, indent=2) + "\n")
    print(f"\nPictures are in {OUTPUT.relative_to(ROOT)}/.")


if __name__ == "__main__":
    main()
