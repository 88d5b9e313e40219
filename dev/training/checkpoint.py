"""Resumable training state in one safetensors file: weights, their moving average, the optimiser, the clock."""

import os
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

RUNS = Path(__file__).resolve().parent / "runs"


def save_atomically(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file so that a reader sees either the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, partial, metadata)
    partial.chmod(0o644)
    partial.replace(path)


def _optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state = optimiser.state_dict()["state"]
    return {f"optimiser.{index}.{key}": value for index, entry in state.items() for key, value in entry.items()}


def save_checkpoint(
    path: Path, model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, step: int, seconds: float
) -> None:
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    tensors |= _optimiser_tensors(optimiser)
    tensors |= {"step": torch.tensor(step), "seconds": torch.tensor(seconds, dtype=torch.float64)}
    save_atomically(tensors, path)


def load_checkpoint(
    path: Path, model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer | None = None
) -> tuple[int, float]:
    """Restore a state saved by `save_checkpoint` -> (step, seconds trained); (0, 0.0) where there is none."""
    if not path.exists():
        return 0, 0.0
    tensors = load_file(path)
    for prefix, module in (("model.", model), ("average.", average)):
        module.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
    if optimiser is not None:
        _restore_optimiser(optimiser, tensors)
    return int(tensors["step"]), float(tensors["seconds"])


def _restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".")
            state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
