"""`python -m collaborative_score_distillation.benchmarks.memory`: what a long clip needs in memory.

Edits 24, 240 and 960 frames with the demo model, each in a process of its own, through ComfyUI's nodes and
ours: frames, CSD VAE Batch, InstructPixToPixConditioning, VAEEncode, CSDEditSampler, VAEDecode. Prints the
peak (of the process; on a GPU what was allocated there), what the longer clip's own pixels and latents
account for, and whether the rest stays within 15 % of the shortest clip's peak.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from ..demo.instructions import INSTRUCTIONS
from ..demo.painter import paint
from ..tools.env import EXTENSION, ROOT, make_base_directory
from ..tools.host import HOST_FOLDER, host_arguments

LENGTHS = (24, 240, 960)
WIDTH, HEIGHT = 192, 128
STEPS, PARTICLES, AT_ONCE, IMAGES = 2, 12, 4, 8
MARGIN = 0.15
PUBLISHED = ROOT / "benchmarks" / "results" / "memory.json"
STILLS = 4
MIB = 2**20


def boot(base: Path) -> dict[str, type]:
    """ComfyUI in this process, with its own nodes and ours: class by id."""
    import asyncio
    import importlib

    make_base_directory(base)
    sys.path.insert(0, str(HOST_FOLDER))
    sys.argv = ["main.py", *host_arguments(base)]
    importlib.import_module("comfy.options").enable_args_parsing()
    importlib.import_module("utils.extra_config")  # as the host's main does: later, `utils` would be another's
    nodes = importlib.import_module("nodes")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, nodes.init_extra_nodes(init_api_nodes=False)).result()
    if "CSDEditSampler" not in nodes.NODE_CLASS_MAPPINGS:
        raise RuntimeError(f"ComfyUI could not import {EXTENSION}; see its messages above.")
    return nodes.NODE_CLASS_MAPPINGS


def run(nodes: dict[str, type], node_id: str, **inputs) -> tuple:
    """The outputs of one node, run as ComfyUI's executor does."""
    node = nodes[node_id]
    with torch.inference_mode():
        result = getattr(node if hasattr(node, "GET_SCHEMA") else node(), node.FUNCTION)(**inputs)
    return tuple(result.args) if hasattr(result, "args") else tuple(result)


def clip(frames: int) -> torch.Tensor:
    """[N, H, W, 3] in 0 ... 1: painted stills that pan, which need no memory beside themselves."""
    stills = [paint(1_000_001 + i, "summer", HEIGHT, 2 * WIDTH) for i in range(STILLS)]
    pictures = torch.empty(frames, HEIGHT, WIDTH, 3)
    for number in range(frames):
        still, place = divmod(number, -(-frames // STILLS))
        left = place * WIDTH // -(-frames // STILLS)
        pictures[number] = torch.from_numpy(np.ascontiguousarray(stills[still][:, left : left + WIDTH]))
    return pictures


def edit(nodes: dict[str, type], frames: torch.Tensor) -> list[torch.Tensor]:
    """Every batch of pixels and latents that the graph holds at its end."""
    model, text, vae = run(nodes, "CSDDemoModel")
    (vae,) = run(nodes, "CSDVAEBatch", vae=vae, images_at_once=IMAGES)
    prompts = [run(nodes, "CLIPTextEncode", clip=text, text=words)[0] for words in (INSTRUCTIONS["winter"][0], "")]
    positive, negative, empty = run(
        nodes, "InstructPixToPixConditioning", positive=prompts[0], negative=prompts[1], vae=vae, pixels=frames
    )
    (latent,) = run(nodes, "VAEEncode", vae=vae, pixels=frames)
    numbers = {"seed": 1, "steps": STEPS, "step_size": 2.0, "guidance": 3.0, "image_guidance": 1.5}
    ranges = {"noise_low": 0.02, "noise_high": 0.5, "particles_per_step": PARTICLES, "particles_at_once": AT_ONCE}
    inputs = {"model": model, "positive": positive, "negative": negative, "latent": latent}
    edited = run(nodes, "CSDEditSampler", **inputs, **numbers, **ranges)[0]
    (pictures,) = run(nodes, "VAEDecode", vae=vae, samples=edited)
    concatenated = positive[0][1]["concat_latent_image"]
    return [frames, concatenated, empty["samples"], latent["samples"], edited["samples"], pictures]


def peak() -> int:
    """Bytes: allocations on a GPU where there is one, else the most that this process has held."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(frames: int) -> dict[str, int]:
    """In this process: the peak in bytes, and the bytes of pixels and latents."""
    with tempfile.TemporaryDirectory() as base:
        nodes = boot(Path(base))
        held = edit(nodes, clip(frames))
        return {"frames": frames, "peak": peak(), "held": sum(t.numel() * t.element_size() for t in held)}


def measure_apart(frames: int) -> dict[str, int]:
    """The same in a fresh process."""
    command = [sys.executable, "-m", __spec__.name, "--frames", str(frames)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONSAFEPATH": "1"})
    if result.returncode:
        raise SystemExit(f"The run with {frames} frames ended with code {result.returncode}; see its messages above.")
    return json.loads(result.stdout.splitlines()[-1])


def table(rows: list[dict]) -> str:
    lines = [
        "| frames | peak | above the first | its pixels and latents | the rest, of the first |",
        "|---|---|---|---|---|",
    ]
    first = rows[0]
    for row in rows:
        more, own = row["peak"] - first["peak"], row["held"] - first["held"]
        cells = [f"{row['peak'] / MIB:.0f} MiB", f"{more / MIB:.0f} MiB", f"{own / MIB:.0f} MiB"]
        lines.append(f"| {row['frames']} | {' | '.join(cells)} | {100 * rest(row, first):.1f} % |")
    return "\n".join(lines)


def rest(row: dict, first: dict) -> float:
    """What a longer clip takes beyond its own pixels and latents, as a fraction of the shortest clip's peak."""
    return (row["peak"] - first["peak"] - (row["held"] - first["held"])) / first["peak"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, help="measure one length in this process and print it as JSON")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="numbers of frames to compare")
    parser.add_argument("--publish", action="store_true", help=f"write the figures to {PUBLISHED.relative_to(ROOT)}")
    arguments = parser.parse_args()
    if arguments.frames:
        print(json.dumps(measure(arguments.frames)))
        return
    rows = [measure_apart(frames) for frames in arguments.lengths]
    print(table(rows))
    if arguments.publish:
        PUBLISHED.write_text(json.dumps({"device": device(), "runs": rows}, indent=2) + "\n")
    if any(rest(row, rows[0]) > MARGIN for row in rows):
        sys.exit(f"A longer clip takes more than its own pixels and latents and {MARGIN:.0%}.")


def device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


if __name__ == "__main__":
    main()
