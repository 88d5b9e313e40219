"""`make demo-quality`, `make demo-video` and `make demo-views`: edits of painted scenes that the model never saw.

Runs the shipped workflow in a real ComfyUI for every scene, beside other means with as many U-Net sample evaluations,
measures all of them against the painted truth and prints the means. Writes to the output folder of the kind:
pictures, report.json, and each result as soon as it is there, so that an interrupted run goes on where it stopped.
Another workflow, other weights or other code start afresh.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ...demo.painter import EDITED
from ..environment.client import Client, ProgressBar, RunError, quiet
from ..environment.env import ROOT
from ..environment.server import HostError
from . import contenders
from .comparison import Comparison, Result
from .edit import Edit
from .kinds import FIRST_SCENE, KINDS, Kind, prompted
from .published import RESULTS, publish
from .results import Scene, edit_version, fill, means, spent, table
from .sheet import chosen, contact_sheet, moving
from .truth import PaintedSet, Truth, measured

Lines = Mapping[str, Mapping[str, float]]


def label(kind: Kind, name: str, line: Mapping[str, float]) -> str:
    """One contender's figures in a line of text."""
    parts = [name]
    if "error" in line:
        parts.append(f"{line['psnr']:.1f} dB")
        parts.append(f"{kind.error} {line['error']:.4f}, {line['above_floor']:.4f} above the floor")
    elif "psnr" in line:
        parts.append(f"{line['psnr']:.1f} dB, drift {line['drift']:.4f}, seam {line['seam']:.2f}")
    if "evaluations" in line:
        parts.append(spent(line["evaluations"], line["seconds"]))
    return "   ".join(parts)


def write_sheet(
    kind: Kind, source: Result, results: Mapping[str, Result], lines: Lines, truth: Truth | None, path: Path
) -> None:
    """Source, every contender and the truth under each other; beside it a map of where neighbours disagree."""
    named = {label(kind, name, lines[name]): result.pictures for name, result in results.items()}
    rows = {"source": source.pictures, **named} | ({"painted truth": truth.pictures} if truth else {})
    contact_sheet([(name, chosen(pictures)) for name, pictures in rows.items()]).save(path)
    if isinstance(truth, PaintedSet):
        maps = [(name, chosen(truth.maps(pictures))) for name, pictures in named.items()]
        contact_sheet(maps).save(path.with_name(f"{kind.error}_map.png"))


def save_shipped(client: Client, edit: Edit, workflow: dict, folder: Path) -> None:
    """Run the workflow itself and keep the first file of every kind that it saves."""
    run = client.run(edit.prompt, workflow, ProgressBar(edit.prompt))
    for files in run.files.values():
        saved = [file for file in files if file["type"] == "output"]
        if saved:
            (folder / f"edit{Path(saved[0]['filename']).suffix}").write_bytes(client.fetch(saved[0]))


def sheet_of(kind: Kind, seed: int, look: str) -> Path | None:
    """Where the pictures of a scene go: of a panorama always, of other kinds those of the first one."""
    if not kind.error:
        return kind.output / f"{seed}_{look}.png"
    return kind.output / "strip.png" if seed == FIRST_SCENE else None


def compare(kind: Kind, client: Client, info: dict, seed: int, look: str) -> dict:
    """Figures of every contender on one scene."""
    edit, workflow = prompted(kind, info, seed, look)
    sheet = sheet_of(kind, seed, look)
    watch = ProgressBar if kind.error and sheet else quiet
    comparison = Comparison(client, edit, watch, workflow)
    results = comparison.run(kind.contenders, kind.shipped)
    results[kind.vae] = comparison.pictures(contenders.through_vae(edit, kind.painter, look))
    truth = kind.truth(edit, look)
    lines = measured(results, truth, kind.vae)
    if sheet:
        write_sheet(kind, comparison.pictures(contenders.source(edit)), results, lines, truth, sheet)
    if sheet and kind.error:
        save_shipped(client, edit, workflow, kind.output)
        apart, together = kind.contenders[0].name, kind.shipped
        shown = {"source": comparison.pictures(contenders.source(edit))}
        shown |= {name: results[name] for name in (apart, together)}
        moving([(name, result.pictures) for name, result in shown.items()], kind.output / "moving.webp")
    return lines


def summary(kind: Kind, averages: Lines) -> str:
    """The means as a table, the contender with the lowest PSNR first."""
    rows = []
    for name, f in sorted(averages.items(), key=lambda item: item[1]["psnr"]):
        figures = [written.format(f[figure]) for figure, (_, written) in kind.columns.items()]
        cost = [f"{f['evaluations']:.0f}", f"{f['seconds']:.1f}"] if "evaluations" in f else ["-", "-"]
        rows.append([name, *figures, *cost])
    titles = [title for title, _ in kind.columns.values()]
    return table(["edit", *titles, "evaluations", "seconds"], rows)


def report(kind: Kind, count: int, done: Mapping[Scene, dict]) -> dict:
    looks = list(dict.fromkeys(look for _, look in done))
    by_look = {look: means([lines for (_, each), lines in done.items() if each == look]) for look in looks}
    each = list(done.values())
    return {f"{kind.unit}s": count, "edits": len(done), "means": means(each), "by look": by_look, "each": each}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=list(KINDS), required=True)
    parser.add_argument("--count", type=int, default=1, help="how many scenes")
    parser.add_argument("--look", choices=EDITED, help="edit every scene in this look")
    parser.add_argument("--publish", action="store_true", help=f"write the means to {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    kind = KINDS[arguments.kind]
    if arguments.count < 1:
        parser.error(f"got {arguments.count} {kind.unit}s, expected at least one.")
    kind.output.mkdir(parents=True, exist_ok=True)
    path = kind.output / f"{edit_version(kind.workflow)}.jsonl"
    try:
        done = fill(kind.scenes(arguments.count, arguments.look), path, kind.output, partial(compare, kind), "edit")
    except (HostError, RunError) as error:
        sys.exit(str(error))
    found = report(kind, arguments.count, done)
    (kind.output / "report.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"\nMeans over {arguments.count} held-out {kind.unit}s, {len(done)} edits:\n")
    print(summary(kind, found["means"]))
    if arguments.publish:
        publish(RESULTS, kind.results, found)
    print(f"Pictures and report.json are in {kind.output.relative_to(ROOT)}/.")


if __name__ == "__main__":
    main()
