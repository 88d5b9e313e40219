"""docs/benchmarks.md and its plots: `python -m collaborative_score_distillation.dev.benchmarks.report`.

Nothing is measured here and no figure is typed: what has no results yet is left out.
"""

import json
from pathlib import Path

from ..environment.env import ROOT
from ..evaluation.published import RESULTS
from ..evaluation.results import table
from . import memory, plots

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "pictures"
MIB = 2**20
HEAD = """# Benchmarks

Made by `make bench` (all parts) and `python -m collaborative_score_distillation.dev.benchmarks.report` (this page) from
`dev/benchmarks/results/`. Methods take turns within one run, and ratios are medians over the rounds. So a slow
machine changes the times more than the ratios. *Authors* is their published loop, written again in
`dev/benchmarks/authors.py`. The tests compare it with recorded runs of their code.
"""


def made_by(results: dict) -> str:
    if "machine" not in results:
        return ""
    machine, versions = results["machine"], results["versions"]
    on = machine.get("gpu") or f"{machine['processor']}, {machine['threads']} of {machine['cores']} cores"
    kept = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"`{results['command']}`, {results['date']}, {on}; {kept}.\n"


def pictures(names: list[str]) -> str:
    return "\n".join(f"![{Path(name).stem.replace('_', ' ')}](pictures/{name})" for name in names)


def coupling(results: dict) -> str:
    rows = []
    for row in results["rows"]:
        theirs = row.get("authors")
        cells = [
            str(row["particles"]),
            f"{1e3 * row['ours']['seconds']:.1f} ms",
            f"{row['ours']['bytes'] / MIB:.0f} MiB",
        ]
        if theirs:
            times = [f"{row['times faster']:.1f}", f"{row['times smaller']:.0f}" if row["ours"]["bytes"] else "-"]
            cells += [f"{1e3 * theirs['seconds']:.1f} ms", f"{theirs['bytes'] / MIB:.0f} MiB", *times]
        rows.append(cells if theirs else [*cells, "does not fit", "", "", ""])
    header = ["particles", "ours", "", "authors", "", "times faster", "times smaller"]
    shape = " x ".join(map(str, results["shape"]))
    text = f"The direction of particles of {shape} numbers, the same from both; memory beyond the particles."
    return "\n\n".join([text, table(header, rows), pictures(plots.coupling(results, PICTURES))])


def step(results: dict) -> str:
    found, use = results["summary"], results["use of the machine"]
    rows = [
        [name, str(f["evaluations"]), f"{f['seconds']:.2f} s", f"{100 * f['outside the model']:.1f} %"]
        for name, f in found.items()
        if isinstance(f, dict)
    ]
    size = results["cells"]
    text = (
        f"{results['windows']} windows of {size} x {size} latents under a U-Net of SD 1.5's size. Ours runs through "
        f"ComfyUI: {found['times fewer evaluations']:.2f} times fewer evaluations, "
        f"**{found['times faster']:.2f} times faster**. The model runs at "
        f"{100 * use['share']:.0f} % of the rate of one large matrix product here."
    )
    return "\n\n".join([text, table(["", "evaluations", "a step", "outside the model"], rows), results["note"] or ""])


def quality(results: dict, kind: str, figures: dict[str, str]) -> str:
    rows = []
    for family, lines in plots.families(results["means"]).items():
        for line in lines:
            values = [f"{line[key]:.2f} dB" if key == "psnr" else f"{line[key]:.4f}" for key in figures]
            rows.append([family, line["label"], f"{line['evaluations']:.0f}", *values])
    shown = pictures(plots.quality(results, PICTURES, kind, figures))
    text = f"Means over {results['edits']} held-out painted {kind}s, edited by the demo model."
    return "\n\n".join([text, table(["", "", "evaluations", *figures.values()], rows), shown])


def panoramas(results: dict) -> str:
    return quality(results, "panorama", {"psnr": "PSNR to the painted truth", "drift": "drift along x"})


def clips(results: dict) -> str:
    return quality(results, "clip", {"psnr": "PSNR to the painted truth", "flicker": "flicker"})


def length(results: dict) -> str:
    first = results["rows"][0]
    rows = []
    for row in results["rows"]:
        more, own = row["bytes"] - first["bytes"], row["latents"] - first["latents"]
        cells = [f"{1e3 * row['seconds a step']:.0f} ms", *(f"{b / MIB:.1f} MiB" for b in (row["bytes"], more, own))]
        rows.append([str(row["windows"]), *cells])
    text = f"{results['windows a step']} windows a step, {results['at once']} at once."
    return text + "\n\n" + table(["windows", "a step", "memory", "more than the first", "its latents"], rows)


def frames(results: dict) -> str:
    text = f"Clips of 192 x 128 from pictures to pictures, {results['frames a step']} frames a step."
    return text + "\n\n" + memory.summary(results["runs"])


def evaluations(results: dict) -> str:
    kinds = results["counts"]
    settings = next(iter(kinds.values()))
    rows = [[name, *(f"{counts[name]:,}" for counts in kinds.values())] for name in settings]
    text = "Dual guidance, an empty negative prompt; twelve windows, or 24 frames."
    return text + "\n\n" + table(["", *kinds], rows)


SECTIONS = {
    "coupling": ("Coupling", coupling),
    "step": ("One exact step", step),
    "quality_cost_panorama": ("Quality against cost: panoramas", panoramas),
    "quality_cost_clip": ("Quality against cost: clips", clips),
    "length": ("Number of windows", length),
    "memory": ("Number of frames", frames),
    "evaluations": ("Evaluations of an edit with InstructPix2Pix", evaluations),
}


def page(folder: Path) -> str:
    parts = [HEAD]
    for name, (title, section) in SECTIONS.items():
        path = folder / f"{name}.json"
        if path.exists():
            results = json.loads(path.read_text())
            parts += [f"## {title}", made_by(results), section(results)]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(RESULTS))
    print(f"Wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
