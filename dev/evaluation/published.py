"""Where results go, and what they say about the machine that made them."""

import argparse
import json
import os
import platform
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

import psutil
import torch

from ..environment.env import ROOT
from ..environment.server import HOST_FOLDER

RESULTS = ROOT / "dev" / "benchmarks" / "results"
NO_GPU = "No GPU on this machine: measured on the CPU. Run the same command where there is one."


def parser(description: str | None) -> argparse.ArgumentParser:
    """What every part of the benchmarks understands."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--output", type=Path, default=RESULTS, help="folder for the results")
    made.add_argument("--short", action="store_true", help="the least that shows that it works; figures mean little")
    return made


def processor() -> str:
    """The CPU's own name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> dict:
    found = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "memory, GiB": round(psutil.virtual_memory().total / 2**30, 1),
    }
    return found | ({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {})


def versions() -> dict:
    host = re.search(r'__version__ = "(.+)"', (HOST_FOLDER / "comfyui_version.py").read_text())
    project = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "ComfyUI": host and host[1],
        "collaborative-score-distillation": project and project[1],
    }


def command() -> str:
    """The command line that is running, as one would type it in the checkout."""
    spec = sys.modules["__main__"].__spec__
    run = ["-m", spec.name] if spec else sys.argv[:1]
    return " ".join(["python", *run, *sys.argv[1:]])


def publish(folder: Path, name: str, figures: dict) -> Path:
    """Write `name`.json: the figures, and what made them."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "command": command(),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(made | figures, indent=2) + "\n")
    print(f"Wrote {path}")
    return path
