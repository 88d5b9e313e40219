"""Figures of many edits, kept one line an edit, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from tqdm import tqdm

from ..environment.client import Client
from ..environment.env import ROOT
from ..environment.server import Host

Scene = tuple[int | str, str]  # seed or name, and look
SHIPPED = ("csd", "media", "splats", "demo", "host", "nodes")  # the folders with code of an installed copy


def edit_version(workflow: Path) -> str:
    """Names the edit that a workflow makes: changes with the workflow, the weights, and the code that ships."""
    digest = hashlib.sha256(workflow.read_bytes())
    code = [path for layer in SHIPPED for path in (ROOT / layer).rglob("*.py")]
    for path in sorted([*(ROOT / "demo" / "weights").glob("*.safetensors"), *code]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def known(path: Path) -> dict[Scene, dict]:
    """Results of earlier runs by scene and look; a line that was cut off is left out."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        found[entry["scene"], entry["look"]] = entry["results"]
    return found


def keep(path: Path, scene: Scene, results: dict) -> None:
    """Add the results of one scene to those that are known."""
    with path.open("a") as file:
        file.write(json.dumps({"scene": scene[0], "look": scene[1], "results": results}) + "\n")


def missing(scenes: Iterable[Scene], path: Path) -> list[Scene]:
    done = known(path)
    return [scene for scene in scenes if scene not in done]


def fill(
    scenes: Sequence[Scene], path: Path, output: Path, compare: Callable[[Client, dict, Any, str], dict], unit: str
) -> dict[Scene, dict]:
    """The results of all scenes; those that are missing are run in ComfyUI, each kept as it comes.

    compare   (client, the host's object info, seed or name, look) -> results
    output    folder of what the host saves
    """
    todo = missing(scenes, path)
    if todo:
        print("Starting ComfyUI ...", flush=True)
        with Host(output=output / "comfyui") as host:
            client = Client(host.address)
            info = client.object_info()
            for scene in tqdm(todo, unit=unit):
                keep(path, scene, compare(client, info, *scene))
    return {scene: results for scene, results in known(path).items() if scene in scenes}


def spent(evaluations: float, seconds: float) -> str:
    """A cost, and the rate by which evaluations become time on this machine."""
    return f"{evaluations:.0f} evaluations, {rate(evaluations, seconds):.3g} a second"


def rate(evaluations: float, seconds: float) -> float:
    """U-Net sample evaluations a second."""
    return round(evaluations / max(seconds, 1e-9), 1)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def means(entries: list[dict]) -> dict[str, dict[str, float]]:
    """Mean of every figure of every contender."""
    gathered = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        for name, figures in entry.items():
            for figure, value in figures.items():
                gathered[name][figure].append(value)
    return {name: {figure: round(mean(values), 5) for figure, values in f.items()} for name, f in gathered.items()}
