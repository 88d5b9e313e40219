"""`make templates`: writes the templates of real models, with their cards, and those of the embedded model.

The cards of the latter are pictures of what they make (`make cards`), so they are not written here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping

from ..environment.client import Client
from ..environment.env import ROOT
from ..environment.server import Host, HostError
from . import embedded, scenes, sets, simple, text_to_3d
from .card import card
from .families import CLIPS, FAMILIES, FROM_TEXT, SCENES, VIEW_SETS, Family
from .graph import Graph

FOLDER = ROOT / "workflows"


def templates() -> Iterator[tuple[str, Callable[[Graph, Family], None], Family]]:
    """Name, set and family of each."""
    for name, family in FAMILIES.items():
        yield f"panorama_edit_{name}", sets.panorama, family
        if name in CLIPS:
            yield f"video_edit_{name}", sets.video, family
        if name in VIEW_SETS:
            yield f"view_set_edit_{name}", sets.views, family
        if name in SCENES:
            yield f"scene_edit_{name}", scenes.real, family
        if name in FROM_TEXT:
            yield f"text_to_3d_{name}", text_to_3d.real, family


def built(info: Mapping[str, dict]) -> dict[str, dict]:
    """All workflows by name, from the host's answer to /object_info."""
    made = {}
    for name, lay_out, family in templates():
        made[name] = _workflow(name, info, lay_out, family)
    for name, lay_out in {**simple.TEMPLATES, **embedded.TEMPLATES}.items():
        made[name] = _workflow(name, info, lay_out)
    return made


def _workflow(name: str, info: Mapping[str, dict], lay_out: Callable[..., None], *family: Family) -> dict:
    graph = Graph(name, info)
    lay_out(graph, *family)
    return graph.workflow()


def main() -> None:
    try:
        with Host() as host:
            workflows = built(Client(host.address).object_info())
    except HostError as error:
        sys.exit(str(error))
    for name, workflow in workflows.items():
        (FOLDER / f"{name}.json").write_text(json.dumps(workflow, indent=2) + "\n")
        print(f"workflows/{name}.json")
    for name, _, family in templates():
        card(name.split("_")[0], family.label).save(FOLDER / f"{name}.jpg", quality=90)


if __name__ == "__main__":
    main()
