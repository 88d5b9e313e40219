"""`python -m collaborative_score_distillation.dev.benchmarks.memory`: what a long clip needs in memory.

Edits 24, 240 and 960 frames with the demo model, each in a process of its own, through ComfyUI's nodes and
ours: frames, CSD VAE Batch, InstructPixToPixConditioning, VAEEncode, CSD Edit Sampler, VAEDecode. Prints the
peak (of the process; on a GPU what was allocated there), what the longer clip's own pixels and latents
account for, and whether the rest stays within 15 % of the shortest clip's peak.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from ...demo.instructions import INSTRUCTIONS
from ...demo.painter import paint
from ..environment.in_process import InProcessHost
from ..evaluation.published import parser, publish
from ..evaluation.results import table
from .timing import apart, peak_bytes

LENGTHS = (24, 240, 960)
SHORT = (4, 8)
WIDTH, HEIGHT = 192, 128
STEPS, PARTICLES, AT_ONCE, IMAGES = 2, 12, 4, 8
MARGIN = 0.15
STILLS = 4
MIB = 2**20


def clip(frames: int) -> torch.Tensor:
    """[N, H, W, 3] in 0 ... 1: painted stills that pan, which need no memory beside themselves."""
    stills = [paint(1_000_001 + i, "summer", HEIGHT, 2 * WIDTH) for i in range(STILLS)]
    pictures = torch.empty(frames, HEIGHT, WIDTH, 3)
    for number in range(frames):
        still, place = divmod(number, -(-frames // STILLS))
        left = place * WIDTH // -(-frames // STILLS)
        pictures[number] = torch.from_numpy(np.ascontiguousarray(stills[still][:, left : left + WIDTH]))
    return pictures


def edit(host: InProcessHost, frames: torch.Tensor) -> tuple[list[torch.Tensor], float]:
    """Every batch of pixels and latents that the graph holds at its end, and the seconds of a step."""
    model, text, vae = host.run("CSDDemoModel")
    (vae,) = host.run("CSDVAEBatch", vae=vae, images_at_once=IMAGES)
    prompts = [host.run("CLIPTextEncode", clip=text, text=words)[0] for words in (INSTRUCTIONS["winter"][0], "")]
    positive, negative, empty = host.run(
        "InstructPixToPixConditioning", positive=prompts[0], negative=prompts[1], vae=vae, pixels=frames
    )
    (latent,) = host.run("VAEEncode", vae=vae, pixels=frames)
    numbers = {"seed": 1, "steps": STEPS, "step_size": 2.0, "guidance": 3.0, "image_guidance": 1.5}
    ranges = {"noise_low": 0.02, "noise_high": 0.5, "particles_per_step": PARTICLES, "particles_at_once": AT_ONCE}
    inputs = {"model": model, "positive": positive, "negative": negative, "latent": latent}
    begun = time.perf_counter()
    edited = host.run("CSDEditSampler", **inputs, **numbers, **ranges)[0]
    seconds = (time.perf_counter() - begun) / STEPS
    (pictures,) = host.run("VAEDecode", vae=vae, samples=edited)
    concatenated = positive[0][1]["concat_latent_image"]
    return [frames, concatenated, empty["samples"], latent["samples"], edited["samples"], pictures], seconds


def measure(frames: int) -> dict[str, float]:
    """In this process: the peak in bytes, the bytes of pixels and latents, and the seconds of a step."""
    with tempfile.TemporaryDirectory() as base:
        held, seconds = edit(InProcessHost(Path(base)), clip(frames))
        own = sum(tensor.numel() * tensor.element_size() for tensor in held)
        return {"frames": frames, "peak": peak_bytes(), "held": own, "seconds a step": seconds}


def summary(runs: list[dict]) -> str:
    first, rows = runs[0], []
    for run in runs:
        more, own = run["peak"] - first["peak"], run["held"] - first["held"]
        cells = [f"{run['peak'] / MIB:.0f} MiB", f"{more / MIB:.0f} MiB", f"{own / MIB:.0f} MiB"]
        step = f"{run['seconds a step']:.1f} s"
        rows.append([str(run["frames"]), step, *cells, f"{100 * rest(run, first):.1f} %"])
    header = ["frames", "a step", "peak", "above the first", "its pixels and latents", "the rest, of the first"]
    return table(header, rows)


def rest(row: dict, first: dict) -> float:
    """What a longer clip takes beyond its own pixels and latents, as a fraction of the shortest clip's peak."""
    return (row["peak"] - first["peak"] - (row["held"] - first["held"])) / first["peak"]


def main() -> None:
    arguments = parser(__doc__).parse_args()
    runs = [apart(measure, frames) for frames in (SHORT if arguments.short else LENGTHS)]
    print(summary(runs))
    publish(arguments.output, "memory", {"frames a step": PARTICLES, "runs": runs})
    if not arguments.short and any(rest(run, runs[0]) > MARGIN for run in runs):
        sys.exit(f"A longer clip takes more than its own pixels and latents and {MARGIN:.0%}.")


if __name__ == "__main__":
    main()
