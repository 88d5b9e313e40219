"""`python -m collaborative_score_distillation.dev.benchmarks.step`: one exact step, ours against the authors' loop.

Twelve windows of a panorama under a U-Net of SD 1.5's size with random weights: 64 x 64 latents in half precision on
a GPU, 16 x 16 in float32 on a CPU. Ours runs through ComfyUI's sampling, whose overhead counts; theirs calls the
bare U-Net. Steps take turns. On a GPU a profile of a step is written as well.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, repeat
from statistics import median
from typing import Any

import torch

from ...csd.windows import as_size
from ...media.layout import Layout, plan
from ..environment.in_process import boot_host
from ..evaluation.published import NO_GPU, parser, publish
from .timing import device, ratio, seconds, settle

WINDOWS, OVERLAP = 12, 0.75
CELLS = {"cuda": 64, "cpu": 16}
ROUNDS = {"cuda": 20, "cpu": 5}
GUIDANCE, IMAGE_GUIDANCE = 7.5, 1.5
TIME = 300  # training step of the noise level


@dataclass
class Stopwatch:
    """Time inside the U-Net, and how many samples went through it."""

    seconds: float = 0.0
    samples: int = 0
    _begun: float = field(default=0.0, init=False)

    def watch(self, unet: torch.nn.Module) -> None:
        unet.register_forward_pre_hook(self._enter)
        unet.register_forward_hook(self._leave)

    def _enter(self, module, inputs) -> None:
        settle()
        self._begun = time.perf_counter()

    def _leave(self, module, inputs, output) -> None:
        settle()
        self.seconds += time.perf_counter() - self._begun
        self.samples += len(output)

    def take(self) -> tuple[float, int]:
        taken, self.seconds, self.samples = (self.seconds, self.samples), 0.0, 0
        return taken


@dataclass(frozen=True)
class Case:
    """The model and the windows that both contenders edit."""

    patcher: Any
    layout: Layout
    source: torch.Tensor
    prompts: tuple[list, list]


def make_case(cells: int, small: bool) -> Case:
    from .model import instruct_pix2pix, prompt

    pixels, stride = 8 * cells, round(8 * cells * (1 - OVERLAP))
    width = pixels + (WINDOWS - 1) * stride
    layout = plan((pixels, width), (pixels, pixels), pixels - stride, (False, False), 8, 1)
    source = torch.randn(1, 4, cells, width // 8, generator=torch.Generator().manual_seed(1))
    image = layout.windows.rescaled((cells, cells)).split(source)
    patcher = instruct_pix2pix(device(), small)
    return Case(patcher, layout, source, (prompt(patcher, 2, image), prompt(patcher, 3, image)))


def our_steps(case: Case, at_once: int, between) -> None:
    """Run our step over and over inside one sampling run, and `between(seconds)` after each."""
    from ...csd import presets
    from ...csd.baseline import ImageConditional
    from ...csd.guidance import Guidance
    from ...host.distiller import Distiller, NoiseChoice
    from ...host.guider import CSDGuider

    guider = CSDGuider(case.patcher, Guidance(GUIDANCE, IMAGE_GUIDANCE), ImageConditional(), case.layout, at_once)
    guider.set_conds(*case.prompts)
    paper = presets.paper(step_size=1e-3)  # random weights: large steps would lead to overflow
    distiller = Distiller(couple=paper.couple, update=paper.update, noise=NoiseChoice(paper.noise))
    begun = [time.perf_counter()]

    def callback(step, particles, x, total):
        settle()
        between(time.perf_counter() - begun[0])
        begun[0] = time.perf_counter()

    windows = case.prompts[0][0][1]["concat_latent_image"]
    rounds = ROUNDS[device().type]
    sigma = guider.levels.sigma(TIME / 1000)
    sigmas = torch.tensor([sigma] * (rounds + 2) + [0.0])
    with torch.inference_mode():
        guider.sample(
            torch.zeros_like(windows), windows, distiller, sigmas, callback=callback, disable_pbar=True, seed=0
        )


def their_steps(case: Case) -> Iterator:
    """The authors' steps on the bare U-Net."""
    from .authors import Authors, Prompts, windows

    model = case.patcher.model
    unet, sigmas = model.diffusion_model, model.model_sampling.sigmas
    where, kind = device(), model.get_dtype()
    texts = {name: given[0][0].to(where, kind) for name, given in zip(("edit", ""), case.prompts)}

    def predict(x, image, names, t):
        context = torch.cat([texts[name] for name in names])
        steps = torch.full((len(x),), float(t), device=where)
        return unet(torch.cat([x, image], 1).to(kind), steps, context=context).float()

    source = case.source.to(where)
    cells = source.shape[-2]
    places = windows(*as_size(source.shape[-2:]), cells, round(cells * (1 - OVERLAP)))
    draws = (torch.randn(1, 4, cells, cells, generator=torch.Generator().manual_seed(i)).to(where) for i in count())
    loop = Authors(
        predict,
        (1 / (1 + sigmas.double() ** 2)).float().to(where),
        Prompts(("edit",)),
        GUIDANCE,
        IMAGE_GUIDANCE,
        lr=1e-3,
    )
    return loop.run(source, places, repeat(TIME), draws, repeat(range(len(places))))


