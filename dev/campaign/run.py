"""Random graphs in this process, each judged; between them one good run that has to stay the same to the bit."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

import psutil
import torch

from .graphs import Graphs
from .oracles import Verdict, judged

EVERY = 50  # graphs between two good runs
GOOD = {
    "seed": 11,
    "steps": 2,
    "step_size": 1.0,
    "guidance": 3.0,
    "image_guidance": 1.5,
    "noise_low": 0.1,
    "noise_high": 0.6,
    "particles_per_step": 0,
    "particles_at_once": 2,
}


def campaign(graphs: Graphs, numbers: Iterable[int], limit: float = 5.0) -> list[Verdict]:
    """What came of the graphs with these numbers. limit: seconds until a graph is cancelled."""
    management = importlib.import_module("comfy.model_management")
    good, at_rest = good_run(graphs), psutil.Process().memory_info().rss
    verdicts = []
    for count, number in enumerate(numbers, start=1):
        verdicts.append(judged(graphs, graphs.graph(number), management, at_rest, limit))
        if count % EVERY == 0 and not torch.equal(good_run(graphs), good):
            verdicts.append(Verdict("changed", f"after graph {number} the good run gave something else"))
    return verdicts


def good_run(graphs: Graphs) -> torch.Tensor:
    world = graphs.worlds.of("windows")
    prompts = {"positive": world["CONDITIONING"], "negative": world["CONDITIONING"]}
    links = {"model": world["MODEL"], "latent": world["LATENT"], "layout": world["CSD_LAYOUT"], **prompts}
    return graphs.host.run("CSDEditSampler", **links, **GOOD)[0]["samples"].clone()
