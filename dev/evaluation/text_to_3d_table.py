"""`make demo-text-to-3d-table`: the methods of `text_to_3d` and others by three texts by three seeds.

    CSD on features          as printed, by a kernel on what the VAE encodes of renders at 64 pixels, without repulsion
    SDS through the encoder  directions go back by the gradient of the VAE's encoder
    CSD through the encoder  both of these: the paper's way

Every run is kept as it comes, so an interrupted table goes on where it stopped. Beside the measures of `around` stands
the diversity: how far the views of two seeds are apart, in the distance of paintings of two objects.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from itertools import combinations
from statistics import mean, stdev

import torch

from ..environment.env import ROOT
from ..environment.in_process import InProcessHost
from . import results
from .results import keep, known, missing
from .sheet import contact_sheet
from .text_to_3d import ALONE, AS_USUAL, COLUMNS, OUTPUT, PRINTED, Method, World, strip
from .text_to_3d import METHODS as SHOWN

OBJECTS = (("car", "red"), ("house", "blue"), ("balloon", "yellow"))
SEEDS = (0, 1, 2)
RESULTS = ROOT / "dev" / "benchmarks" / "results" / "text_to_3d.jsonl"
TRUTH, SPOT = "paintings", "spot"
ENCODER = {**AS_USUAL, "gradient": "encoder"}
METHODS = {
    **SHOWN,
    "CSD on features": Method(PRINTED, features=True),
    "SDS through the encoder": Method(ALONE, inputs=ENCODER),
    "CSD through the encoder": Method(PRINTED, features=True, inputs=ENCODER),
}
KEPT = 3  # decimals

PAIRS = (
    ("CSD as printed", "SDS"),
    ("CSD on features", "SDS"),
    ("CSD through the encoder", "SDS through the encoder"),
    ("SDS through the encoder", "SDS"),
    ("ours", "SDS"),
)


def fill(host: InProcessHost) -> None:
    """Make what is missing. All objects come once before the next seed."""
    worlds = {f"{colour} {kind}": World(host, kind, colour) for kind, colour in OBJECTS}
    keys = [(0, f"{TRUTH}, {scene}") for scene in worlds]
    keys += [(seed, f"{method}, {scene}") for seed in SEEDS for scene in worlds for method in METHODS]
    for seed, name in missing(keys, RESULTS):
        method, scene = name.split(", ")
        world = worlds[scene]
        keep(RESULTS, (seed, name), truth(world) if method == TRUTH else judged(world, method, int(seed)))
        print(f"seed {seed}: {name}", flush=True)


def truth(world: World) -> dict:
    """What the paintings have of the measures that say nothing about a likeness."""
    spots = [world.judge.spot(views) for views in world.judge.paintings.each]
    return {**world.judge.truth(), "apart": apart(spots)}


def judged(world: World, method: str, seed: int) -> dict:
    """Figures of a run, and where its views lie among the paintings. Its picture is in the output folder."""
    splat, cost = world.made(METHODS[method], seed)
    seen = world.seen(splat)
    title = f"{method}, {world.colour} {world.kind}, seed {seed}"
    contact_sheet([(title, strip(seen.colour))]).save(OUTPUT / f"{title.replace(', ', '_').replace(' ', '_')}.png")
    figures = {key: round(value, KEPT) for key, value in {**world.judge(seen), **cost}.items()}
    return {**figures, SPOT: [[round(value, KEPT) for value in view] for view in world.judge.spot(seen).tolist()]}


def apart(spots: list[torch.Tensor]) -> float:
    """Mean distance of the same view of two scenes, [V, D] each, over all pairs of scenes."""
    return mean(float((one - other).norm(dim=1).mean()) for one, other in combinations(spots, 2))


def lines() -> Iterator[tuple[str, str, list[dict]]]:
    """Object, method and the results of its seeds, as far as they are there."""
    done = known(RESULTS)
    for kind, colour in OBJECTS:
        for method in METHODS:
            name = f"{method}, {colour} {kind}"
            found = [done[seed, name] for seed in SEEDS if (seed, name) in done]
            if found:
                yield f"{colour} {kind}", method, found


def table() -> str:
    """Means over the seeds, with the standard deviation between seeds."""
    done = known(RESULTS)
    names = [name for name in COLUMNS if name not in ("evaluations", "seconds")]
    rows = []
    for scene, method, found in lines():
        painted = done.get((0, f"{TRUTH}, {scene}"), {})
        values = [spread([one[name] for one in found]) for name in names]
        rows.append([scene, method, str(len(found)), *values, diversity(found, painted)])
    return results.table(["scene", "method", "seeds", *(COLUMNS[name] for name in names), "diversity"], rows)


def pairs() -> str:
    """Differences of two methods on the same object and seed: mean, its standard error, and how many are above zero."""
    done, names = known(RESULTS), [name for name in COLUMNS if name not in ("fronts", "evaluations", "seconds")]
    rows = []
    for one, other in PAIRS:
        keys = [(seed, f"{colour} {kind}") for seed in SEEDS for kind, colour in OBJECTS]
        both = [[done.get((seed, f"{method}, {scene}")) for method in (one, other)] for seed, scene in keys]
        found = [(first, second) for first, second in both if first and second]
        if len(found) > 1:
            rows.append([f"{one} - {other}", *(paired([a[name] - b[name] for a, b in found]) for name in names)])
    return results.table(["methods", *(COLUMNS[name] for name in names)], rows)


def paired(differences: list[float]) -> str:
    error = stdev(differences) / len(differences) ** 0.5
    above = sum(difference > 0 for difference in differences)
    return f"{mean(differences):+.3f} ± {error:.3f}, {above} of {len(differences)}"


def spread(values: list[float]) -> str:
    return f"{mean(values):.2f} ± {stdev(values):.2f}" if len(values) > 1 else f"{values[0]:.2f}"


def diversity(found: list[dict], painted: Mapping[str, float]) -> str:
    """Of the seeds, in that of the paintings."""
    if len(found) < 2 or "apart" not in painted:
        return ""
    return f"{apart([torch.tensor(one[SPOT]) for one in found]) / painted['apart']:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--print", action="store_true", help="the table of what is there, and nothing is run")
    if not parser.parse_args().print:
        OUTPUT.mkdir(parents=True, exist_ok=True)
        fill(InProcessHost(OUTPUT / "comfyui", "--cpu"))
    print(f"{table()}\n\n{pairs()}")


if __name__ == "__main__":
    main()
