"""What every stage needs: initial weights, a device, a schedule, crops."""

import math
from typing import Any

import torch
from torch import nn

Network = Any
"""A network of the host. The host does not type its parts, so a type checker would take them for tensors."""

INITIALISED: tuple[Any, ...] = (nn.Conv2d, nn.Linear, nn.GroupNorm, nn.LayerNorm)


def initialise(model: nn.Module) -> None:
    """Give the host's layers, which skip their own initialisation, torch's usual one."""
    for module in model.modules():
        for kind in INITIALISED:
            if isinstance(module, kind):
                kind.reset_parameters(module)
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.3)


def silence(*layers: nn.Module) -> None:
    """Start layers at zero, so that the residual branch they end adds nothing yet."""
    for layer in layers:
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def half_precision(device: torch.device) -> torch.autocast:
    """bfloat16 where it is safe; twice as fast as float32, also on recent CPUs. Losses are computed outside of it."""
    return torch.autocast(device.type, torch.bfloat16)


def learning_rate(peak: float, step: int, progress: float, warm_up: int = 50) -> float:
    """Linear warm-up over steps, then half a cosine over `progress` (0..1) down to zero."""
    return peak * min(1.0, (step + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def random_crops(
    pictures: torch.Tensor, count: int, size: int, generator: torch.Generator, multiple: int = 1
) -> torch.Tensor:
    """Cut `count` squares at random places of ``[N, C, H, W]``, corners on multiples -> ``[count, C, size, size]``."""
    number, _, height, width = pictures.shape
    rows = torch.randint((height - size) // multiple + 1, (count,), generator=generator) * multiple
    columns = torch.randint((width - size) // multiple + 1, (count,), generator=generator) * multiple
    chosen = torch.randint(number, (count,), generator=generator)
    corners = zip(chosen.tolist(), rows.tolist(), columns.tolist())
    return torch.stack([pictures[n, :, y : y + size, x : x + size] for n, y, x in corners])
