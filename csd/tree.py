"""Theta as a structure: a tensor, or tensors in nested dictionaries and tuples.

A canvas is one tensor. A scene of splats has several: positions, scales, rotations, opacities, colours. Sums and
updates map over the structure, so they are written once for both.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

Theta = Tensor | Mapping[str, "Theta"] | tuple["Theta", ...]
Parts = dict[str, Tensor]
"""A theta of one level: tensors by name."""


def parts(theta: Theta) -> Parts:
    """A theta of one level as a dictionary. Raises TypeError for any other."""
    leaves = dict(named_leaves(theta))
    if not isinstance(theta, Mapping) or leaves.keys() != theta.keys():
        raise TypeError(f"theta: got {sorted(leaves)} in a {type(theta).__name__}, expected a dictionary of tensors.")
    return leaves


def tree_map(change: Callable[..., Tensor], theta: Theta, *others: Any) -> Theta:
    """Applies `change` to each tensor of theta, together with the tensors at the same place of the others.

    The others have the structure of theta.
    """
    if isinstance(theta, Tensor):
        return change(theta, *others)
    if isinstance(theta, Mapping):
        return {name: tree_map(change, part, *(other[name] for other in others)) for name, part in theta.items()}
    if isinstance(theta, tuple):
        return tuple(tree_map(change, *parts) for parts in zip(theta, *others, strict=True))
    raise TypeError(f"theta: got a {type(theta).__name__}, expected a tensor, or a dictionary or tuple of tensors.")


def tree_sum(a: Theta | None, b: Theta) -> Theta:
    """a + b, place by place; b where a is None."""
    return b if a is None else tree_map(Tensor.add, a, b)


def named_leaves(theta: Theta, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of every tensor. Nested names are joined by dots: `colour`, `shape.scale`."""
    if isinstance(theta, Tensor):
        yield name, theta
        return
    parts = theta.items() if isinstance(theta, Mapping) else enumerate(theta)
    for key, part in parts:
        yield from named_leaves(part, f"{name}.{key}" if name else str(key))


def from_leaves(leaves: Mapping[str, Tensor]) -> Theta:
    """Nested dictionaries from what `named_leaves` gives; a single tensor without a name stays a tensor."""
    if set(leaves) == {""}:
        return leaves[""]
    parts: dict[str, dict[str, Tensor]] = {}
    for name, leaf in leaves.items():
        first, _, rest = name.partition(".")
        parts.setdefault(first, {})[rest] = leaf
    return {name: from_leaves(part) for name, part in parts.items()}


def with_leaves(theta: Theta, leaves: Mapping[str, Tensor], name: str = "") -> Theta:
    """The structure of theta with other tensors, by the names that `named_leaves` gives them.

    Raises KeyError where one is missing.
    """
    if isinstance(theta, Tensor):
        return leaves[name]

    def below(key, part: Theta) -> Theta:
        return with_leaves(part, leaves, f"{name}.{key}" if name else str(key))

    if isinstance(theta, Mapping):
        return {key: below(key, part) for key, part in theta.items()}
    return tuple(below(key, part) for key, part in enumerate(theta))