def alternate_steps(case: Case, at_once: int) -> list[dict]:
    """Seconds, seconds inside the U-Net and samples of each contender's step, round by round."""
    theirs, watch, rows = their_steps(case), Stopwatch(), []
    watch.watch(case.patcher.model.diffusion_model)

    def between(spent: float) -> None:
        inside, samples = watch.take()
        took = seconds(lambda: next(theirs))
        their_inside, their_samples = watch.take()
        row = {"ours": (spent, inside, samples), "authors": (took, their_inside, their_samples)}
        rows.append({name: dict(zip(("seconds", "inside", "evaluations"), row[name])) for name in row})
        print(f"{len(rows)}: ours {spent:.2f} s for {samples}, authors {took:.2f} s for {their_samples}", flush=True)

    our_steps(case, at_once, between)
    return rows[2:]  # the first two warm up


def summary(rows: list[dict]) -> dict:
    found = {}
    for name in ("ours", "authors"):
        times, inside = ([row[name][key] for row in rows] for key in ("seconds", "inside"))
        found[name] = {
            "evaluations": rows[0][name]["evaluations"],
            "seconds": median(times),
            "outside the model": median(1 - b / a for a, b in zip(times, inside)),
        }
    pairs = ([row[name]["seconds"] for row in rows] for name in ("authors", "ours"))
    fewer = found["authors"]["evaluations"] / found["ours"]["evaluations"]
    return found | {"times faster": ratio(*pairs), "times fewer evaluations": fewer}


def use_of_the_machine(case: Case, evaluations_a_second: float) -> dict:
    """Multiplications and additions of an evaluation, and their rate as a share of that of one large product."""
    from torch.utils.flop_counter import FlopCounterMode

    model, where = case.patcher.model, device()
    cells = case.source.shape[-2]
    kind = model.get_dtype()
    x = torch.zeros(1, 8, cells, cells, device=where, dtype=kind)
    context = case.prompts[0][0][0].to(where, kind)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model.diffusion_model(x, torch.zeros(1, device=where), context=context)
    side = 8192 if where.type == "cuda" else 2048
    square = torch.ones(side, side, device=where, dtype=kind)
    best = 2 * side**3 / min(seconds(lambda: square @ square) for _ in range(5))
    rate = counter.get_total_flops() * evaluations_a_second
    return {"operations of an evaluation": counter.get_total_flops(), "operations a second": rate, "share": rate / best}


def profile(case: Case, at_once: int) -> list[dict]:
    """The kernels that a few of our steps spend their time in, the longest first."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as recorded:
        our_steps(case, at_once, lambda spent: None)
    table = sorted(recorded.key_averages(), key=lambda event: -event.self_device_time_total)[:25]
    whole = sum(event.self_device_time_total for event in recorded.key_averages())
    return [{"kernel": e.key, "share": e.self_device_time_total / whole, "calls": e.count} for e in table]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--at-once", type=int, default=4, help="particles that go through the model together")
    arguments = arguments.parse_args()
    boot_host()
    kind = device().type
    case = make_case(8 if arguments.short else CELLS[kind], arguments.short)
    with torch.inference_mode():
        rows = alternate_steps(case, arguments.at_once)
        found = summary(rows)
        rate = found["ours"]["evaluations"] / found["ours"]["seconds"]
        figures = {"windows": WINDOWS, "cells": case.source.shape[-2], "particles at once": arguments.at_once}
        figures |= {"note": None if kind == "cuda" else NO_GPU, "summary": found, "rounds": rows}
        figures["use of the machine"] = use_of_the_machine(case, rate)
        figures["profile"] = profile(case, arguments.at_once) if kind == "cuda" else None
    print(figures["note"] or "", found)
    publish(arguments.output, "step", figures)


if __name__ == "__main__":
    main()
