"""Several predictions in one batch of the host.

The host can evaluate prompts on areas of a picture. Areas of equal size go through the model in one batch. So the
noised particles of different predictions are put into one tall picture, each as a page. Batching, hooks, ControlNets
and memory limits of the host then apply, as for any prompt with an area.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import comfy.samplers
import torch
from torch import Tensor

from . import conditioning

POSITIVE, NEGATIVE = 0, 1
OWN = "csd"  # the key of this extension's wrappers


@dataclass(frozen=True)
class Page:
    """One prediction to make.

    x       [m, C, h, w] particles in the host's scaling
    conds   their conditioning
    slot    POSITIVE or NEGATIVE: which of the two prompts it is for patches of the model
    """

    x: Tensor
    conds: list[dict]
    slot: int


def predict(model, pages: Sequence[Page], timestep: Tensor, options: dict) -> Tensor:
    """Denoised particles [pages, m, C, h, w]."""
    if len(pages) == 1 or not all(conditioning.fits_a_page(page.conds, page.x) for page in pages):
        return torch.stack([_alone(model, page, timestep, options) for page in pages])
    slots: list[list[dict]] = [[], []]
    for number, page in enumerate(pages):
        slots[page.slot] += conditioning.on_page(page.conds, page.x, number, len(pages))
    picture = torch.cat([page.x for page in pages], dim=-2)
    outputs = _evaluated(model, [conds or None for conds in slots], picture, timestep, options)
    height = pages[0].x.shape[-2]
    return torch.stack([outputs[page.slot].narrow(-2, i * height, height) for i, page in enumerate(pages)])


def _alone(model, page: Page, timestep: Tensor, options: dict) -> Tensor:
    slots = [page.conds if page.slot == slot else None for slot in (POSITIVE, NEGATIVE)]
    return _evaluated(model, slots, page.x, timestep, options)[page.slot]


def _evaluated(model, slots: list[Any], x: Tensor, timestep: Tensor, options: dict) -> list[Tensor]:
    """The host's predictions for two prompts. A prompt that is None is not evaluated."""
    return comfy.samplers.calc_cond_batch(model, slots, x, timestep, options)


def tells_prompts_apart(patcher) -> bool:
    """Whether a patch of the model might treat positive and negative prompts with equal conditioning differently."""
    options = patcher.model_options
    inside = options.get("transformer_options", {})
    patched = any(inside.get(key) for key in ("patches", "patches_replace", "wrappers"))
    wrapped = any(set(keys) - {OWN} for keys in patcher.wrappers.values())
    return patched or wrapped or "model_function_wrapper" in options
