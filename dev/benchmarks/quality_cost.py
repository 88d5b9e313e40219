"""Quality against cost: `python -m collaborative_score_distillation.dev.benchmarks.quality_cost`.

Held-out painted panoramas (PSNR to the painted truth, drift, seam) and a painted clip (PSNR, flicker) edited by the
demo model in a real ComfyUI: the authors' schedule, ours with fewer and fewer steps and with every saving, windows or
frames one by one, and MultiDiffusion. Three panoramas and a clip in one look, or with FULL=1 eight and six in every
look. Each result is kept in output/bench/ as soon as it is there, so that an interrupted run goes on.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ...demo.painter import EDITED
from ..environment.client import Client, RunError, quiet
from ..environment.env import ROOT
from ..environment.server import HostError
from ..evaluation import contenders, set_contenders
from ..evaluation.comparison import Comparison, cost, measure, window_edges
from ..evaluation.contenders import Edit
from ..evaluation.demo import WORKFLOW, truth_of
from ..evaluation.demo_set import prompted
from ..evaluation.demo_video import VIDEO
from ..evaluation.metrics import psnr
from ..evaluation.quality import painted_edit
from ..evaluation.results import Scene, fill, fingerprint, means
from ..evaluation.set_comparison import CEILING, SetComparison
from ..evaluation.sheet import contact_sheet
from .published import parser, publish
from .variants import CLIP, PANORAMA, SHORT, Variant

OUTPUT = ROOT / "output" / "bench"
PANORAMAS, CLIPS = range(1_000_001, 1_000_009), range(1_000_001, 1_000_007)
BUDGETS = (84, 168, 252, 504)
CLIP_BUDGETS = (432, 864)
LOOK = "winter"
Results = Iterator[tuple[str, dict, np.ndarray]]


def full_by_request() -> bool:
    return os.environ.get("FULL", "") not in ("", "0")


def panorama(client: Client, edit: Edit, look: str, variants: tuple[Variant, ...], budgets: tuple) -> Results:
    """Name, figures and picture of every contender on one panorama."""
    comparison, truth = Comparison(client, edit, watch=quiet), truth_of(edit)
    edges, size = window_edges(edit, truth.shape[:2]), truth.shape[:2]

    def figures(picture: np.ndarray, evaluations: int = 0) -> dict:
        return measure(picture, truth, edges) | ({"evaluations": evaluations} if evaluations else {})

    ceiling, _ = comparison.picture(contenders.through_vae(edit, look))
    yield CEILING, figures(ceiling.picture), ceiling.picture
    for variant in variants:
        result, run = comparison.picture(variant.prompt(edit, [edit.id("CSDParticleMerge"), 0]))
        yield variant.name, figures(result.picture, variant.evaluations(cost(edit, run)["evaluations"])), result.picture
    others = {"window by window": contenders.window_by_window, "MultiDiffusion": contenders.multidiffusion}
    for name, make in others.items():
        for budget in budgets:
            prompt, used = make(edit, size, budget)
            result, _ = comparison.picture(prompt)
            yield f"{name}: {used} evaluations", figures(result.picture, used), result.picture


def clip(client: Client, edit: Edit, look: str, variants: tuple[Variant, ...], budgets: tuple) -> Results:
    """The same on one clip; of each result the middle frame is shown."""
    comparison, truth = SetComparison(client, edit, VIDEO.painter, quiet), VIDEO.truth(edit.inputs(VIDEO.painter), look)

    def figures(pictures: np.ndarray, evaluations: int = 0) -> dict:
        found = {"psnr": round(psnr(pictures, truth.pictures), 3), "flicker": round(truth.error(pictures), 5)}
        return found | ({"evaluations": evaluations} if evaluations else {})

    def line(name: str, pictures: np.ndarray, evaluations: int = 0):
        return name, figures(pictures, evaluations), pictures[len(pictures) // 2]

    ceiling, _ = comparison.pictures(set_contenders.truth_through_vae(edit, VIDEO.painter, look))
    yield line(CEILING, ceiling.pictures)
    for variant in variants:
        result, run = comparison.pictures(variant.prompt(edit, [edit.id("VAEDecode"), 0]))
        yield line(variant.name, result.pictures, variant.evaluations(cost(edit, run)["evaluations"]))
    for budget in budgets:
        prompt, used = set_contenders.one_by_one(edit, len(truth.pictures), budget)
        result, _ = comparison.pictures(prompt)
        yield line(f"frame by frame: {used} evaluations", result.pictures, used)


def panorama_edit(info: dict, scene: int, look: str, short: bool) -> Edit:
    return painted_edit(info, scene, look)


def clip_edit(info: dict, scene: int, look: str, short: bool) -> Edit:
    edit, _ = prompted(VIDEO, info, scene, look)
    return edit.with_inputs({(VIDEO.painter, None): {"frames": 4}}) if short else edit


KINDS = {
    "panorama": (panorama_edit, panorama, PANORAMA, BUDGETS, WORKFLOW),
    "clip": (clip_edit, clip, CLIP, CLIP_BUDGETS, VIDEO.workflow),
}


def scenes(kind: str, full: bool, short: bool) -> list[Scene]:
    every = PANORAMAS if kind == "panorama" else CLIPS
    looks = EDITED if full else [LOOK]
    few = 3 if kind == "panorama" and not short else 1
    return [(scene, look) for scene in (every if full else every[:few]) for look in looks]


def tried(kind: str, short: bool) -> tuple:
    """Variants, and evaluations for the other contenders."""
    return (SHORT, (24,)) if short else KINDS[kind][2:4]


def path_of(kind: str, short: bool) -> Path:
    """Named after the workflow, the weights and what is tried: results of something else are not taken up."""
    plan = hashlib.blake2b(repr(tried(kind, short)).encode(), digest_size=4).hexdigest()
    return OUTPUT / f"{kind}_{fingerprint(KINDS[kind][-1])}_{plan}.jsonl"


def compare_on(kind: str, short: bool, client: Client, info: dict, scene: int, look: str) -> dict:
    """Figures of every contender on one scene; their pictures go to the output folder."""
    make, run, *_ = KINDS[kind]
    figures, rows = {}, []
    for name, found, picture in run(client, make(info, scene, look, short), look, *tried(kind, short)):
        print(f"{kind} {scene} {look}, {name}: {found}", flush=True)
        figures[name] = found
        rows.append((name, picture))
    contact_sheet(rows).save(OUTPUT / f"{kind}_{scene}_{look}.png")
    return figures


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--full", action="store_true", help="every scene and look", default=full_by_request())
    arguments.add_argument("--only", choices=KINDS, nargs="+", default=list(KINDS))
    arguments = arguments.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    short = arguments.short
    for kind in arguments.only:
        wanted = scenes(kind, arguments.full, short)
        try:
            done = list(fill(wanted, path_of(kind, short), OUTPUT, partial(compare_on, kind, short), kind).values())
        except (HostError, RunError) as error:
            sys.exit(str(error))
        figures = {"edits": len(done), "scenes": wanted, "means": means(done)}
        publish(arguments.output, f"quality_cost_{kind}", figures)


if __name__ == "__main__":
    main()
