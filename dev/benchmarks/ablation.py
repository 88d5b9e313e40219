"""`make ablation`: what kernel, correspondence and noise field each contribute to a clip or a view set.

Runs the shipped workflow in a real ComfyUI with one part changed at a time, at the same number of evaluations, and
compares with the painted truth. Finished edits are kept, so an interrupted run goes on. `--kind views` takes view sets.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from itertools import product

from tqdm import tqdm

from ..environment.client import Client, RunError, quiet
from ..environment.env import ROOT
from ..environment.server import HostError
from ..evaluation.comparison import Comparison
from ..evaluation.contenders import Coupled, through_vae
from ..evaluation.edit import Edit, with_options
from ..evaluation.kinds import KINDS, Kind, prompted
from ..evaluation.published import RESULTS, publish
from ..evaluation.results import edit_version, fill, means, table
from ..evaluation.truth import measured

COUPLED = ("video", "views")  # the kinds whose workflows couple along a correspondence
PLAIN = list(product(("independent", "rbf"), ("no",), ("independent", "shared")))
ALIGNED = list(product(("rbf", "uniform"), ("yes",), ("independent", "shared", "carried")))
VARIANTS = [*PLAIN, ("rbf", "no", "carried"), *ALIGNED]


def titled(variant: tuple[str, str, str]) -> str:
    return " | ".join(variant)


def exchanged(edit: Edit, kernel: str, correspondence: str, noise: str) -> dict:
    """The prompt with another kernel, with or without the correspondence, and with another noise field."""
    shipped = edit.inputs("CSDKernel")
    along = shipped["correspondence"]
    coupling = {key: value for key, value in shipped.items() if key != "correspondence"} | {"kernel": kernel}
    if correspondence == "yes":
        coupling["correspondence"] = along
    field = {"field": noise} | ({"correspondence": along} if noise == "carried" else {})
    options = {"coupling": ("CSDKernel", coupling), "noise": ("CSDNoiseField", field)}
    return with_options(edit, options).saving([edit.id("VAEDecode"), 0], "ablation")


def compare(kind: Kind, client: Client, info: dict, seed: int, look: str) -> dict:
    """Figures of every variant on one set."""
    edit, _ = prompted(kind, info, seed, look)
    comparison = Comparison(client, edit, quiet)
    results = {kind.vae: comparison.pictures(through_vae(edit, kind.painter, look))}
    for variant in tqdm(VARIANTS, desc=look, leave=False):
        make = partial(exchanged, kernel=variant[0], correspondence=variant[1], noise=variant[2])
        results[titled(variant)] = comparison.coupled(Coupled(titled(variant), make, sampler_only=True))
    return measured(results, kind.truth(edit, look), kind.vae)


def summary(kind: Kind, averages: dict) -> str:
    found = {variant: averages[titled(variant)] for variant in VARIANTS}
    rows = [[*variant, f"{f['psnr']:.2f} dB", f"{f['above_floor']:.4f}"] for variant, f in found.items()]
    return table(["kernel", "correspondence", "noise", "PSNR", f"{kind.error} above the floor"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=COUPLED, default="video")
    parser.add_argument("--count", type=int, default=2, help="how many sets, each in the next look")
    parser.add_argument("--publish", action="store_true", help=f"write the means to {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    kind = KINDS[f"{arguments.kind}-first"]
    kind.output.mkdir(parents=True, exist_ok=True)
    path = kind.output / f"ablation_{edit_version(kind.workflow)}.jsonl"
    try:
        done = list(fill(kind.scenes(arguments.count), path, kind.output, partial(compare, kind), kind.unit).values())
    except (HostError, RunError) as error:
        sys.exit(str(error))
    averages = means(done)
    floor = averages[kind.vae]
    print(f"\nMeans over {len(done)} {kind.unit}s; the VAE alone: {floor['psnr']:.2f} dB, {floor['error']:.4f}\n")
    print(summary(kind, averages))
    if arguments.publish:
        publish(RESULTS, f"ablation_{arguments.kind}", {f"{kind.unit}s": len(done), "means": averages})


if __name__ == "__main__":
    main()
