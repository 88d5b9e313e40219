"""`make demo`: the shipped panorama workflow in a real ComfyUI, beside what the usual ways give.

Writes to output/demo/: the source, the edit, the same edit by each other means, a contact sheet of all of them and
report.json. Where no picture is given, it also edits a photograph that comes with matplotlib (Grace Hopper, in the
public domain): photograph.png, photograph_edit.png.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import matplotlib
from PIL import Image, ImageOps

from ...demo.instructions import INSTRUCTIONS, known_instructions
from ...demo.painter import LOOKS
from ..environment.client import Client, RunError
from ..environment.env import ROOT
from ..environment.server import Host, HostError
from ..environment.workflow import load_workflow, set_widgets, to_prompt
from . import contenders
from .comparison import Comparison, Result
from .edit import Edit
from .kinds import PANORAMA, true_panorama
from .results import rate
from .scenes import label, write_sheet
from .sheet import closer
from .subject import subject_of
from .truth import PaintedPanorama, measured

OUTPUT = ROOT / "output" / "demo"
TALLEST, FACTOR, SMALLEST = 384, 8, 64
PHOTOGRAPH_FILE = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
PHOTOGRAPH_WISH = "watercolour"


def prepared(path: Path, tallest: int) -> Image.Image:
    """The photograph, upright, at most `tallest` pixels high, its sides multiples of 8."""
    try:
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        sys.exit(f"IMAGE: got {path}, expected a picture that can be opened ({error}).")
    scale = min(tallest / image.height, 1.0)
    sides = [max(round(side * scale / FACTOR) * FACTOR, SMALLEST) for side in image.size]
    if tuple(sides) != image.size:
        print(f"{path.name}: {image.width} x {image.height} pixels; edited at {sides[0]} x {sides[1]}; see SIZE=")
    return image.resize(sides, Image.Resampling.LANCZOS)


def with_photograph(client: Client, edit: Edit, path: Path, tallest: int) -> Edit:
    """The edit of a photograph, which is also kept as photograph.png."""
    name = OUTPUT / "photograph.png"
    prepared(path, tallest).save(name)
    return edit.with_picture(client.upload(name, "csd_demo_photograph.png"))


def edit_photograph(client: Client, edit: Edit, tallest: int) -> None:
    """A photograph in a style, by the shipped workflow alone."""
    edit = with_photograph(client, edit, PHOTOGRAPH_FILE, tallest)
    edit = edit.with_inputs({("CLIPTextEncode", "Instruction"): {"text": INSTRUCTIONS[PHOTOGRAPH_WISH][0]}})
    result = Comparison(client, edit).pictures(edit.prompt)
    (OUTPUT / "photograph_edit.png").write_bytes(result.files[0])


def loaded(client: Client, arguments: argparse.Namespace) -> tuple[Edit, dict]:
    """The shipped workflow with what the command line asks for, as a prompt and as the page saves it."""
    info = client.object_info()
    workflow = load_workflow(PANORAMA.workflow)
    if arguments.prompt:
        workflow = set_widgets(workflow, {"Instruction": {"text": arguments.prompt}}, info)
    edit = Edit(to_prompt(workflow, info))
    if arguments.image:
        edit = with_photograph(client, edit, arguments.image, arguments.size)
    return edit, workflow


def truth_of(edit: Edit) -> PaintedPanorama | None:
    """The painted truth of the edit, where the source is painted and the instruction names a look."""
    look = subject_of(edit.inputs("CLIPTextEncode", "Instruction")["text"])
    if not edit.has(PANORAMA.painter) or look not in LOOKS:
        return None
    return true_panorama(edit, look)


def run(comparison: Comparison, truth: PaintedPanorama | None) -> dict[str, Result]:
    """Every contender, and the truth through the VAE where there is one."""
    results = comparison.run(PANORAMA.contenders, PANORAMA.shipped)
    if truth:
        prompt = contenders.through_vae(comparison.edit, PANORAMA.painter, truth.look)
        results[PANORAMA.vae] = comparison.pictures(prompt)
    return results


def report(edit: Edit, results: dict[str, Result], truth: PaintedPanorama | None) -> dict:
    size = contenders.size_of(results[PANORAMA.shipped].pictures.shape)
    lines = measured(results, truth, PANORAMA.vae)
    for line in lines.values():
        if "evaluations" in line:
            line["evaluations a second"] = rate(line["evaluations"], line["seconds"])
    return {
        "instruction": edit.inputs("CLIPTextEncode", "Instruction")["text"],
        "size": list(reversed(size)),
        "windows": edit.layout(size).windows.count,
        "results": lines,
    }


def write(source: Result, results: dict[str, Result], lines: dict, truth: PaintedPanorama | None) -> None:
    edits = {name: result for name, result in results.items() if name != PANORAMA.vae}
    write_sheet(PANORAMA, source, edits, lines["results"], truth, OUTPUT / "contact_sheet.png")
    for name, result in {"source": source, **edits}.items():
        file = "edit" if name == PANORAMA.shipped else name.lower().replace(" ", "_")
        (OUTPUT / f"{file}.png").write_bytes(result.files[0])
    closer(source.pictures[0], edits[PANORAMA.shipped].pictures[0]).save(OUTPUT / "closer.png")
    (OUTPUT / "report.json").write_text(json.dumps(lines, indent=2) + "\n")


def demo(arguments: argparse.Namespace) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    print(f"The demo model knows: {'; '.join(known_instructions())}.")
    print("Starting ComfyUI ...", flush=True)
    with Host(output=OUTPUT / "comfyui") as host:
        client = Client(host.address)
        edit, workflow = loaded(client, arguments)
        instruction = edit.inputs("CLIPTextEncode", "Instruction")["text"]
        if subject_of(instruction) is None:
            print(f"The demo model was not trained on {instruction!r}; the edit may do nothing sensible.")
        comparison, truth = Comparison(client, edit, workflow=workflow), truth_of(edit)
        source = comparison.pictures(contenders.source(edit))
        results = run(comparison, truth)
        if not arguments.image:
            edit_photograph(client, edit, arguments.size)
        peak = host.peak_memory()
    lines: dict = report(edit, results, truth) | {"peak_memory_mib": peak and round(peak / 2**20)}
    write(source, results, lines, truth)
    for name, line in lines["results"].items():
        print(label(PANORAMA, name, line))
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
