"""Memory that runs out in the model, in its first, second or third call, once or from then on.

Where several particles or predictions were in that call, they are halved and the run ends well. With one row there is
nothing to halve, and the node says what to do.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

import torch

from .graphs import KSAMPLER
from .oracles import Verdict
from .run import GOOD, good_run

CALLS = 3
_GUIDED = {"model", "positive", "negative", "layout", "guidance", "image_guidance", "particles_at_once"}


def _of_the_cpu() -> RuntimeError:
    """As torch's allocator for the CPU says it."""
    return RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")


ERRORS: dict[str, Callable[[], Exception]] = {
    "MemoryError": MemoryError,
    "OutOfMemoryError": torch.OutOfMemoryError,
    "RuntimeError": _of_the_cpu,
}


@dataclass
class Fault:
    """A wrapper around a model's calls that fails.

    call    the number of the first call that fails
    lasts   whether those after it fail as well
    rows    how many rows the calls had that failed
    """

    error: Callable[[], Exception]
    call: int
    lasts: bool
    calls: int = 0
    rows: list[int] = field(default_factory=list)

    def __call__(self, executor, x, *args, **kwargs):
        self.calls += 1
        if self.calls == self.call + 1 or (self.lasts and self.calls > self.call):
            self.rows.append(x.shape[0])
            raise self.error()
        return executor(x, *args, **kwargs)


def out_of_memory(graphs, calls: int = CALLS) -> Iterator[Verdict]:
    """What the samplers make of it, and whether a good run is afterwards what it was."""
    before = good_run(graphs)
    for (sampler, run), name, call, lasts, at_once in product(
        SAMPLERS.items(), ERRORS, range(calls), (False, True), (2, 1)
    ):
        kind = f"{sampler}: {name} in call {call}{' and on' if lasts else ''}, {at_once} at once"
        yield _judged(graphs, run, Fault(ERRORS[name], call, lasts), kind, at_once)
    if not torch.equal(good_run(graphs), before):
        yield Verdict("changed", "after memory ran out the good run gave something else", target="out of memory")


def _judged(graphs, run: Callable, fault: Fault, kind: str, at_once: int) -> Verdict:
    wrappers = importlib.import_module("comfy.patcher_extension").WrappersMP
    model = graphs.worlds.of("windows")["MODEL"].clone()
    model.add_wrapper_with_key(wrappers.APPLY_MODEL, "campaign", fault)
    try:
        made = run(graphs, model, at_once)
    except Exception as error:  # judged by what it says
        said = isinstance(error, ValueError) and "expected room for one; take smaller" in str(error)
        named = str(error).startswith("CSD")
        good = said and named and fault.rows[-1] == 1
        return Verdict("refused" if good else "broken", f"{kind}: {error!r}"[:300], target="out of memory")
    good = bool(torch.isfinite(made["samples"]).all()) and fault.rows and 1 not in fault.rows
    return Verdict("result" if good else "broken", f"{kind}: rows {fault.rows}", target="out of memory")


def _links(graphs, model) -> dict:
    world = graphs.worlds.of("windows")
    prompts = {"positive": world["CONDITIONING"], "negative": world["CONDITIONING"]}
    return {"model": model, "latent": world["LATENT"], "layout": world["CSD_LAYOUT"], **prompts}


def _edited(graphs, model, at_once: int) -> dict:
    return graphs.host.run("CSDEditSampler", **_links(graphs, model), **{**GOOD, "particles_at_once": at_once})[0]


def _generated(graphs, model, at_once: int) -> dict:
    numbers = {name: value for name, value in GOOD.items() if name != "image_guidance"}
    return graphs.host.run("CSDSampler", **_links(graphs, model), **{**numbers, "particles_at_once": at_once})[0]


def _by_the_core(graphs, model, at_once: int) -> dict:
    """Our guider, sampler and sigmas in the core's sampler."""
    run, links, given = graphs.host.run, _links(graphs, model), {**GOOD, "particles_at_once": at_once}
    chosen = {name: value for name, value in {**links, **given}.items() if name in _GUIDED}
    levels = {name: given[name] for name in ("steps", "noise_low", "noise_high", "seed")}
    wires = {
        "noise": run("RandomNoise", noise_seed=1)[0],
        "guider": run("CSDGuider", **chosen)[0],
        "sampler": run("CSDDistillation", step_size=1.0, particles_per_step=0)[0],
        "sigmas": run("CSDSigmas", model=model, **levels)[0],
    }
    return run("SamplerCustomAdvanced", **wires, latent_image=links["latent"])[0]


def _averaged(graphs, model, at_once: int) -> dict:
    world = graphs.worlds.of("windows")
    (patched,) = graphs.host.run(
        "CSDMultiDiffusion", model=model, layout=world["CSD_LAYOUT"], particles_at_once=at_once
    )
    return graphs.host.run("KSampler", model=patched, **world.whole, **KSAMPLER)[0]


SAMPLERS: dict[str, Callable] = {
    "CSDEditSampler": _edited,
    "CSDSampler": _generated,
    "CSDGuider": _by_the_core,
    "CSDMultiDiffusion": _averaged,
}
