"""`make demo-long-range`: edits of canvases many windows wide, from several seeds, against the painted truth.

The low-frequency colour error along x is taken apart: what all seeds have in common is the model's own error of tone
by place, and the rest is what chance adds. Strength is how far an edit moves from the source, in proportion to the
truth. Each result is kept in output/long_range/ at once, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...demo.painter import SOURCE, paint
from ..environment.client import Client, RunError, quiet
from ..environment.env import ROOT
from ..environment.server import HostError
from .comparison import Comparison, Result
from .kinds import CSD, MULTIDIFFUSION, PANORAMA, PANORAMA_CONTENDERS, Kind, prompted
from .metrics import own_and_chance, psnr, root_mean_square, tones
from .published import RESULTS, publish
from .results import edit_version, fill, means, table
from .sheet import contact_sheet

OUTPUT, NAME = ROOT / "output" / "long_range", "long_range"
WINDOWS = {"window_width": 128, "window_height": 128, "overlap": 64}


def canvas(width: int, height: int) -> Kind:
    """Panoramas of this size in windows of 128 pixels."""
    widgets = {"CSDDemoScene": {"width": width, "height": height}, "CSDParticleSplit": WINDOWS}
    return replace(PANORAMA, widgets=widgets)


KINDS = {"two rows of windows, 512 x 256": canvas(512, 256), "16 windows wide, 2048 x 128": canvas(2048, 128)}
CONTENDERS = tuple(contender for contender in PANORAMA_CONTENDERS if contender.name != MULTIDIFFUSION)
LOOKS, SEEDS = ("sunset", "night"), (0, 1)
COLUMNS = {
    "psnr": ("PSNR to the painted truth", "{:.2f} dB"),
    "own": ("drift, the model's own", "{:.4f}"),
    "chance": ("drift by chance", "{:.4f}"),
    "strength": ("strength", "{:.2f}"),
    "evaluations": ("evaluations", "{:.0f}"),
}


def figures(results: list[Result], truth: np.ndarray, source: np.ndarray) -> dict[str, float]:
    """Figures of one edit from several seeds; pictures are [H, W, 3]."""
    edits = [result.pictures[0] for result in results]
    own, chance = own_and_chance(np.stack([tones(edit - truth) for edit in edits]))
    moved = [root_mean_square(edit - source) for edit in edits]
    return {
        "psnr": float(np.mean([psnr(edit, truth) for edit in edits])),
        "own": own,
        "chance": chance,
        "strength": float(np.mean(moved)) / root_mean_square(truth - source),
        "evaluations": results[0].evaluations,
    }


def compare(client: Client, info: dict, scene: str, look: str) -> dict:
    """Figures of every contender on one painted scene, named `seed canvas`."""
    painted, _, name = scene.partition(" ")
    kind = KINDS[name]
    edit, _ = prompted(kind, info, int(painted), look)
    size = edit.inputs(kind.painter)
    truth, source = (paint(int(painted), each, size["height"], size["width"]) for each in (look, SOURCE))
    found = []
    for seed in SEEDS:
        again = edit.with_inputs({("CSDEditSampler", None): {"seed": seed}})
        found.append(Comparison(client, again, quiet).run(CONTENDERS, CSD))
    shown = {"source": source} | {c: result.pictures[0] for c, result in found[0].items()} | {"truth": truth}
    contact_sheet(list(shown.items())).save(OUTPUT / f"{scene}_{look}.png".replace(" ", "_").replace(",", ""))
    return {c.name: figures([each[c.name] for each in found], truth, source) for c in CONTENDERS}


def summary(averages: Mapping[str, Mapping[str, float]]) -> str:
    ordered = sorted(averages.items(), key=lambda item: item[1]["psnr"])
    rows = [[name, *(form.format(line[key]) for key, (_, form) in COLUMNS.items())] for name, line in ordered]
    return table(["edit", *(title for title, _ in COLUMNS.values())], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1, help="how many scenes")
    parser.add_argument("--publish", action="store_true", help=f"write the means to {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    painted = [seed for seed, _ in PANORAMA.scenes(arguments.count, SOURCE)]
    scenes = [(f"{seed} {name}", look) for name in KINDS for seed in painted for look in LOOKS]
    kept = OUTPUT / f"{edit_version(PANORAMA.workflow)}.jsonl"
    try:
        done = fill(scenes, kept, OUTPUT, compare, "edit")
    except (HostError, RunError) as error:
        sys.exit(str(error))
    found = {name: means([done[f"{seed} {name}", look] for seed in painted for look in LOOKS]) for name in KINDS}
    for name, averages in found.items():
        print(f"\nMeans over {arguments.count} scenes in {len(LOOKS)} looks, {name}:\n\n{summary(averages)}")
    if arguments.publish:
        publish(RESULTS, NAME, {"scenes": arguments.count, "seeds": len(SEEDS), "looks": LOOKS, "means": found})


if __name__ == "__main__":
    main()
