"""Random graphs in this process, each judged; between them one good run that has to stay the same to the bit."""

from __future__ import annotations

import importlib
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import torch

from ..environment.in_process import InProcessHost
from .graphs import Graphs
from .oracles import BAD, Verdict, judged

EVERY = 50  # graphs between two good runs
GOOD = {
    "seed": 11, "steps": 2, "step_size": 1.0, "guidance": 3.0, "image_guidance": 1.5, "noise_low": 0.1,
    "noise_high": 0.6, "particles_per_step": 0, "particles_at_once": 2,
}


def campaign(numbers: Iterable[int], limit: float = 5.0) -> dict:
    """Counts of outcomes, and what was wrong, of the graphs with these numbers. limit: seconds until a cancel."""
    logging.disable(logging.WARNING)
    with TemporaryDirectory() as base:
        graphs = Graphs(InProcessHost(Path(base), "--cpu"))
        management = importlib.import_module("comfy.model_management")
        good, at_rest = good_run(graphs), psutil.Process().memory_info().rss
        verdicts = []
        for count, number in enumerate(numbers, start=1):
            verdicts.append(judged(graphs, graphs.graph(number), management, at_rest, limit))
            if count % EVERY == 0 and not torch.equal(good_run(graphs), good):
                verdicts.append(Verdict("changed", f"after graph {number} the good run gave something else"))
    return summed_up(verdicts)


def good_run(graphs: Graphs) -> torch.Tensor:
    world = graphs.worlds.of("windows")
    prompts = {"positive": world["CONDITIONING"], "negative": world["CONDITIONING"]}
    links = {"model": world["MODEL"], "latent": world["LATENT"], "layout": world["CSD_LAYOUT"], **prompts}
    return graphs.host.run("CSDEditSampler", **links, **GOOD)[0]["samples"].clone()


def summed_up(verdicts: list[Verdict]) -> dict:
    cancels = [verdict.cancel for verdict in verdicts if verdict.cancel is not None]
    return {
        "graphs": len(verdicts),
        "outcomes": dict(Counter(verdict.outcome for verdict in verdicts)),
        "sampled": sum(verdict.sampled for verdict in verdicts),
        "slowest cancel, s": round(max(cancels, default=0.0), 2),
        "largest memory, MiB": round(max((verdict.memory for verdict in verdicts), default=0) / 2**20),
        "wrong": [asdict(verdict) for verdict in verdicts if verdict.outcome in BAD],
    }
