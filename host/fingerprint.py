"""Everything that the result of a run depends on, as text. Runs with equal texts have equal results.

Short values stay readable. Tensors and long values become hashes. Of each weight of a model only a few numbers are
read, because reading all of them would take longer than some runs. Objects of other extensions are compared by their
class, their numbers and their tensors.
"""

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from types import FunctionType, MethodType

import comfy.model_patcher
import numpy as np
import torch
from torch import Tensor

from ..csd.tree import Theta
from ..media.state_file import checksum

_READABLE, _DEEPEST, _SAMPLES = 80, 12, 16
_NOT_SETTINGS = ("record", "states", "begin")  # the last one comes with runs that keep no states
_NOT_ASKED = ("uuid", "model_conds")
_PLAIN = (type(None), bool, int, float, str, bytes, torch.dtype, Enum)


def fingerprint(guider, sampler, sigmas: Tensor, source: Theta, mask: Tensor | None, seed: int) -> dict[str, str]:
    """Name -> value of everything that a run of `sampler` with `guider` depends on.

    source   theta before the first step, in the model's space

    Settings that change only memory and speed are left out.
    """
    stages = {f.name: getattr(sampler, f.name) for f in fields(sampler) if f.name not in _NOT_SETTINGS}
    prompts = {f"{name} prompt": conds for name, conds in guider.prompts.items()}
    values = {
        "seed": seed,
        "steps": len(sigmas) - 1,
        "noise levels": sigmas,
        **stages,
        **guider.settings,
        **prompts,
        "source latents": source,
        "noise mask": mask,
        "model": weights(guider.model_patcher),
        "model patches": patches(guider.model_patcher),
    }
    return named_texts(values)


def named_texts(values: Mapping[str, object]) -> dict[str, str]:
    """Name -> text of each value, which is short."""
    return {name.replace("_", " "): brief(describe(value)) for name, value in values.items()}


def brief(text: str) -> str:
    """The text itself, or its hash if it is long."""
    if len(text) <= _READABLE:
        return text
    return "#" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def describe(value, depth: int = 0) -> str:
    """A text that is the same in every process for equal values."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if depth > _DEEPEST or isinstance(value, comfy.model_patcher.ModelPatcher):
        return type(value).__name__
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, Tensor):
        return f"tensor {checksum({'': value})}"
    return _compound(value, depth + 1)


def _compound(value, depth: int) -> str:
    name = getattr(value, "__qualname__", type(value).__qualname__)
    if isinstance(value, Mapping):
        kept = {str(key): part for key, part in value.items() if key not in _NOT_ASKED}
        return "{" + ", ".join(f"{key}: {describe(kept[key], depth)}" for key in sorted(kept)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(describe(part, depth) for part in value) + "]"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(describe(part, depth) for part in value)) + "}"
    if isinstance(value, type):
        return name
    return f"{name}({describe(_parts(value), depth)})"


def _parts(value) -> dict | list:
    """The parts by which two objects of a class, or two closures of a function, differ."""
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, MethodType):
        return []
    if isinstance(value, FunctionType):
        return list(inspect.getclosurevars(value).nonlocals.values())
    if isinstance(value, torch.nn.Module):
        return [sampled(dict(value.named_parameters()))]
    if is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in fields(value) if f.init}  # other fields are caches
    return {name: part for name, part in getattr(value, "__dict__", {}).items() if _tells(part)}


def _tells(part) -> bool:
    """Whether a part of an unknown object is compared. Integers and texts are not: many are counters and ids."""
    if isinstance(part, (list, tuple)):
        return all(map(_tells, part))
    has_weights = isinstance(part, torch.nn.Module) or hasattr(part, "control_model") or hasattr(part, "hook_type")
    return isinstance(part, (float, Tensor, Enum, type(None))) or has_weights


def sampled(named: dict[str, Tensor]) -> str:
    """A hash of the names, shapes and a few numbers of each weight."""
    total = hashlib.blake2b(digest_size=16)
    for name, weight in sorted(named.items()):
        flat = weight.detach().reshape(-1)
        few = flat[:: max(1, len(flat) // _SAMPLES)][:_SAMPLES].float().cpu()
        total.update(f"{name} {weight.dtype} {tuple(weight.shape)};".encode() + few.numpy().tobytes())
    return total.hexdigest()


def weights(model) -> list[str]:
    """The class of a ModelPatcher's model, its dtype, and its weights before any patch."""
    original = {name: kept.weight for name, kept in model.backup.items()}
    named = {name: original.get(name, weight) for name, weight in model.model.named_parameters()}
    return [type(model.model).__qualname__, str(model.model_dtype()), sampled(named)]


def patches(model) -> list:
    """Weight patches (LoRA) and functions that nodes have put on the model."""
    return [model.patches, model.model_options, model.object_patches, model.wrappers]
