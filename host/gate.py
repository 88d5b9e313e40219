"""Checks all inputs of a node against its schema, whether they come from widgets or through links.

The host checks less. It checks the range of a number in a widget, but not of one that comes through a link. It does not
check choices. A link of several types, as that of CSD Particle Split, may bring another type. So every input passes
through here before the node sees it. A new widget needs no code here: its schema says all.

    numbers   type, finite, within min and max
    choices   one of the options
    tensors   type, axes, channels, not empty, finite
    objects   of the class that belongs to their type (`host.io.custom`), or with the methods that nodes use
"""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from .apart import look
from .io import io

Number = io.Int.Input | io.Float.Input
_SHOWN = 60  # characters of a value in a message


def checked(spec: io.Input, value):
    """The value as the node gets it; the default if nothing is connected. ValueError says what was expected."""
    if value is None:
        if spec.optional:
            return getattr(spec, "default", None)
        raise _refused(spec, value, " or ".join(str(spec.get_io_type()).split(",")), "connect it")
    return _check(spec, value)(spec, value)


def each_checked(spec: io.Input, values: list | None) -> list:
    """The values for an input of a node that takes lists, each checked."""
    return [checked(spec, value) for value in values or [None]]


def name(spec: io.Input) -> str:
    """The name of an input on the page."""
    return spec.display_name or spec.id


def got(value) -> str:
    """A value in words, for an error message."""
    if value is None:
        return "nothing"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, dict) and isinstance(value.get("samples"), Tensor):
        return f"a LATENT of shape {tuple(value['samples'].shape)}"
    text = repr(value) if isinstance(value, (str, Real)) else f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _check(spec: io.Input, value) -> Callable:
    """The check for the type of an input. If it takes several types: for the one that the value looks like."""
    types = str(spec.get_io_type()).split(",")
    if len(types) == 1:
        return _CHECKS.get(types[0], _object)
    likely = _likely(value)
    if likely not in types:
        raise _refused(spec, value, " or ".join(types))
    return _CHECKS[likely]


def _likely(value) -> str | None:
    if isinstance(value, dict):
        return "LATENT"
    if isinstance(value, Tensor):
        return "IMAGE" if value.ndim > 3 else "MASK"
    return "VIDEO" if hasattr(value, "get_components") else None


def _refused(spec: io.Input, value, expected: str, turn: str = "") -> ValueError:
    return ValueError(f"{name(spec)}: got {got(value)}, expected {expected}" + (f"; {turn}." if turn else "."))


def _int(spec: Number, value) -> int:
    if isinstance(value, bool) or not _whole(value):
        raise _refused(spec, value, f"a whole number{_range(spec)}")
    return _ranged(spec, int(value))


def _whole(value) -> bool:
    return isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer())


def _float(spec: Number, value) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise _refused(spec, value, f"a finite number{_range(spec)}")
    return _ranged(spec, float(value))


def _range(spec: Number) -> str:
    return "" if spec.min is None or spec.max is None else f" from {spec.min} to {spec.max}"


def _ranged(spec: Number, value):
    if (spec.min is not None and value < spec.min) or (spec.max is not None and value > spec.max):
        raise _refused(spec, value, f"a number{_range(spec)}")
    return value


def _boolean(spec: io.Input, value) -> bool:
    if not isinstance(value, Integral) or value not in (0, 1):
        raise _refused(spec, value, "true or false")
    return bool(value)


def _string(spec: io.Input, value) -> str:
    if not isinstance(value, str):
        raise _refused(spec, value, "a text")
    return value


def _choice(spec: io.Combo.Input, value) -> str:
    if not isinstance(value, str) or value not in spec.options:
        raise _refused(spec, value, "one of " + ", ".join(map(repr, spec.options)), "choose one of them")
    return value


