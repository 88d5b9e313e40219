"""The conditioning of some of the particles, for one model call.

The host never splits a batch. It would pass the first rows of a batched condition to every call. So everything that has
one row for each particle is cut to the rows of the call.
"""

from collections.abc import Callable

import comfy.conds
import torch
import torch.nn.functional as F
from torch import Tensor

from . import control
from .rows import Rows, has_rows, take_rows


def _mapped(cond, change: Callable[[Tensor], Tensor]):
    """A condition with its tensors changed."""
    if isinstance(cond, comfy.conds.CONDConstant):
        return cond
    if isinstance(cond, comfy.conds.CONDList):
        return cond._copy_with([change(tensor) for tensor in cond.cond])
    return cond._copy_with(change(cond.cond)) if isinstance(cond.cond, Tensor) else cond


def _changed(cond: dict, change: Callable[[Tensor], Tensor]) -> dict:
    """A prompt with the tensors of its conditions and its mask changed."""
    masked = {"mask": change(cond["mask"])} if isinstance(cond.get("mask"), Tensor) else {}
    model_conds = {key: _mapped(value, change) for key, value in cond["model_conds"].items()}
    return {**cond, "model_conds": model_conds, **masked}


def noised_everywhere(conds: list[dict]) -> list[dict]:
    """Processed conditioning that does not say where the latents are clean.

    Some models (Wan 2.2 5B, LTXV) are told so by the noise mask, for the host pastes the clean image there. Here every
    particle is noised all over, and the mask limits the update.
    """
    told = "denoise_mask"
    return [
        {**cond, "model_conds": {key: value for key, value in cond["model_conds"].items() if key != told}}
        for cond in conds
    ]


def counted_by_row(conds: list[dict], count: int) -> list[dict]:
    """Processed conditioning whose number of tokens is that of a row, where the host counted all rows together.

    Some models (Lumina 2, Omnigen2) are told one number for the whole batch. Raises ValueError where rows differ in it.
    """
    return [_counted_by_row(cond, count) for cond in conds]


def _counted_by_row(cond: dict, count: int) -> dict:
    mask, tokens = cond.get("attention_mask"), "num_tokens"
    if tokens not in cond["model_conds"] or not isinstance(mask, Tensor) or not has_rows(mask, count):
        return cond
    least, most = (int(number) for number in mask.sum(1).aminmax())
    if least != most:
        raise ValueError(
            f"conditioning: got prompts of {least} to {most} tokens, one for each particle, expected the same number "
            "in each, for this model is told one number for all; give the particles texts of one length, or one text."
        )
    return {**cond, "model_conds": {**cond["model_conds"], tokens: comfy.conds.CONDConstant(most)}}


def parked(conds: list[dict], count: int, device: torch.device) -> list[dict]:
    """Processed conditioning. Tensors with a row for each particle are moved to `device`, until `take` needs them."""
    return [_changed(cond, lambda part: part.to(device) if has_rows(part, count) else part) for cond in conds]


def take(conds: list[dict], rows: Rows, count: int, chains: dict, device: torch.device | None = None) -> list[dict]:
    """Processed conditioning of the particles `rows`, on `device`. `chains` holds their ControlNets."""
    taken = []
    for cond in conds:
        part = _changed(cond, lambda tensor: take_rows(tensor, rows, count).to(device=device))
        if cond.get("control") is not None:
            part["control"] = control.take(cond["control"], rows, count, chains)
        taken.append(part)
    return taken


# The entries that the host uses when it evaluates a prompt. Others only say where the prompt came from.
_EVALUATED = ("model_conds", "control", "hooks", "mask", "mask_strength", "strength", "area", "gligen", "default")
_SCHEDULED = ("timestep_start", "timestep_end")


def same(a: list[dict], b: list[dict]) -> bool:
    """Whether two processed conditionings make the model predict the same."""
    keys = (*_EVALUATED, *_SCHEDULED)
    return len(a) == len(b) and all(equal(one.get(key), other.get(key)) for one, other in zip(a, b) for key in keys)


def differ_in_references_alone(a: list[dict], b: list[dict]) -> bool:
    """Whether nothing that goes into the model beside x tells two processed conditionings apart, at any noise level.

    What is concatenated to x a model cannot but see; a reference it may leave out.
    """
    scheduled = any(key in cond for cond in (*a, *b) for key in _SCHEDULED)
    pairs = zip(a, b, strict=True)
    concatenated = "c_concat"
    return not scheduled and all(
        equal(one["model_conds"].get(concatenated), other["model_conds"].get(concatenated)) for one, other in pairs
    )


def equal(a, b) -> bool:
    """Equality of nested values, tensors number by number. What cannot be compared equals only itself."""
    if isinstance(a, comfy.conds.CONDRegular):
        return type(a) is type(b) and equal(a.cond, b.cond)
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    return a is b or a == b


def fits_a_page(conds: list[dict], x: Tensor) -> bool:
    """Whether `on_page` can move this conditioning: it has no areas or other places within particles x [m, C, h, w]."""
    placed = any(key in cond for cond in conds for key in ("area", "gligen", "default"))
    masks = [cond["mask"] for cond in conds if "mask" in cond]
    return not placed and all(mask.shape[1:] == x.shape[2:] for mask in masks)


def on_page(conds: list[dict], x: Tensor, page: int, pages: int) -> list[dict]:
    """Moves the conditioning of particles x [m, C, h, w] to page `page` of a picture [m, C, pages * h, w]."""
    size, height = list(x.shape[2:]), x.shape[-2]
    corner = [0] * (len(size) - 2) + [page * height, 0]
    moved = []
    for cond in conds:
        mask = cond.get("mask", x.new_ones(1, *size))
        # An explicit mask: without one, the host softens the edges of an area.
        around = F.pad(mask, (0, 0, page * height, (pages - 1 - page) * height))
        model_conds = {key: _unplaced(value) for key, value in cond["model_conds"].items()}
        moved.append({**cond, "area": (*size, *corner), "mask": around, "model_conds": model_conds})
    return moved


def _unplaced(cond):
    """A tensor that has the size of a page already, wrapped so that the host does not cut the area out of it."""
    return comfy.conds.CONDRegular(cond.cond) if isinstance(cond, comfy.conds.CONDNoiseShape) else cond
