"""`make cards`, with NAMES="panorama_edit ..." for some: runs the templates with the embedded models for cards."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Iterator

import av
from PIL import Image

from ..environment.client import Client, ProgressBar, RunError
from ..environment.server import Host, HostError
from ..environment.workflow import load_workflow, to_prompt
from . import embedded, simple
from .card import rows
from .write import FOLDER

QUALITY = 88
SHOWN = ("Before", "Each by itself", "After")  # titles of the nodes whose pictures are on a card


def shown(client: Client, prompt: dict, follow: Callable = ProgressBar) -> dict[str, list[Image.Image]]:
    """The pictures that a prompt shows or saves, by the titles of their nodes. Of videos, all frames.

    follow   what shows the progress
    """
    prompt = _with_source(prompt)
    run = client.run(prompt, None, follow(prompt))
    titles = {node: entry["_meta"]["title"] for node, entry in prompt.items()}
    found = {titles[node]: files for node, files in run.files.items()}
    return {title: [one for file in files for one in _pictures(client, file)] for title, files in found.items()}


def _with_source(prompt: dict) -> dict:
    """The prompt, which also shows the frames of a video before the edit."""
    frames = [node for node, entry in prompt.items() if entry["class_type"] == "CSDDemoClip"]
    before = {"class_type": "PreviewImage", "_meta": {"title": "Before"}}
    return prompt | {f"before {node}": {**before, "inputs": {"images": [node, 0]}} for node in frames}


def _pictures(client: Client, file: dict) -> Iterator[Image.Image]:
    if file["filename"].endswith(".ply"):
        return
    data = io.BytesIO(client.fetch(file))
    if not file["filename"].endswith(".mp4"):
        yield Image.open(data).convert("RGB")
        return
    with av.open(data) as video:
        yield from (frame.to_image() for frame in video.decode(video=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*embedded.TEMPLATES, *simple.TEMPLATES])
    names = parser.parse_args().names
    try:
        with Host() as host:
            for name in names:
                client = Client(host.address)
                pictures = shown(client, to_prompt(load_workflow(FOLDER / f"{name}.json"), client.object_info()))
                sets = [pictures[title] for title in SHOWN if title in pictures]
                rows(*sets).save(FOLDER / f"{name}.jpg", quality=QUALITY)
                print(f"workflows/{name}.jpg")
    except (HostError, RunError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
