"""Getting the host's model classes into this process."""

import sys
from pathlib import Path

import torch

HOST_FOLDER = Path(__file__).resolve().parents[2] / ".venv" / "ComfyUI"


def boot_host() -> None:
    """Make `comfy` importable and give it a command line of its own. Call before importing nodes.host."""
    if not HOST_FOLDER.is_dir():
        raise FileNotFoundError(f"Expected ComfyUI in {HOST_FOLDER}; run `make env` first.")
    sys.path.insert(0, str(HOST_FOLDER))
    device = [] if torch.cuda.is_available() else ["--cpu"]
    ours, sys.argv = sys.argv, [sys.argv[0], "--use-pytorch-cross-attention", *device]
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.cli_args  # noqa: F401  (reads the command line once, now)

    sys.argv = ours
