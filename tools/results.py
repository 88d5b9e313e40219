"""Figures of many edits, kept one line an edit, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from pathlib import Path
from statistics import mean

from .env import ROOT


def fingerprint(workflow: Path) -> str:
    """Changes with the workflow and the weights."""
    digest = hashlib.sha256(workflow.read_bytes())
    for path in sorted((ROOT / "demo" / "weights").glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def known(path: Path) -> dict[tuple[int, str], dict]:
    """Results of earlier runs by scene and look; a line that was cut off is left out."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        found[entry["scene"], entry["look"]] = entry["results"]
    return found


def means(entries: list[dict]) -> dict[str, dict[str, float]]:
    """Mean of every figure of every contender."""
    gathered = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        for name, figures in entry.items():
            for figure, value in figures.items():
                gathered[name][figure].append(value)
    return {name: {figure: round(mean(values), 5) for figure, values in f.items()} for name, f in gathered.items()}
