"""Quality against cost: `python -m collaborative_score_distillation.dev.benchmarks.quality_cost`.

Held-out painted panoramas (PSNR to the painted truth, drift, seam) and a painted clip (PSNR, flicker) edited by the
demo model in a real ComfyUI: the authors' schedule, ours with fewer and fewer steps and with every saving, windows or
frames one by one, and MultiDiffusion. Three panoramas and a clip in one look, or with FULL=1 eight and six in every
look. Each result is kept in output/bench/ at once, so that an interrupted run goes on.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from ...demo.painter import EDITED
from ..environment.client import Client, RunError, quiet
from ..environment.env import ROOT
from ..environment.server import HostError
from ..evaluation.comparison import Comparison, Result
from ..evaluation.contenders import Coupled, Matched, through_vae
from ..evaluation.edit import Edit
from ..evaluation.kinds import CLIP_FIRST, FIRST_SCENE, FLOOR, PANORAMA_FIRST, Kind, prompted
from ..evaluation.published import parser, publish
from ..evaluation.results import Scene, edit_version, fill, means
from ..evaluation.sheet import contact_sheet
from ..evaluation.truth import Truth, rounded
from . import variants
from .variants import Variant

OUTPUT = ROOT / "output" / "bench"
KINDS = {"panorama": PANORAMA_FIRST, "clip": CLIP_FIRST}
TRIED = {"panorama": (variants.PANORAMA, (84, 168, 252, 504)), "clip": (variants.CLIP, (432, 864))}
SHORT = (variants.SHORT, (24,))
SEEDS = {"panorama": 8, "clip": 6}
FIGURES = {"panorama": ("psnr", "drift", "seam"), "clip": ("psnr", "error")}
DIGITS = {"psnr": 3, "seam": 3}
LOOK = "winter"
Named = Iterator[tuple[str, Result]]


def full_by_request() -> bool:
    return os.environ.get("FULL", "") not in ("", "0")


def results(comparison: Comparison, kind: Kind, look: str, tried: tuple[Variant, ...], budgets: tuple) -> Named:
    """The truth through the VAE, every variant, and every other contender with every budget."""
    ceiling = comparison.pictures(through_vae(comparison.edit, kind.painter, look))
    yield FLOOR, ceiling
    for variant in tried:
        result = comparison.coupled(Coupled(variant.name, variant.prompt))
        yield variant.name, replace(result, evaluations=variant.evaluations(result.evaluations))
    for contender in (contender for contender in kind.contenders if isinstance(contender, Matched)):
        for budget in budgets:
            result = comparison.matched(contender, ceiling.pictures.shape, budget)
            yield f"{contender.name}: {result.evaluations} evaluations", result


def figures(name: str, result: Result, truth: Truth) -> dict[str, float]:
    """The figures that are plotted against evaluations, the consistency error under its own name."""
    found = truth.figures(result.pictures)
    kept = {KINDS[name].error if figure == "error" else figure: found[figure] for figure in FIGURES[name]}
    return rounded(kept, DIGITS) | ({"evaluations": result.evaluations} if result.evaluations else {})


def edit_of(name: str, info: dict, scene: int, look: str, short: bool) -> Edit:
    edit, _ = prompted(KINDS[name], info, scene, look)
    return edit.with_inputs({(CLIP_FIRST.painter, None): {"frames": 4}}) if short and name == "clip" else edit


def scenes(name: str, full: bool, short: bool) -> list[Scene]:
    few = 3 if name == "panorama" and not short else 1
    looks = EDITED if full else [LOOK]
    return [(FIRST_SCENE + i, look) for i in range(SEEDS[name] if full else few) for look in looks]


def path_of(name: str, short: bool) -> Path:
    """Named after the edit and the variants, so that results of other edits are not reused."""
    plan = hashlib.blake2b(repr(SHORT if short else TRIED[name]).encode(), digest_size=4).hexdigest()
    return OUTPUT / f"{name}_{edit_version(KINDS[name].workflow)}_{plan}.jsonl"


def compare_on(name: str, short: bool, client: Client, info: dict, scene: int, look: str) -> dict:
    """Figures of every contender on one scene; their pictures (of a clip the middle one) go to the output folder."""
    edit = edit_of(name, info, scene, look, short)
    truth, found, rows = KINDS[name].truth(edit, look), {}, []
    tried, budgets = SHORT if short else TRIED[name]
    for contender, result in results(Comparison(client, edit, quiet), KINDS[name], look, tried, budgets):
        found[contender] = figures(name, result, truth)
        print(f"{name} {scene} {look}, {contender}: {found[contender]}", flush=True)
        rows.append((contender, result.pictures[len(result.pictures) // 2]))
    contact_sheet(rows).save(OUTPUT / f"{name}_{scene}_{look}.png")
    return found


def main() -> None:
    asked = parser(__doc__)
    asked.add_argument("--full", action="store_true", help="every scene and look", default=full_by_request())
    asked.add_argument("--only", choices=KINDS, nargs="+", default=list(KINDS))
    arguments = asked.parse_args()
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
