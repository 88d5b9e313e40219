"""What `make demo-video` and `make demo-views` have in common: painted sets, edited and measured against the truth.

Writes to the output folder, for the first set: what the workflow saves, a strip of all contenders, a map of
where neighbours disagree, and for all sets report.json. Finished sets are kept, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from einops import rearrange
from torch import Tensor

from ...csd.correspondence import Correspondence
from ...demo.instructions import INSTRUCTIONS
from ...demo.painter import EDITED
from ..environment.client import Client, ProgressBar, RunError, quiet
from ..environment.env import ROOT
from ..environment.server import HostError
from ..environment.workflow import load_workflow, set_widgets, to_prompt
from .consistency import differences, disagreement, heat
from .contenders import Edit
from .results import fill, fingerprint, means, spent, table
from .set_comparison import CEILING, SetComparison, SetResult, measured
from .set_contenders import source_frames
from .sheet import contact_sheet

RESULTS = ROOT / "dev" / "benchmarks" / "results"
FIRST_SCENE = 1_000_001  # held out from the training
SHOWN = 6  # pictures of a set in a strip


@dataclass(frozen=True)
class Truth:
    """The painted edit [N, H, W, 3], and which pairs [P, 2] of pictures are compared along which correspondence."""

    pictures: np.ndarray
    correspondence: Correspondence
    pairs: Tensor

    def error(self, pictures: np.ndarray) -> float:
        return disagreement(pictures, self.correspondence, self.pairs)

    def maps(self, pictures: np.ndarray) -> np.ndarray:
        return heat(*differences(pictures, self.correspondence, self.pairs))


@dataclass(frozen=True)
class Kind:
    """A kind of set.

    workflow, painter   what is run, and the node in it that paints the source
    truth               the painter's inputs and a look -> the truth
    unit, error         what one set and its consistency error are called
    """

    workflow: Path
    painter: str
    truth: Callable[[dict, str], Truth]
    unit: str
    error: str

    @property
    def output(self) -> Path:
        return ROOT / "output" / self.workflow.stem


def scenes(count: int) -> list[tuple[int, str]]:
    """Held-out seeds, each with the next look."""
    return [(FIRST_SCENE + number, EDITED[number % len(EDITED)]) for number in range(count)]


def prompted(kind: Kind, info: dict, seed: int, look: str) -> tuple[Edit, dict]:
    """The shipped workflow for one scene and look, as a prompt and as the page saves it."""
    wanted = {kind.painter: {"seed": seed}, "Instruction": {"text": INSTRUCTIONS[look][0]}}
    workflow = set_widgets(load_workflow(kind.workflow), wanted, info)
    return Edit(to_prompt(workflow, info)), workflow


def chosen(pictures: np.ndarray) -> np.ndarray:
    """Some pictures of a set, side by side."""
    numbers = np.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).round().astype(int)
    return rearrange(pictures[numbers], "n h w c -> h (n w) c")


def label(kind: Kind, name: str, line: dict) -> str:
    parts = [name, f"{line['psnr']:.1f} dB"]
    parts.append(f"{kind.error} {line['error']:.4f}, {line['above_floor']:.4f} above the floor")
    if "evaluations" in line:
        parts.append(spent(line["evaluations"], line["seconds"]))
    return "   ".join(parts)


def write_pictures(kind: Kind, source: np.ndarray, results: dict[str, SetResult], lines: dict, truth: Truth) -> None:
    named = {label(kind, name, lines[name]): result.pictures for name, result in results.items()}
    rows = [("source", source), *named.items(), ("painted truth", truth.pictures)]
    contact_sheet([(name, chosen(pictures)) for name, pictures in rows]).save(kind.output / "strip.png")
    maps = [(name, chosen(truth.maps(pictures))) for name, pictures in named.items()]
    contact_sheet(maps).save(kind.output / f"{kind.error}_map.png")


def save_shipped(client: Client, edit: Edit, workflow: dict, folder: Path) -> None:
    """Run the workflow itself and keep the first file of every kind that it saves."""
    run = client.run(edit.prompt, workflow, ProgressBar(edit.prompt))
    for files in run.files.values():
        saved = [file for file in files if file["type"] == "output"]
        if saved:
            (folder / f"edit{Path(saved[0]['filename']).suffix}").write_bytes(client.fetch(saved[0]))


def compare(kind: Kind, client: Client, info: dict, seed: int, look: str) -> dict:
    """Figures of every contender on one set; of the first one pictures as well."""
    shown = seed == FIRST_SCENE
    edit, workflow = prompted(kind, info, seed, look)
    comparison = SetComparison(client, edit, kind.painter, ProgressBar if shown else quiet)
    truth = kind.truth(edit.inputs(kind.painter), look)
    results = comparison.run(look)
    lines = measured(results, truth.pictures, truth.error)
    if shown:
        save_shipped(client, edit, workflow, kind.output)
        source, _ = comparison.pictures(source_frames(edit))
        write_pictures(kind, source.pictures, results, lines, truth)
    return lines


def summary(kind: Kind, averages: dict) -> str:
    rows = []
    for name, f in averages.items():
        costs = [f"{f['evaluations']:.0f}", f"{f['seconds']:.0f}"] if "evaluations" in f else ["-", "-"]
        above = "-" if name == CEILING else f"{f['above_floor']:.4f}"
        rows.append([name, f"{f['psnr']:.2f} dB", f"{f['error']:.4f}", above, *costs])
    return table(["edit", "PSNR to the truth", kind.error, "above the floor", "evaluations", "seconds"], rows)


def main(kind: Kind, about: str) -> None:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--count", type=int, default=1, help=f"how many {kind.unit}s, each in the next look")
    parser.add_argument("--publish", action="store_true", help="write the means to dev/benchmarks/results/")
    arguments = parser.parse_args()
    if arguments.count < 1:
        parser.error(f"got {arguments.count} {kind.unit}s, expected at least one.")
    kind.output.mkdir(parents=True, exist_ok=True)
    path = kind.output / f"{fingerprint(kind.workflow)}.jsonl"
    try:
        done = list(fill(scenes(arguments.count), path, kind.output, partial(compare, kind), kind.unit).values())
    except (HostError, RunError) as error:
        sys.exit(str(error))
    report = {f"{kind.unit}s": len(done), "means": means(done), "each": done}
    (kind.output / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nMeans over {len(done)} held-out {kind.unit}s:\n\n{summary(kind, report['means'])}")
    if arguments.publish:
        (RESULTS / f"{kind.workflow.stem}.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"Pictures and report.json are in {kind.output.relative_to(ROOT)}/.")
