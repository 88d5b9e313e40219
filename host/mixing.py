"""A pair of predictions, text and image, as the host and the guidance patches on MODEL evaluate and mix it."""

import comfy.samplers
import torch
from torch import Tensor

_EVALUATE, _BEFORE, _MIX, _AFTER = (
    "sampler_calc_cond_batch_function",
    "sampler_pre_cfg_function",
    "sampler_cfg_function",
    "sampler_post_cfg_function",
)


def is_patched(options: dict) -> bool:
    """Whether any patch takes part in the mixing, and so has to see the pair that the host would show it."""
    return any(options.get(name) for name in (_BEFORE, _MIX, _AFTER))


def in_turn(options: dict) -> bool:
    """Whether requests have to be evaluated and mixed one after the other.

    Some patches evaluate a pair by themselves. Others keep an attention map of the last evaluation for the mixing
    (self-attention guidance), which would be that of another request.
    """
    keeps = options.get(_AFTER) and options.get("transformer_options", {}).get("patches_replace")
    return _EVALUATE in options or bool(keeps)


def evaluated(model, conds: list, x: Tensor, timestep: Tensor, options: dict) -> list[Tensor]:
    """The predictions for a pair of conditionings, None for those that are not asked for."""
    if _EVALUATE not in options:
        return comfy.samplers.calc_cond_batch(model, conds, x, timestep, options)
    call = {"conds": conds, "input": x, "sigma": timestep, "model": model, "model_options": options}
    return options[_EVALUATE](call)


def mixed(
    model, conds: list, predictions: list[Tensor], scale: float, x: Tensor, timestep: Tensor, options: dict
) -> Tensor:
    """The guided prediction [n, C, h, w] of particles x."""
    call = {"conds": conds, "cond_scale": scale, "timestep": timestep, "input": x, "sigma": timestep}
    call |= {"model": model, "model_options": options}
    for patch in options.get(_BEFORE, []):
        predictions = patch({**call, "conds_out": predictions})
    text, image, rest = *predictions[:2], {"model_options": options, "cond": conds[0], "uncond": conds[1]}

    def mix(part: slice) -> Tensor:
        return comfy.samplers.cfg_function(model, text[part], image[part], scale, x[part], timestep[part], **rest)

    parts = [slice(i, i + 1) for i in range(len(x))] if _one_by_one(options) else [slice(None)]
    return torch.cat([mix(part) for part in parts])


def _one_by_one(options: dict) -> bool:
    """Whether patches mix particle by particle, so that none of them takes a mean over a batch, or expects one image.

    Those that ask the model get all particles at once, for the sake of speed.
    """
    patches = [options[_MIX]] if _MIX in options else []
    patches += options.get(_AFTER, [])
    return bool(patches) and not any(map(_asks_the_model, patches))


def _asks_the_model(patch) -> bool:
    """Whether a guidance function takes the model out of its arguments."""
    code = getattr(patch, "__code__", None)
    return code is None or "model" in code.co_consts
