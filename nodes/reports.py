"""What sampler nodes hand out about a run: its card, its curves, and what it cost."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..host.io import io
from ..host.record import Record
from ..media.plots import plots
from ..media.report import card

REPORT = io.Image.Output(
    "report",
    display_name="report",
    tooltip="A card of the run, for Preview Image: before and after, evaluations, seconds, memory, how even the edit "
    "is, and warnings.",
)
PLOTS = io.Image.Output(
    "plots",
    display_name="plots",
    tooltip="The curves of the run, for Preview Image: residual and step size at every step, and the last kernel.",
)


def reported(title: str, record: Record, said: Sequence[str] = ()) -> tuple[Tensor, Tensor]:
    """Card and curves, each [1, 960, 640, 3].

    said   lines for the card: which settings were chosen, and why
    """
    return torch.from_numpy(card(title, record, said))[None], torch.from_numpy(plots(title, record))[None]


def shown(record: Record) -> dict:
    """What the run cost, for the page and for the history."""
    cost = {"evaluations": record.evaluations, "seconds": round(record.seconds, 3), "steps": len(record.residual)}
    return {"csd": [cost]}
