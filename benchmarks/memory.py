"""`python -m collaborative_score_distillation.benchmarks.memory`: what a long clip needs in memory.

Edits 24, 240 and 960 frames with the demo model, each in a process of its own, through ComfyUI's nodes and
ours: frames, CSD VAE Batch, InstructPixToPixConditioning, VAEEncode, CSDEditSampler, VAEDecode. Prints the
peak (of the process; on a GPU what was allocated there), what the longer clip's own pixels and latents
account for, and whether the rest stays within 15 % of the shortest clip's peak.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from ..demo.instructions import INSTRUCTIONS
from ..demo.painter import paint
from ..tools.in_process import InProcessHost
from ..tools.results import table
from .published import RESULTS, publish
from .timing import apart, peak_bytes

LENGTHS = (24, 240, 960)
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


def edit(host: InProcessHost, frames: torch.Tensor) -> list[torch.Tensor]:
    """Every batch of pixels and latents that the graph holds at its end."""
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
    edited = host.run("CSDEditSampler", **inputs, **numbers, **ranges)[0]
    (pictures,) = host.run("VAEDecode", vae=vae, samples=edited)
    concatenated = positive[0][1]["concat_latent_image"]
    return [frames, concatenated, empty["samples"], latent["samples"], edited["samples"], pictures]


def measure(frames: int) -> dict[str, int]:
    """In this process: the peak in bytes, and the bytes of pixels and latents."""
    with tempfile.TemporaryDirectory() as base:
        held = edit(InProcessHost(Path(base)), clip(frames))
        return {"frames": frames, "peak": peak_bytes(), "held": sum(t.numel() * t.element_size() for t in held)}


def summary(runs: list[dict]) -> str:
    first, rows = runs[0], []
    for run in runs:
        more, own = run["peak"] - first["peak"], run["held"] - first["held"]
        cells = [f"{run['peak'] / MIB:.0f} MiB", f"{more / MIB:.0f} MiB", f"{own / MIB:.0f} MiB"]
        rows.append([str(run["frames"]), *cells, f"{100 * rest(run, first):.1f} %"])
    return table(["frames", "peak", "above the first", "its pixels and latents", "the rest, of the first"], rows)


def rest(row: dict, first: dict) -> float:
    """What a longer clip takes beyond its own pixels and latents, as a fraction of the shortest clip's peak."""
    return (row["peak"] - first["peak"] - (row["held"] - first["held"])) / first["peak"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="numbers of frames to compare")
    parser.add_argument("--publish", action="store_true", help="write the figures to benchmarks/results/")
    arguments = parser.parse_args()
    runs = [apart(measure, frames) for frames in arguments.lengths]
    print(summary(runs))
    if arguments.publish:
        publish(RESULTS, "memory", {"runs": runs})
    if any(rest(run, runs[0]) > MARGIN for run in runs):
        sys.exit(f"A longer clip takes more than its own pixels and latents and {MARGIN:.0%}.")


if __name__ == "__main__":
    main()
