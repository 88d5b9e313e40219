"""docs/figures.md: the tables of what `make demo-quality`, `demo-video` and `demo-views` measured, from their results.

Run `python -m collaborative_score_distillation.dev.evaluation.figures` after `ARGS=--publish` on those.
"""

from __future__ import annotations

import json

from ..environment.env import ROOT
from . import long_range
from .kinds import KINDS, PANORAMA, Kind
from .published import RESULTS
from .scenes import summary

PAGE = ROOT / "docs" / "figures.md"
HEAD = """# Figures

Everything here is measured on the embedded demo models, on painted scenes that they never saw, against the painted
truth ([how](consistency.md)). In a table every method gets the same weights, guidance and number of U-Net sample
evaluations. The contenders without coupling are the baselines: what the host's own sampler gives for each picture by
itself, and FlowEdit (arXiv 2412.08629), DVRF (arXiv 2509.05342) and FlowAlign (arXiv 2505.23145) for each window or
picture by itself. "VAE ceiling" and "VAE of the truth" are the painted truth encoded and decoded: no edit can do
better. An instruction leaves the light open, so edits that are made apart differ. The column "in its nearest light"
measures against the light that is nearest.

MultiDiffusion stands in the tables as the host runs it, and at its best over start noise, guidance and steps: "started
late" with all evaluations, "two steps" with few. "Paper's kernel" is CSD-Edit with the kernel of the paper in place of
[CSD Tones](decisions/what-couples-far-windows.md).
The settings of both were chosen on two of the scenes that are measured here (1000001 and 1000003), so both are a little
flattered.

The same for [the first model](figures-first-model.md).

This page is written by `python -m collaborative_score_distillation.dev.evaluation.figures` from the files in
`dev/benchmarks/results`.
"""
TITLES = {"panorama": "Panoramas", "video": "Clips", "views": "View sets"}
COMMANDS = {
    "panorama": "make demo-quality PANORAMAS={}",
    "video": "make demo-video CLIPS={}",
    "views": "make demo-views VIEW_SETS={}",
}


def section(name: str, kind: Kind, found: dict) -> str:
    """One table, with the command that makes it and what made it."""
    kind_name, _, first = name.partition("-")
    model = "first" if first else "sharp"
    count = found[f"{kind.unit}s"]
    command = COMMANDS[kind_name].format(count) + (" MODEL=first" if first else "")
    machine = f"{found['machine']['cores']} cores, {found['machine']['threads']} threads"
    return (
        f"## {TITLES[kind_name]}, {model} model\n\n`{command}`: {count} {kind.unit}s, {found['edits']} edits; "
        f"{found['date']}, {machine}. Seconds were taken while other programs ran.\n\n{summary(kind, found['means'])}\n"
    )


def long_range_section(found: dict) -> str:
    """Tables of the wide canvases, with the command that makes them."""
    scenes, seeds, looks = found["scenes"], found["seeds"], " and ".join(found["looks"])
    tables = [f"{name} pixels:\n\n{long_range.summary(averages)}" for name, averages in found["means"].items()]
    told = (
        f"`make demo-long-range PANORAMAS={scenes}`: {scenes} scene, {looks}, {seeds} seeds each; {found['date']}. "
        "Windows are 128 pixels. The drift is what varies along x, in every row of squares of 64 pixels. What all "
        "seeds have in common is the model's own error of tone by place. The rest is chance."
    )
    return "\n\n".join(["## Many windows wide, sharp model", told, *tables]) + "\n"


def page() -> str:
    parts = [HEAD]
    for name, kind in KINDS.items():
        path = RESULTS / f"{kind.results}.json"
        if path.exists():
            parts.append(section(name, kind, json.loads(path.read_text())))
        wide = RESULTS / f"{long_range.NAME}.json"
        if kind is PANORAMA and wide.exists():
            parts.append(long_range_section(json.loads(wide.read_text())))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"Wrote {PAGE.relative_to(ROOT)}")
