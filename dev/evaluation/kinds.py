"""The kinds of painted scenes that are edited and measured: panoramas, clips and view sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ...csd.geometry import Geometry
from ...demo.instructions import INSTRUCTIONS
from ...demo.motion import true_motion
from ...demo.painter import EDITED, paint
from ...demo.painter.clip import paint_clip
from ...demo.painter.diorama import paint_views
from ...demo.views import true_views
from ..environment.env import ROOT
from ..environment.workflow import load_workflow, set_widgets, to_prompt
from . import contenders
from .consistency import neighbours
from .contenders import Contender, Coupled, Matched
from .edit import Edit
from .truth import PaintedPanorama, PaintedSet, Truth

FIRST_SCENE = 1_000_001  # held out from the training

CSD, WINDOWS, MULTIDIFFUSION = "CSD-Edit", "window by window", "MultiDiffusion"
STARTED, SHORT, PAPERS_KERNEL = "MultiDiffusion, started late", "MultiDiffusion, two steps", "CSD-Edit, paper's kernel"
ALONE, PAPER = "each alone", "paper's coupling"
ALIGNED, BLENDED = "correspondence", "correspondence, blended"
CEILING, FLOOR = "VAE ceiling", "VAE of the truth"


@dataclass(frozen=True)
class Kind:
    """A kind of scene.

    unit         what one scene of it is called
    workflow     the shipped workflow that edits it
    painter      the node type in it that paints the source
    truth        an edit and a look -> the painted truth
    contenders   what is compared; `shipped` names the workflow as it is
    vae          what the truth through the VAE is called
    results      the name of its results: a folder in output/ and a published file
    columns      figures of the table: title and format
    every_look   whether each scene is edited in every look, or in the next one
    error        what the consistency error is called; empty where there is none
    widgets      by node type, of the measured scenes, where they differ from the workflow's
    """

    unit: str
    workflow: Path
    painter: str
    truth: Callable[[Edit, str], Truth]
    contenders: tuple[Contender, ...]
    shipped: str
    vae: str
    results: str
    columns: dict[str, tuple[str, str]] = field(hash=False)
    every_look: bool = False
    error: str = ""
    widgets: dict[str, dict[str, int]] = field(default_factory=dict, hash=False)

    @property
    def output(self) -> Path:
        return ROOT / "output" / self.results

    def scenes(self, count: int, look: str | None = None) -> list[tuple[int, str]]:
        """Held-out seeds with the looks that they are edited in, or with the one that is named."""
        return held_out(count, (look,) if look else EDITED, self.every_look)


def held_out(count: int, looks: Sequence[str], every_look: bool) -> list[tuple[int, str]]:
    """Seeds of scenes that no model has seen: each with every look, or with the next one."""
    seeds = [FIRST_SCENE + number for number in range(count)]
    if every_look:
        return [(seed, look) for seed in seeds for look in looks]
    return [(seed, looks[number % len(looks)]) for number, seed in enumerate(seeds)]


def prompted(kind: Kind, info: dict, seed: int, look: str) -> tuple[Edit, dict]:
    """The shipped workflow for one scene and look, as a prompt and as the page saves it."""
    wanted: dict[str, dict[str, Any]] = {name: dict(widgets) for name, widgets in kind.widgets.items()}
    wanted[kind.painter] = {**wanted.get(kind.painter, {}), "seed": seed}
    wanted["Instruction"] = {"text": INSTRUCTIONS[look][0]}
    workflow = set_widgets(load_workflow(kind.workflow), wanted, info)
    return Edit(to_prompt(workflow, info)), workflow


def true_panorama(edit: Edit, look: str) -> PaintedPanorama:
    painted = edit.inputs("CSDDemoScene")
    size = painted["height"], painted["width"]
    return PaintedPanorama(paint(painted["seed"], look, *size)[None], window_edges(edit, size), look)


def window_edges(edit: Edit, size: tuple[int, int]) -> list[int]:
    """Columns at which windows that do not overlap meet, inside a picture of `size` (height, width)."""
    origins = edit.layout(size, overlap=0).windows.origins
    return sorted({x for _, x in origins if 0 < x < size[1]})


def true_clip(edit: Edit, look: str) -> PaintedSet:
    """Each frame is compared with the next one, along the motion that was painted."""
    painted = edit.inputs("CSDDemoClip")
    frames, clip = paint_clip(painted["seed"], look, painted["frames"], painted["height"], painted["width"])
    pairs = neighbours(len(frames))
    return PaintedSet(frames, true_motion(clip, pairs), pairs)


def true_view_set(edit: Edit, look: str) -> PaintedSet:
    """Each view is compared with every other one, along the cameras and depth that were painted."""
    painted = edit.inputs("CSDDemoViews")
    views, diorama = paint_views(painted["seed"], look, painted["count"], painted["height"], painted["width"])
    pairs = torch.combinations(torch.arange(len(views)))
    return PaintedSet(views, Geometry(*true_views(diorama)), pairs)


PANORAMA_CONTENDERS_FIRST = (
    Coupled(CSD, contenders.whole_workflow),
    Matched(WINDOWS, contenders.window_by_window),
    Matched(MULTIDIFFUSION, contenders.multidiffusion),
)
# The best of starts 0.2 to 1, guidance 0.8 to 1.5, and 1 to 16 steps: with all evaluations, and with any number.
STARTED_LATE, TWO_STEPS = {"start": 0.25}, {"start": 0.4, "most": 2}
MULTIDIFFUSION_AT_BEST = (
    Matched(STARTED, partial(contenders.multidiffusion, **STARTED_LATE)),
    Matched(SHORT, partial(contenders.multidiffusion, **TWO_STEPS)),
)
PAPERS_KERNEL_CONTENDER = Coupled(PAPERS_KERNEL, contenders.papers_kernel)
PANORAMA_CONTENDERS = (*PANORAMA_CONTENDERS_FIRST, *MULTIDIFFUSION_AT_BEST, PAPERS_KERNEL_CONTENDER)
FLOW_CONTENDERS = (
    Coupled("FlowEdit, each window alone", contenders.flow_edit),
    Coupled("DVRF, each window alone", contenders.dvrf),
    Coupled("FlowAlign, each window alone", contenders.flow_align),
)
FLOW_EDIT_ALONE = Coupled("FlowEdit, each alone", contenders.flow_edit, sampler_only=True)
SET_CONTENDERS = (
    Matched(ALONE, contenders.one_by_one),
    Coupled(PAPER, contenders.papers_coupling, sampler_only=True),
    Coupled(ALIGNED, contenders.unblended, sampler_only=True),
    Coupled(BLENDED, contenders.blended, after=ALIGNED),
)


def set_columns(error: str) -> dict[str, tuple[str, str]]:
    return {
        "psnr": ("PSNR to the truth", "{:.2f} dB"),
        "error": (error, "{:.4f}"),
        "above_floor": ("above the floor", "{:.4f}"),
    }


FIRST_MODEL = Path(__file__).resolve().parent / "workflows"
PANORAMA = Kind(
    unit="panorama",
    workflow=ROOT / "workflows" / "panorama_edit.json",
    painter="CSDDemoScene",
    truth=true_panorama,
    contenders=(*PANORAMA_CONTENDERS, *FLOW_CONTENDERS),
    shipped=CSD,
    vae=CEILING,
    results="quality",
    columns={
        "psnr": ("PSNR to the painted truth", "{:.2f} dB"),
        "nearest": ("in its nearest light", "{:.2f} dB"),
        "drift": ("drift along x", "{:.4f}"),
        "seam": ("seam", "{:.2f}"),
    },
    every_look=True,
    widgets={
        "CSDDemoScene": {"width": 512, "height": 128},
        "CSDParticleSplit": {"window_width": 128, "window_height": 128, "overlap": 64},
    },
)
PANORAMA_FIRST = replace(
    PANORAMA,
    workflow=FIRST_MODEL / "panorama_edit_first.json",
    contenders=PANORAMA_CONTENDERS_FIRST,
    results="quality_first",
)
CLIP = Kind(
    unit="clip",
    workflow=ROOT / "workflows" / "video_edit.json",
    painter="CSDDemoClip",
    truth=true_clip,
    contenders=(FLOW_EDIT_ALONE, *SET_CONTENDERS),
    shipped=BLENDED,
    vae=FLOOR,
    results="video_edit",
    columns=set_columns("flicker"),
    error="flicker",
)
VIEW_SET = Kind(
    unit="view set",
    workflow=ROOT / "workflows" / "view_set_edit.json",
    painter="CSDDemoViews",
    truth=true_view_set,
    contenders=(FLOW_EDIT_ALONE, *SET_CONTENDERS),
    shipped=BLENDED,
    vae=FLOOR,
    results="view_set_edit",
    columns=set_columns("reprojection"),
    error="reprojection",
)
CLIP_FIRST = replace(
    CLIP, workflow=FIRST_MODEL / "video_edit_first.json", contenders=SET_CONTENDERS, results="video_edit_first"
)
VIEW_SET_FIRST = replace(
    VIEW_SET,
    workflow=FIRST_MODEL / "view_set_edit_first.json",
    contenders=SET_CONTENDERS,
    results="view_set_edit_first",
)
KINDS = {"panorama": PANORAMA, "video": CLIP, "views": VIEW_SET}
KINDS |= {"panorama-first": PANORAMA_FIRST, "video-first": CLIP_FIRST, "views-first": VIEW_SET_FIRST}
