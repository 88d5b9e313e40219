"""Values that do not belong into an input, from its type and range alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import torch


@dataclass(frozen=True)
class Wild:
    """A value for one input.

    forbidden   True: the node has to refuse it; False: it may also make something of it
    """

    words: str
    value: Any
    forbidden: bool = True


def wild(spec, rng: Random, world) -> Wild:
    """One value for an input that does not belong there, or lies at the end of its range."""
    kinds = str(spec.get_io_type()).split(",")
    found = _OF.get(kinds[0], _object)(spec, world)
    if spec.optional:
        found.append(Wild("nothing", None, forbidden=False))
    else:
        found.append(Wild("nothing", None))
    return rng.choice(found)


def _number(spec, world) -> list[Wild]:
    ends = [Wild("least", spec.min, False), Wild("most", spec.max, False)]
    beyond = [Wild("below", spec.min - 1), Wild("above", spec.max * 2 + 1), Wild("far below", -(10**12))]
    broken = [Wild("NaN", math.nan), Wild("infinite", math.inf), Wild("minus infinite", -math.inf)]
    return [*ends, *beyond, *broken, Wild("a word", "many"), Wild("a picture", world["IMAGE"]), Wild("true", True)]


def _combo(spec, world) -> list[Wild]:
    words = [Wild("unknown word", "no such choice"), Wild("empty word", ""), Wild("a number", 7)]
    return [*words, Wild("upper case", str(spec.options[0]).upper() + "!") if spec.options else words[0]]


def _boolean(spec, world) -> list[Wild]:
    return [Wild("a word", "yes"), Wild("two", 2), Wild("a picture", world["IMAGE"])]


def _string(spec, world) -> list[Wild]:
    words = ["../up", "a/b", "", " ", "con", "x" * 300, "\0", "..", "\u202e", "a\nb"]
    return [Wild("a number", 7), Wild("a list", ["a"]), *(Wild(repr(word)[:20], word, False) for word in words)]


def _image(spec, world) -> list[Wild]:
    image = world["IMAGE"]
    return [
        Wild("LATENT for IMAGE", world["LATENT"]) if "LATENT" not in str(spec.get_io_type()) else Wild("a word", "a"),
        Wild("rank 3", image[0], "MASK" not in str(spec.get_io_type())),
        Wild("rank 5", image[None]),
        Wild("empty batch", image[:0]),
        Wild("no rows", image[:, :0]),
        Wild("one channel", image[..., :1]),
        Wild("five channels", torch.cat([image, image[..., :2]], -1)),
        Wild("NaN", torch.full_like(image, math.nan)),
        Wild("infinite", image / 0),
        Wild("another count", image[:1].repeat(7, 1, 1, 1), False),
        Wild("another size", image[:, :40, :24], False),
        Wild("four channels", torch.cat([image, image[..., :1]], -1), False),
        Wild("whole numbers", (image * 255).to(torch.uint8), False),
        Wild("half precision", image.half(), False),
        Wild("huge numbers", image * 1e30, False),
        Wild("a list", [image]),
    ]


def _latent(spec, world) -> list[Wild]:
    latent = world["LATENT"]
    samples = latent["samples"]
    return [
        Wild("IMAGE for LATENT", world["IMAGE"]),
        Wild("MASK for LATENT", world["MASK"]),
        Wild("no samples", {}),
        Wild("rank 3", {"samples": samples[0]}),
        Wild("rank 6", {"samples": samples[None, None]}),
        Wild("rank 5", {"samples": samples[:, :, None]}, False),
        Wild("empty batch", {"samples": samples[:0]}),
        Wild("NaN", {"samples": torch.full_like(samples, math.nan)}),
        Wild("one infinite", {"samples": _with_infinity(samples)}),
        Wild("another count", {"samples": samples[:1].repeat(6, 1, 1, 1)}, False),
        Wild("another size", {"samples": samples[..., :5, :3]}, False),
        Wild("other channels", {"samples": samples.repeat(1, 4, 1, 1)}, False),
        Wild("whole numbers", {"samples": samples.long()}, False),
        Wild("half precision", {"samples": samples.half()}, False),
        Wild("a mask of NaN", {**latent, "noise_mask": torch.full(samples[:, :1].shape, math.nan)}),
        Wild("a mask of another count", {**latent, "noise_mask": torch.ones(9, 1, 8, 8)}, False),
        Wild("a mask of rank 1", {**latent, "noise_mask": torch.ones(9)}),
    ]


def _with_infinity(samples):
    broken = samples.clone()
    broken.view(-1)[0] = math.inf
    return broken


def _conditioning(spec, world) -> list[Wild]:
    tokens, extra = world["CONDITIONING"][0]
    return [
        Wild("a LATENT", world["LATENT"]),
        Wild("empty", [], False),
        Wild("no pairs", [1]),
        Wild("NaN", [[torch.full_like(tokens, math.nan), extra]], False),
        Wild("another width", [[tokens[..., :8], extra]], False),
        Wild("two prompts", [[tokens, extra]] * 2, False),
        Wild("without an image", [[tokens, {}]], False),
        Wild("of another count", [[tokens, {"concat_latent_image": torch.zeros(5, 4, 8, 8)}]], False),
    ]


def _object(spec, world) -> list[Wild]:
    """Own types, and those of the host that only pass through."""
    kind = str(spec.get_io_type())
    strange = [name for name in ("IMAGE", "LATENT", "MASK") if name not in kind.split(",")]
    others = [Wild(f"{name} for {kind}", world[name]) for name in strange]
    found = [*others, Wild("a word", "a"), Wild("a number", 7)]
    if kind in world.others:
        found += 3 * [Wild(f"{kind} of another set", world.others[kind], False)]
    return found


_OF: dict[str, Callable] = {
    "INT": _number, "FLOAT": _number, "COMBO": _combo, "BOOLEAN": _boolean, "STRING": _string, "IMAGE": _image,
    "LATENT": _latent, "CONDITIONING": _conditioning,
}
