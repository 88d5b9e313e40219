"""Ways to edit a painted scene of splats, and what they are judged by."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import kornia
import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ...csd.correspondence import pull
from ...csd.geometry import Geometry
from ...csd.windows import as_size
from ...demo.painter import lit, nearest
from ...demo.settings import SCENE_ROUNDS
from .consistency import disagreement, neighbours
from .metrics import psnr
from .scene_world import VIEWS, World

Made = tuple[Any, int]


def unedited(world: World) -> Made:
    return world.splat, 0


def one_view(world: World) -> Made:
    """The view in the middle is edited alone. Its colours are moved to where the others show the same place."""
    middle = VIEWS // 2
    views = world.render(world.splat, world.views)
    edited, evaluations = world.edited_views(views[middle : middle + 1])
    pairs = torch.tensor([(view, middle) for view in range(VIEWS)])
    sight = world.shared.look(pairs, as_size(edited.shape[1:3]))
    moved = pull(rearrange(edited, "n h w c -> n c h w").expand(VIEWS, -1, -1, -1), sight)
    shown = sight.valid.clone()
    moved[middle], shown[middle] = rearrange(edited[0], "h w c -> c h w"), 1.0
    return world.fitted(rearrange(moved, "n c h w -> n h w c"), shown), evaluations


def alone(world: World) -> Made:
    return world.edited_scene("independent", "independent")


def papers(world: World) -> Made:
    return world.edited_scene("rbf", "independent")


def corresponding(world: World) -> Made:
    return world.edited_scene("uniform", "carried", world.shared)


def corresponding_in_the_loop(world: World) -> Made:
    return world.edited_scene("uniform", "carried", world.shared, tones=True, **SCENE_ROUNDS)


def ours(world: World) -> Made:
    """The scene itself makes its views agree; CSD Tones keeps their tone even, and each view has noise of its own."""
    return world.edited_scene("independent", "independent", tones=True, **SCENE_ROUNDS)


def true_views_edited(world: World) -> Made:
    """What the model makes of the painted views: no splats come in before the edit."""
    edited, evaluations = world.edited_views(world.pictures[world.seen], "uniform", "carried", world.shared)
    return world.fitted(edited), evaluations


def truth_through_vae(world: World) -> Made:
    (latent,) = world.run("VAEEncode", pixels=world.truth[world.seen], vae=world.vae)
    return world.fitted(world.run("VAEDecode", samples=latent, vae=world.vae)[0]), 0


def truth(world: World) -> Made:
    return world.fitted(world.truth[world.seen]), 0


OURS = "ours: in the loop"
CONTENDERS: dict[str, Callable[[World], Made]] = {
    "unedited": unedited,
    "one view, moved to the others": one_view,
    "view by view, refit": alone,
    "paper's coupling, refit": papers,
    "correspondence, refit": corresponding,
    "correspondence, in the loop": corresponding_in_the_loop,
    OURS: ours,
    "painted views edited, fitted": true_views_edited,
    "fit to the true edit through the VAE": truth_through_vae,
    "fit to the true edit": truth,
}


@dataclass(frozen=True)
class Scene:
    """What a contender gives: splats, the evaluations of the model, and seconds."""

    splat: Any
    evaluations: int
    seconds: float


def contend(world: World, name: str) -> Scene:
    begun = time.perf_counter()
    splat, evaluations = CONTENDERS[name](world)
    return Scene(splat, evaluations, time.perf_counter() - begun)


def figures(world: World, scene: Scene) -> dict[str, float]:
    """Of renders at the held-out cameras, beside the painted truth there.

    psnr, ssim         PSNR in dB, and structural similarity, 0 ... 1
    nearest            PSNR in the light of the look that comes nearest
    tone               how far the mean colour is off, root mean square over red, green and blue
    reprojection       mean difference between neighbouring renders where they show the same place
    strength           mean difference from the unedited scene
    """
    seen, painted = world.render(scene.splat, world.others), world.truth[world.held_out]
    pictures, truth = seen.numpy(), painted.numpy()
    light = nearest(pictures, truth, world.look)
    off = (seen - painted).mean((0, 1, 2))
    return {
        "psnr": psnr(pictures, truth),
        "nearest": psnr(pictures, lit(truth, world.look, light)),
        "ssim": similarity(seen, painted),
        "tone": float(off.square().mean().sqrt()),
        "reprojection": disagreement(pictures, _geometry(world), neighbours(len(pictures))),
        "strength": float(np.abs(pictures - world.render(world.splat, world.others).numpy()).mean()),
        "evaluations": scene.evaluations,
        "seconds": scene.seconds,
    }


def similarity(pictures: Tensor, others: Tensor) -> float:
    """Structural similarity of pictures [N, H, W, 3] in windows of 11 pixels; 1 where they are equal."""
    one, two = (rearrange(some, "n h w c -> n c h w").float() for some in (pictures, others))
    return float(kornia.metrics.ssim(one, two, 11).mean())


def _geometry(world: World) -> Geometry:
    """The true geometry of the held-out views."""
    return Geometry(world.others.cameras, world.others.depth, names=world.others.names)
