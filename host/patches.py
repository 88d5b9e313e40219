"""Patches on MODEL that hold something of each particle: a row, or a picture.

Patches with a row for each image (IP-Adapter) look up `ad_params` among the transformer options. There animations say
which frames a call is about; here a call says the same of its particles.

A patch with a picture (the DiffSynth ControlNets of Qwen-Image) would show it whole, or its first row, to every
particle. So it is made again out of a picture for each particle, and a call gets the rows that it is about.
"""

from collections.abc import Iterator
from copy import copy

import comfy.utils
from torch import Tensor

from .fit import Fit
from .rows import Rows, take_rows
from .vae import BatchedVAE

Fitted = dict[tuple[str, int], object]
"""Patches with a row for each particle, by their kind and place among the transformer options."""

_PARTS = {"model_patch", "vae", "image", "strength", "mask", "encoded_image"}  # of the host's DiffSynth patch


def fitted(options: dict, fit: Fit) -> Fitted:
    """The patches with pictures among a model's options, made to fit the particles.

    Raises ValueError for patches of a kind that cannot be made again.
    """
    return {place: _fitted(patch, fit) for place, patch in _patches(options) if hasattr(patch, "image")}


def for_rows(options: dict, fitted: Fitted, rows: Rows, count: int) -> dict:
    """A model's options for a call about the particles `rows` of `count`."""
    inside = dict(options.get("transformer_options", {}))
    inside["ad_params"] = {"sub_idxs": list(rows), "full_length": count}
    if fitted:
        changed = {place: OfRows(patch, rows, count) for place, patch in fitted.items()}
        inside["patches"] = {
            kind: [changed.get((kind, i), patch) for i, patch in enumerate(listed)]
            for kind, listed in inside["patches"].items()
        }
    return {**options, "transformer_options": inside}


def _patches(options: dict) -> Iterator[tuple[tuple[str, int], object]]:
    for kind, listed in options.get("transformer_options", {}).get("patches", {}).items():
        yield from (((kind, i), patch) for i, patch in enumerate(listed))


def _fitted(patch, fit: Fit):
    if not vars(patch).keys() >= _PARTS:
        raise ValueError(
            f"model: got a patch {type(patch).__name__} with a picture, which cannot be split into particles, expected "
            "one of Qwen Image DiffSynth ControlNet or none; remove that node, or use a ControlNet on the prompts."
        )
    cell = patch.vae.spacial_compression_encode()
    height, width = (side * cell for side in fit.size)
    image = fit.image("model patch image", patch.image.movedim(-1, 1))
    image = comfy.utils.common_upscale(image, width, height, "area", "center")
    mask = patch.mask
    if mask is not None:
        mask = fit.image("model patch mask", mask)
        count = max(len(mask), len(image))
        mask, image = mask.expand(count, *mask.shape[1:]), image.expand(count, *image.shape[1:])
    return type(patch)(patch.model_patch, BatchedVAE(patch.vae, 1), image.movedim(1, -1), patch.strength, mask)


class OfRows:
    """A patch for a call about some of the particles, which come once for each prediction of the call."""

    def __init__(self, patch, rows: Rows, count: int):
        self.patch = copy(patch)
        self.patch.encoded_image = take_rows(patch.encoded_image, rows, count)

    def __call__(self, call: dict) -> dict:
        img: Tensor = call["img"]
        self.patch.encoded_image = self.patch.encoded_image.to(img.device)
        batch = copy(self.patch)
        batch.encoded_image = batch.encoded_image.repeat(len(img) // len(batch.encoded_image), 1, 1)
        return batch(call)
