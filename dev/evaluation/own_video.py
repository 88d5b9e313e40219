"""`make demo-video VIDEO=clip.mp4 PROMPT="..."`: the shipped video workflow on a file of one's own.

Writes to output/own_video/: the edited video, and a strip of source and edit.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ...demo.instructions import INSTRUCTIONS, known_instructions
from ..environment.client import Client, ProgressBar, RunError
from ..environment.env import ROOT
from ..environment.server import Host, HostError
from ..environment.workflow import load_workflow, to_prompt
from . import contenders
from .comparison import Comparison
from .edit import Builder, Edit
from .kinds import CLIP
from .sheet import chosen, contact_sheet
from .subject import subject_of

OUTPUT = ROOT / "output" / "own_video"
SIDE = 192  # pixels of the longest side, about what the demo model was trained on


def with_video(edit: Edit, name: str, prompt: str) -> Edit:
    """The workflow with a file of the host's input folder in place of the painted clip."""
    changed = edit.with_inputs({("CLIPTextEncode", "Instruction"): {"text": prompt}})
    nodes = Builder(changed.prompt)
    nodes.prompt[edit.id("CSDVideoFrameBatch")]["inputs"] |= {
        "video": [nodes.add("LoadVideo", file=name), 0],
        "side": SIDE,
    }
    unused = (edit.id("CSDDemoClip"), edit.id("CreateVideo", "Demo video"))
    return Edit({id: node for id, node in nodes.prompt.items() if id not in unused})


def run(path: Path, prompt: str) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    print("Starting ComfyUI ...", flush=True)
    with Host(output=OUTPUT / "comfyui") as host:
        client = Client(host.address)
        shipped = Edit(to_prompt(load_workflow(CLIP.workflow), client.object_info()))
        edit = with_video(shipped, client.upload(path, f"csd_demo_{path.name}"), prompt)
        saved = client.run(edit.prompt, None, ProgressBar(edit.prompt)).files[edit.id("SaveVideo")][0]
        (OUTPUT / "edit.mp4").write_bytes(client.fetch(saved))
        comparison = Comparison(client, edit)
        source, edited = (comparison.pictures(make(edit)).pictures for make in (contenders.source, contenders.blended))
    contact_sheet([("source", chosen(source)), (prompt, chosen(edited))]).save(OUTPUT / "strip.png")
    print(f"The video and a strip of it are in {OUTPUT.relative_to(ROOT)}/.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--prompt", default=INSTRUCTIONS["sketch"][0])
    arguments = parser.parse_args()
    if not arguments.video.is_file():
        sys.exit(f"VIDEO: got {arguments.video}, expected a video file.")
    if subject_of(arguments.prompt) is None:
        known = "; ".join(known_instructions())
        print(f"The demo model was not trained on {arguments.prompt!r}, but on: {known}.")
    try:
        run(arguments.video, arguments.prompt)
    except (HostError, RunError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
