"""The conditioning of some of the particles, for one model call.

The host never splits a batch: it would hand the first rows of a batched condition to every call.
So everything that holds one row for each particle is cut to the rows of the call.
"""

import comfy.conds
from torch import Tensor

from . import control
from .rows import Rows, take_rows


def _take_cond(cond, rows: Rows, count: int):
    if isinstance(cond, comfy.conds.CONDConstant):
        return cond
    if isinstance(cond, comfy.conds.CONDList):
        return cond._copy_with([take_rows(tensor, rows, count) for tensor in cond.cond])
    return cond._copy_with(take_rows(cond.cond, rows, count)) if isinstance(cond.cond, Tensor) else cond


def take(conds: list[dict], rows: Rows, count: int, chains: dict) -> list[dict]:
    """Processed conditioning of the particles `rows`. `chains` holds the ControlNets of these particles."""
    taken = []
    for cond in conds:
        part = cond.copy()
        part["model_conds"] = {key: _take_cond(value, rows, count) for key, value in cond["model_conds"].items()}
        if isinstance(cond.get("mask"), Tensor):
            part["mask"] = take_rows(cond["mask"], rows, count)
        if cond.get("control") is not None:
            part["control"] = control.take(cond["control"], rows, count, chains)
        taken.append(part)
    return taken
