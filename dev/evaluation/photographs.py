"""`make demo-styles`: styles on photographs that the sharp model never saw, against the filters that taught it.

Runs the shipped panorama workflow for every style. The filter's own result is what the edit should give; encoded and
decoded, it is what no edit can beat. Writes to output/styles/: a sheet for each photograph, and report.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
from einops import rearrange

from ...demo.instructions import INSTRUCTIONS
from ..environment.client import Client, RunError
from ..environment.env import ROOT
from ..environment.server import Host, HostError
from ..environment.workflow import load_workflow, to_prompt
from ..training.styles import PHOTOGRAPHED, STYLES, apply_style
from .comparison import Comparison
from .contenders import restored
from .demo import PHOTOGRAPH_FILE, TALLEST, prepared
from .edit import Edit
from .kinds import PANORAMA
from .metrics import psnr
from .results import means, table
from .sheet import contact_sheet, to_array, to_image

OUTPUT = ROOT / "output" / "styles"
LOOKS = (*STYLES, *PHOTOGRAPHED)


def compare(client: Client, edit: Edit, path: Path, tallest: int) -> dict[str, dict[str, float]]:
    """PSNR (dB) of the edit in each style, and of the filter's result through the VAE, to the filter's result."""
    source, lines, rows = prepared(path, tallest), {}, []
    picture = to_array(source)
    source.save(OUTPUT / "source.png")
    edit = edit.with_picture(client.upload(OUTPUT / "source.png", f"csd_{path.stem}.png"))
    rows.append(("source", picture))
    for style in LOOKS:
        filtered = apply_style(rearrange(torch.from_numpy(picture), "h w c -> 1 c h w"), style)
        truth = rearrange(filtered, "1 c h w -> h w c").numpy()
        to_image(truth).save(OUTPUT / "filtered.png")
        name = client.upload(OUTPUT / "filtered.png", f"csd_{path.stem}_{style}.png")
        wish = edit.with_inputs({("CLIPTextEncode", "Instruction"): {"text": INSTRUCTIONS[style][0]}})
        result = Comparison(client, wish).pictures(wish.prompt).pictures[0]
        ceiling = Comparison(client, edit).pictures(restored(edit, "LoadImage", image=name)).pictures[0]
        scores = (result, ceiling, picture)
        lines[style] = dict(zip(("edit", "VAE ceiling", "unedited"), (psnr(score, truth) for score in scores)))
        print(f"{path.stem} {style}: " + ", ".join(f"{name} {value:.1f} dB" for name, value in lines[style].items()))
        rows.append((f"{INSTRUCTIONS[style][0]}   {lines[style]['edit']:.1f} dB", result))
    contact_sheet(rows).save(OUTPUT / f"{path.stem}.png")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="*", default=[PHOTOGRAPH_FILE], help="photographs")
    parser.add_argument("--size", type=int, default=TALLEST, help="their largest height, pixels")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        with Host(output=OUTPUT / "comfyui") as host:
            client = Client(host.address)
            edit = Edit(to_prompt(load_workflow(PANORAMA.workflow), client.object_info()))
            found = {path.stem: compare(client, edit, path, arguments.size) for path in arguments.images}
    except (HostError, RunError) as error:
        sys.exit(str(error))
    (OUTPUT / "report.json").write_text(json.dumps(found, indent=2) + "\n")
    averages = means(list(found.values()))
    rows = [[style, *(f"{value:.1f} dB" for value in line.values())] for style, line in averages.items()]
    print(f"\nMeans over {len(found)} photographs:\n\n" + table(["style", "edit", "VAE ceiling", "unedited"], rows))


if __name__ == "__main__":
    main()
