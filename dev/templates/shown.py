"""`python -m ...dev.templates.shown NAME ...`: runs templates, and makes their cards of Before and After."""

from __future__ import annotations

import argparse
import io
import sys

from PIL import Image

from ..environment.client import Client, ProgressBar, RunError
from ..environment.server import Host, HostError
from ..environment.workflow import load_workflow, to_prompt
from . import embedded
from .card import before_and_after
from .write import FOLDER

QUALITY = 88


def shown(client: Client, workflow: dict) -> dict[str, Image.Image]:
    """The pictures that a workflow shows or saves, by the titles of their nodes."""
    prompt = to_prompt(workflow, client.object_info())
    run = client.run(prompt, workflow, ProgressBar(prompt))
    titles = {str(node["id"]): node.get("title", node["type"]) for node in workflow["nodes"]}
    return {titles[node]: Image.open(io.BytesIO(client.fetch(files[0]))) for node, files in run.files.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(embedded.TEMPLATES))
    names = parser.parse_args().names
    try:
        with Host() as host:
            for name in names:
                pictures = shown(Client(host.address), load_workflow(FOLDER / f"{name}.json"))
                card = before_and_after(pictures["Before"], pictures["After"])
                card.save(FOLDER / f"{name}.jpg", quality=QUALITY)
                print(f"workflows/{name}.jpg")
    except (HostError, RunError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
