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
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..demo.instructions import INSTRUCTIONS
from ..demo.painter import LOOKS, SOURCE, paint
from ..tools import contenders
from ..tools.client import Client, RunError
from ..tools.comparison import Comparison, measure, window_edges
from ..tools.contenders import Edit
from ..tools.demo import WORKFLOW
from ..tools.env import ROOT
from ..tools.host import Host, HostError
from ..tools.results import fingerprint, known, means
from ..tools.sheet import contact_sheet
from ..tools.workflow import load_workflow, to_prompt

SCENES = tuple(range(1_000_001, 1_000_009))
OUTPUT = ROOT / "output" / "quality"
PUBLISHED = ROOT / "benchmarks" / "results" / "quality.json"
CEILING = "VAE ceiling"


def compare(client: Client, edit: Edit, scene: int, look: str) -> tuple[dict, list[tuple[str, np.ndarray]]]:
    """Figures of each contender for one scene and look, and the pictures for looking at them."""
    instruction = {("CLIPTextEncode", "Instruction"): {"text": INSTRUCTIONS[look][0]}}
    painted = edit.with_inputs({**instruction, ("CSDDemoScene", None): {"seed": scene}})
    scene_inputs = painted.inputs("CSDDemoScene")
    comparison = Comparison(client, painted, watch=lambda prompt: lambda event: None)
    results = comparison.run()
    ceiling, _ = comparison.picture(contenders.through_vae(painted, look))
    truth = paint(scene, look, scene_inputs["height"], scene_inputs["width"])
    edges = window_edges(painted, truth.shape[:2])
    figures = {CEILING: measure(ceiling.picture, truth, edges)}
    for name, result in results.items():
        if name != "source":
            figures[name] = measure(result.picture, truth, edges) | {
                "evaluations": result.evaluations,
                "seconds": round(result.seconds, 2),
            }
    rows = [(name, result.picture) for name, result in results.items()]
    return figures, [*rows, (CEILING, ceiling.picture), ("painted truth", truth)]


def missing(scenes: tuple[int, ...], done: dict) -> Iterator[tuple[int, str]]:
    looks = [look for look in LOOKS if look != SOURCE]
    return ((scene, look) for scene in scenes for look in looks if (scene, look) not in done)


def fill(scenes: tuple[int, ...], path: Path) -> None:
    """Run what is missing, keeping each result as it comes."""
    todo = list(missing(scenes, known(path)))
    if not todo:
        return
    print("Starting ComfyUI ...", flush=True)
    with Host(output=OUTPUT / "comfyui") as host, path.open("a") as file:
        client = Client(host.address)
        edit = Edit(to_prompt(load_workflow(WORKFLOW), client.object_info()))
        for scene, look in tqdm(todo, unit="edit"):
            figures, rows = compare(client, edit, scene, look)
            contact_sheet(rows).save(OUTPUT / f"{scene}_{look}.png")
            file.write(json.dumps({"scene": scene, "look": look, "results": figures}) + "\n")
            file.flush()


def table(averages: dict[str, dict[str, float]]) -> str:
    lines = [
        "| method | PSNR to the painted truth | drift along x | seam | evaluations | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for name, f in sorted(averages.items(), key=lambda item: item[1]["psnr"]):
        cost = [f"{f['evaluations']:.0f}", f"{f['seconds']:.1f}"] if "evaluations" in f else ["-", "-"]
        lines.append(
            "| " + " | ".join([name, f"{f['psnr']:.2f} dB", f"{f['drift']:.4f}", f"{f['seam']:.2f}", *cost]) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one scene instead of eight")
    parser.add_argument("--publish", action="store_true", help=f"write the means to {PUBLISHED.relative_to(ROOT)}")
    arguments = parser.parse_args()
    scenes = SCENES[:1] if arguments.quick else SCENES
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"{fingerprint(WORKFLOW)}.jsonl"
    try:
        fill(scenes, path)
    except (HostError, RunError) as error:
        sys.exit(str(error))
    done = {place: results for place, results in known(path).items() if place[0] in scenes}
    averages = means(list(done.values()))
    print(f"\nMeans over {len(scenes)} held-out panoramas, {len(done)} edits:\n\n{table(averages)}")
    if arguments.publish:
        PUBLISHED.parent.mkdir(exist_ok=True)
        by_look = {
            look: means([r for (_, each), r in done.items() if each == look]) for look in LOOKS if look != SOURCE
        }
        PUBLISHED.write_text(json.dumps({"edits": len(done), "means": averages, "by look": by_look}, indent=2) + "\n")


if __name__ == "__main__":
    main()
