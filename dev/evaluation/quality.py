"""`make demo-quality`: the demo model's edits against the painted truth, on scenes that it never saw.

Runs the shipped workflow in a real ComfyUI for every held-out scene and look, beside window-by-window
editing and MultiDiffusion with as many U-Net sample evaluations, and prints the means. Each result is
kept in output/quality/ as soon as it is there, so an interrupted run goes on where it stopped; another
workflow or other weights start afresh. QUICK=1 takes one scene.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

from ...demo.instructions import INSTRUCTIONS
from ...demo.painter import EDITED, lit, nearest
from ..benchmarks.published import RESULTS
from ..environment.client import Client, RunError, quiet
from ..environment.env import ROOT
from ..environment.server import HostError
from ..environment.workflow import load_workflow, to_prompt
from . import contenders
from .comparison import Comparison, measure, window_edges
from .contenders import Edit
from .demo import WORKFLOW, truth_of
from .metrics import psnr
from .results import fill, fingerprint, means, table
from .sheet import contact_sheet

SCENES = tuple(range(1_000_001, 1_000_009))
OUTPUT = ROOT / "output" / "quality"
PUBLISHED = RESULTS / "quality.json"
CEILING = "VAE ceiling"


def painted_edit(info: dict, scene: int, look: str) -> Edit:
    """The shipped workflow about another scene and look."""
    shipped = Edit(to_prompt(load_workflow(WORKFLOW), info))
    instruction = {("CLIPTextEncode", "Instruction"): {"text": INSTRUCTIONS[look][0]}}
    return shipped.with_inputs({**instruction, ("CSDDemoScene", None): {"seed": scene}})


def compare(client: Client, info: dict, scene: int, look: str) -> dict:
    """Figures of each contender for one scene and look; their pictures go to the output folder."""
    painted = painted_edit(info, scene, look)
    comparison = Comparison(client, painted, watch=quiet)
    results, truth = comparison.run(), truth_of(painted)
    ceiling, _ = comparison.picture(contenders.through_vae(painted, look))
    edges = window_edges(painted, truth.shape[:2])
    figures = {CEILING: measured(ceiling.picture, truth, edges, look)}
    for name, result in results.items():
        if name != "source":
            cost = {"evaluations": result.evaluations, "seconds": round(result.seconds, 2)}
            figures[name] = measured(result.picture, truth, edges, look) | cost
    rows = [(name, result.picture) for name, result in results.items()]
    sheet = contact_sheet([*rows, (CEILING, ceiling.picture), ("painted truth", truth)])
    sheet.save(OUTPUT / f"{scene}_{look}.png")
    return figures


def measured(picture: np.ndarray, truth: np.ndarray, edges: list[int], look: str) -> dict[str, float]:
    """The figures of `make demo`, and the PSNR to the truth in the light of its look that is nearest."""
    light = nearest(picture, truth, look)
    return measure(picture, truth, edges) | {"nearest": round(psnr(picture, lit(truth, look, light)), 3)}


def summary(averages: dict[str, dict[str, float]]) -> str:
    rows = []
    for name, f in sorted(averages.items(), key=lambda item: item[1]["psnr"]):
        cost = [f"{f['evaluations']:.0f}", f"{f['seconds']:.1f}"] if "evaluations" in f else ["-", "-"]
        near = f"{f['nearest']:.2f} dB"
        rows.append([name, f"{f['psnr']:.2f} dB", near, f"{f['drift']:.4f}", f"{f['seam']:.2f}", *cost])
    header = ["method", "PSNR to the painted truth", "in its nearest light", "drift along x", "seam"]
    return table([*header, "evaluations", "seconds"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one scene instead of eight")
    parser.add_argument("--publish", action="store_true", help=f"write the means to {PUBLISHED.relative_to(ROOT)}")
    arguments = parser.parse_args()
    seeds = SCENES[:1] if arguments.quick else SCENES
    scenes = [(seed, look) for seed in seeds for look in EDITED]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"{fingerprint(WORKFLOW)}.jsonl"
    try:
        done = fill(scenes, path, OUTPUT, compare, "edit")
    except (HostError, RunError) as error:
        sys.exit(str(error))
    averages = means(list(done.values()))
    print(f"\nMeans over {len(seeds)} held-out panoramas, {len(done)} edits:\n\n{summary(averages)}")
    if arguments.publish:
        PUBLISHED.parent.mkdir(exist_ok=True)
        by_look = {look: means([r for (_, each), r in done.items() if each == look]) for look in EDITED}
        PUBLISHED.write_text(json.dumps({"edits": len(done), "means": averages, "by look": by_look}, indent=2) + "\n")


if __name__ == "__main__":
    main()
