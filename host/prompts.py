"""Joins the prompts of single images to one prompt for a set.

Text encoders that look at a picture make a prompt for one picture. The guider takes one prompt with a row for each
particle.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .conditioning import equal

Prompt = list  # of [tokens, entries], as the host passes conditioning


def joined(prompts: Sequence[Prompt]) -> Prompt:
    """One conditioning with a row for each of N prompts, in their order.

    Tensors of one row are joined to N rows; lists of tensors (reference latents) member by member. All other entries
    have to be the same in all prompts. Raises ValueError where prompts do not fit together.
    """
    lengths = sorted({len(prompt) for prompt in prompts})
    if len(lengths) > 1:
        raise ValueError(f"prompts: got {lengths[0]} to {lengths[-1]} parts in each, expected the same number.")
    return [_joined_part(parts) for parts in zip(*prompts, strict=True)]


def _joined_part(parts: Sequence[Sequence]) -> list:
    tokens = [part[0] for part in parts]
    counts = sorted({part.shape[1] for part in tokens})
    if len(counts) > 1:
        raise ValueError(
            f"prompts: got {counts[0]} to {counts[-1]} tokens, expected the same number in each; give every image the "
            "same text and the same size."
        )
    names = [set(part[1]) for part in parts]
    differing = set.union(*names) - set.intersection(*names)
    if differing:
        raise ValueError(f"prompts: got {', '.join(sorted(differing))} in some only, expected the same in each.")
    entries = {name: _joined_entry(name, [part[1][name] for part in parts]) for name in parts[0][1]}
    return [_rows("tokens", tokens), entries]


def _joined_entry(name: str, values: list):
    first = values[0]
    if isinstance(first, Tensor) and first.ndim > 1:
        return _rows(name, values)
    if _is_list_of_tensors(first) and {len(value) for value in values} == {len(first)}:
        return [_rows(name, list(members)) for members in zip(*values, strict=True)]
    if not all(equal(first, value) for value in values):
        raise ValueError(f"prompts: got a different {name} in each, which cannot be joined; expected the same in all.")
    return first


def _is_list_of_tensors(value) -> bool:
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(isinstance(part, Tensor) for part in value)


def _rows(name: str, tensors: list[Tensor]) -> Tensor:
    """Tensors [1, ...] of one shape -> [N, ...]."""
    shapes = {tuple(tensor.shape) for tensor in tensors}
    if len(shapes) > 1 or tensors[0].shape[0] != 1:
        shown = " and ".join(map(str, sorted(shapes)))
        raise ValueError(f"prompts: got {name} of shape {shown}, expected one row and the same shape in each.")
    return torch.cat(tensors)
