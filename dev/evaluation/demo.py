"""`make demo`: the shipped panorama workflow in a real ComfyUI, beside what the usual ways give.

Writes to output/demo/: the source, the edit, the same edit window by window and by MultiDiffusion,
a contact sheet of all of them and report.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ...demo.instructions import INSTRUCTIONS, known_instructions
from ...demo.painter import LOOKS, paint
from ..environment.client import Client, RunError
from ..environment.env import ROOT
from ..environment.server import Host, HostError
from ..environment.workflow import load_workflow, set_widgets, to_prompt
from . import contenders
from .comparison import CSD, Comparison, Result, measure, window_edges
from .contenders import Edit
from .results import rate, spent
from .sheet import contact_sheet

WORKFLOW = ROOT / "workflows" / "panorama_edit.json"
OUTPUT = ROOT / "output" / "demo"
TALLEST, FACTOR, SMALLEST = 192, 8, 64


def prepared(path: Path, tallest: int) -> Image.Image:
    """The photograph, upright, at most `tallest` pixels high, its sides multiples of 8."""
    try:
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        sys.exit(f"IMAGE: got {path}, expected a picture that can be opened ({error}).")
    scale = min(tallest / image.height, 1.0)
    sides = [max(round(side * scale / FACTOR) * FACTOR, SMALLEST) for side in image.size]
    return image.resize(sides, Image.LANCZOS)


def subject_of(instruction: str) -> str | None:
    """The look or style that an instruction asks for, where the demo model knows it."""
    words = instruction.strip().lower().rstrip(".!")
    return next((subject for subject, wordings in INSTRUCTIONS.items() if words in wordings), None)


def loaded(client: Client, arguments: argparse.Namespace) -> tuple[Edit, dict]:
    """The shipped workflow with what the command line asks for, as a prompt and as the page saves it."""
    info = client.object_info()
    workflow = load_workflow(WORKFLOW)
    if arguments.prompt:
        workflow = set_widgets(workflow, {"Instruction": {"text": arguments.prompt}}, info)
    edit = Edit(to_prompt(workflow, info))
    if arguments.image:
        name = OUTPUT / "photograph.png"
        prepared(arguments.image, arguments.size).save(name)
        edit = edit.with_picture(client.upload(name, "csd_demo_photograph.png"))
    return edit, workflow


def truth_of(edit: Edit) -> np.ndarray | None:
    """The painted truth of the edit, where the source is painted and the instruction names a look."""
    scene = edit.prompt[edit.source[0]]
    look = subject_of(edit.inputs("CLIPTextEncode", "Instruction")["text"])
    if scene["class_type"] != "CSDDemoScene" or look not in LOOKS:
        return None
    painted = scene["inputs"]
    return paint(painted["seed"], look, painted["height"], painted["width"])


def report(edit: Edit, results: dict[str, Result], truth: np.ndarray | None, ceiling: Result | None) -> dict:
    source = results["source"].picture
    edges = window_edges(edit, source.shape[:2])
    lines = {}
    for name, result in results.items():
        if name == "source":
            continue
        measured = measure(result.picture, truth, edges) if truth is not None else {}
        cost = {"evaluations": result.evaluations, "seconds": round(result.seconds, 1)}
        lines[name] = {**measured, **cost, "evaluations a second": rate(*cost.values())}
    if ceiling is not None:
        lines["VAE ceiling"] = measure(ceiling.picture, truth, edges)
    return {
        "instruction": edit.inputs("CLIPTextEncode", "Instruction")["text"],
        "size": list(source.shape[1::-1]),
        "windows": edit.layout(source.shape[:2]).windows.count,
        "results": lines,
    }


def label(name: str, line: dict) -> str:
    parts = [name]
    if "psnr" in line:
        parts.append(f"{line['psnr']:.1f} dB, drift {line['drift']:.4f}, seam {line['seam']:.2f}")
    if "evaluations" in line:
        parts.append(spent(line["evaluations"], line["seconds"]))
    return "   ".join(parts)


def write(results: dict[str, Result], lines: dict, truth: np.ndarray | None) -> None:
    rows = [(label(name, lines["results"].get(name, {})), result.picture) for name, result in results.items()]
    if truth is not None:
        rows.append(("painted truth", truth))
    for name, result in results.items():
        (OUTPUT / f"{'edit' if name == CSD else name.lower().replace(' ', '_')}.png").write_bytes(result.file)
    contact_sheet(rows).save(OUTPUT / "contact_sheet.png")
    (OUTPUT / "report.json").write_text(json.dumps(lines, indent=2) + "\n")


def demo(arguments: argparse.Namespace) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    print(f"The demo model knows: {'; '.join(known_instructions())}.")
    print("Starting ComfyUI ...", flush=True)
    with Host(output=OUTPUT / "comfyui") as host:
        client = Client(host.address)
        edit, workflow = loaded(client, arguments)
        instruction = edit.inputs("CLIPTextEncode", "Instruction")["text"]
        look = subject_of(instruction)
        if look is None:
            print(f"The demo model was not trained on {instruction!r}; the edit may do nothing sensible.")
        comparison = Comparison(client, edit, workflow)
        results, truth = comparison.run(), truth_of(edit)
        ceiling = comparison.picture(contenders.through_vae(edit, look))[0] if truth is not None else None
        peak = host.peak_memory()
        lines = report(edit, results, truth, ceiling) | {"peak_memory_mib": peak and round(peak / 2**20)}
    write(results, lines, truth)
    for name, line in lines["results"].items():
        print(label(name, line))
    print(f"Pictures and report.json are in {OUTPUT.relative_to(ROOT)}/.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, help="a photograph in place of the painted scene")
    parser.add_argument("--prompt", help="an instruction in place of the workflow's")
    parser.add_argument("--size", type=int, default=TALLEST, help="largest height of the photograph, pixels")
    arguments = parser.parse_args()
    if arguments.size < SMALLEST:
        parser.error(f"SIZE: got {arguments.size}, expected at least {SMALLEST} pixels.")
    try:
        demo(arguments)
    except (HostError, RunError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