def _image(spec: io.Input, value) -> Tensor:
    if isinstance(value, dict):
        raise _refused(spec, value, "an IMAGE", "put a VAE Decode before this node")
    if not isinstance(value, Tensor) or value.ndim != 4 or value.shape[-1] not in (3, 4):
        raise _refused(spec, value, "an IMAGE [batch, height, width, 3 or 4 channels]")
    if not value.is_floating_point():
        raise _refused(spec, value, f"floating numbers from 0 to 1, not {value.dtype}", "divide whole numbers by 255")
    return _numbers(spec, value, "an IMAGE of at least one picture with pixels")


def _mask(spec: io.Input, value) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim not in (2, 3):
        raise _refused(spec, value, "a MASK [batch, height, width]")
    return _numbers(spec, value, "a MASK of at least one picture with pixels")


def _latent(spec: io.Input, value) -> dict:
    if isinstance(value, Tensor):
        raise _refused(spec, value, "a LATENT", "put a VAE Encode before this node")
    samples = value.get("samples") if isinstance(value, dict) else None
    if not isinstance(samples, Tensor) or samples.ndim not in (4, 5):
        expected = "a LATENT of samples [batch, channels, height, width] or [batch, channels, time, height, width]"
        raise _refused(spec, value, expected)
    _numbers(spec, samples, "a LATENT of at least one picture with cells")
    if value.get("noise_mask") is not None:
        _noise_mask(spec, value["noise_mask"])
    return value


def _noise_mask(spec: io.Input, mask) -> None:
    if not isinstance(mask, Tensor) or mask.ndim < 2:
        raise _refused(spec, mask, "a noise mask [batch, 1, height, width]")
    _numbers(spec, mask, "a noise mask with cells")


def _numbers(spec: io.Input, tensor: Tensor, expected: str) -> Tensor:
    """The tensor itself. ValueError if it is empty or holds numbers that are not finite."""
    if 0 in tensor.shape:
        raise _refused(spec, tensor, expected)
    if tensor.is_complex() or not all(map(_finite, tensor)):  # row by row, to save memory
        raise ValueError(
            f"{name(spec)}: got NaN or infinite numbers, expected finite ones; look at what made them, a VAE or a "
            "sampler in half precision for instance."
        )
    return tensor


def _finite(row: Tensor) -> bool:
    """Whether all numbers are finite. A finite sum proves it, and is fast; without one every number is checked."""
    look()
    return bool(torch.isfinite(row.sum())) or bool(torch.isfinite(row).all())


def _conditioning(spec: io.Input, value) -> list | tuple:
    pairs = isinstance(value, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[1], dict) for pair in value
    )
    if not pairs:
        raise _refused(spec, value, "a CONDITIONING", "connect a CLIP Text Encode")
    return value


def _with(kind: str, *parts: str) -> Callable:
    """A check for objects of any class that have these attributes: other extensions bring classes of their own."""

    def check(spec: io.Input, value):
        if not all(hasattr(value, part) for part in parts):
            raise _refused(spec, value, f"a {kind}")
        return value

    return check


def _object(spec: io.Input, value):
    """Checks an object of one of our own types, which may have a class."""
    kind = spec.Type
    if kind is not Any and not isinstance(value, kind):  # pyright: ignore[reportArgumentType]  (the host has only Any)
        raise _refused(spec, value, f"a {spec.get_io_type()}", "connect the node that makes one")
    return value


_CHECKS: dict[str, Callable] = {
    "INT": _int,
    "FLOAT": _float,
    "BOOLEAN": _boolean,
    "STRING": _string,
    "COMBO": _choice,
    "IMAGE": _image,
    "MASK": _mask,
    "LATENT": _latent,
    "CONDITIONING": _conditioning,
    "MODEL": _with("MODEL", "get_model_object", "model_options"),
    "CLIP": _with("CLIP", "tokenize", "encode_from_tokens_scheduled"),
    "VAE": _with("VAE", "encode", "decode"),
    "CLIP_VISION": _with("CLIP_VISION", "encode_image"),
    "VIDEO": _with("VIDEO", "get_components"),
    "SPLAT": _with("SPLAT", "positions", "scales", "rotations", "opacities", "sh"),
    "CSD_CORRESPONDENCE": _with("CSD_CORRESPONDENCE", "partners", "look"),  # a protocol, which has no class
}
