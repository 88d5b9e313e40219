"""`make help-pictures`: runs nodes with the embedded model, and makes the pictures of their help pages.

Each picture is made of what the nodes of a small graph show, from top to bottom, with their titles. The help panel of
the page is about 300 pixels wide.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..environment.client import Client, ProgressBar, RunError
from ..environment.env import ROOT
from ..environment.server import Host, HostError
from ..environment.workflow import to_prompt
from . import studio
from .graph import Graph

PAGES = ROOT / "web" / "docs"
WIDTH, GAP, LETTERS, ROW, UPRIGHT = 560, 6, 20, 150, 420  # heights of rows: of usual pictures, of upright ones
GROUND, TEXT = (38, 42, 48), (225, 230, 235)
QUALITY, MOST_BYTES = 82, 40_000
MOST_IN_A_ROW = 4

Row = tuple[str, Sequence[Image.Image]]


def place(node_id: str) -> Path:
    """Where the picture of a help page is. The page looks for it beside the folders of all help pages."""
    return PAGES / node_id / "picture.jpg"


def made(client: Client, draw: Callable[[Graph], None], info: dict[str, dict]) -> list[Row]:
    """What the nodes of a graph show, by their titles, in their order."""
    graph = Graph("help", info)
    graph.column(300)
    draw(graph)
    workflow = graph.workflow(opened=False)
    prompt = to_prompt(workflow, info)
    files = client.run(prompt, workflow, ProgressBar(prompt)).files
    shown = [node for node in workflow["nodes"] if str(node["id"]) in files]
    return [
        (node["title"], [Image.open(io.BytesIO(client.fetch(file))).convert("RGB") for file in files[str(node["id"])]])
        for node in shown
    ]


def composed(rows: Sequence[Row]) -> Image.Image:
    """Rows of pictures under each other, each with its title. Of many pictures in a row, some are shown."""
    strips = [(title, _strip(pictures)) for title, pictures in rows]
    height = sum(LETTERS + 2 * GAP + strip.height for _, strip in strips) + GAP
    picture, top = Image.new("RGB", (WIDTH, height), GROUND), 0
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(LETTERS)
    for title, strip in strips:
        draw.text((GAP, top + GAP // 2), title, TEXT, font)
        picture.paste(strip, (GAP, top + LETTERS + 2 * GAP))
        top += LETTERS + 2 * GAP + strip.height
    return picture


def _strip(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures beside each other, all of one height."""
    count = min(len(pictures), MOST_IN_A_ROW)
    chosen = [pictures[number * (len(pictures) - 1) // max(count - 1, 1)] for number in range(count)]
    room = (WIDTH - GAP * (count + 1)) // count
    height = UPRIGHT if chosen[0].height > chosen[0].width else ROW
    small = [each.copy() for each in chosen]
    for each in small:
        each.thumbnail((room, height), Image.Resampling.LANCZOS)
    strip, left = Image.new("RGB", (WIDTH - 2 * GAP, max(each.height for each in small)), GROUND), 0
    for each in small:
        strip.paste(each, (left, 0))
        left += each.width + GAP
    return strip


def save(picture: Image.Image, path: Path) -> None:
    """As a JPEG of at most 40 KB, so that all pages together stay small."""
    for quality in range(QUALITY, 30, -8):
        held = io.BytesIO()
        picture.save(held, "jpeg", quality=quality, optimize=True)
        if held.tell() <= MOST_BYTES:
            break
    path.write_bytes(held.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(studio.PICTURES), help="ids of nodes; all if none is given")
    names = parser.parse_args().names
    try:
        with Host() as host:
            client = Client(host.address)
            info = client.object_info()
            for name in names:
                save(composed(made(client, studio.PICTURES[name], info)), place(name))
                print(place(name).relative_to(ROOT), flush=True)
    except (HostError, RunError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
