"""ParticleSplit and ParticleMerge: windows of an image, a latent or a mask, and the whole again.

They are generic on purpose. Between them stand core nodes (VAE Encode, VAE Decode, any sampler), and
Merge takes whatever came of the particles, at whatever scale.
"""

import torch
from einops import rearrange
from torch import Tensor

from ..csd.scene import merge
from ..csd.windows import Windows, feather
from ..host.errors import named
from ..host.io import Layout as LayoutType
from ..host.io import io, schema
from ..media.layout import Layout, pad, plan

PIXELS_PER_CELL = 8
WRAPS = {"none": (False, False), "horizontal": (False, True), "vertical": (True, False), "both": (True, True)}
ANY = io.Custom("IMAGE,LATENT,MASK")


def _channels_first(whole) -> tuple[Tensor, int]:
    """[B, C, H, W] of an image [B, H, W, C], a mask [B, H, W] or a latent, and its pixels per element."""
    if isinstance(whole, dict):
        return whole["samples"], PIXELS_PER_CELL
    if whole.ndim == 4:
        return rearrange(whole, "b h w c -> b c h w"), 1
    return rearrange(whole, "... h w -> (...) 1 h w"), 1


def _like(original, tensor: Tensor):
    """A tensor [B, C, H, W] in the form of the original; a latent without its noise mask, which is of another size."""
    if isinstance(original, dict):
        return {**{k: v for k, v in original.items() if k not in ("noise_mask", "batch_index")}, "samples": tensor}
    return rearrange(tensor, "b c h w -> b h w c") if original.ndim == 4 else tensor[:, 0]


def _refuse_empty(node: str, tensor: Tensor) -> None:
    if tensor.ndim < 4 or 0 in tensor.shape:
        raise ValueError(
            f"{node}: got a batch of shape {tuple(tensor.shape)}, expected at least one image with pixels."
        )


class ParticleSplit(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDParticleSplit",
            "ParticleSplit",
            "Cuts an image, latent or mask into overlapping windows, the particles of Collaborative Score "
            "Distillation. Every pixel is covered; ParticleMerge puts the windows back.",
            [
                io.MultiType.Input("whole", [io.Image, io.Latent, io.Mask], tooltip="A batch is split image by image."),
                io.Int.Input(
                    "window_width", default=512, min=8, max=16384, step=8, tooltip="Pixels, a multiple of `multiple`."
                ),
                io.Int.Input(
                    "window_height", default=512, min=8, max=16384, step=8, tooltip="Pixels, a multiple of `multiple`."
                ),
                io.Int.Input(
                    "overlap",
                    default=384,
                    min=0,
                    max=16384,
                    step=8,
                    tooltip="Pixels that neighbouring windows share; stride = window - overlap (paper: 128).",
                ),
                io.Combo.Input(
                    "wrap", options=list(WRAPS), default="none", tooltip="Horizontal for 360 degree panoramas: no seam."
                ),
                io.Int.Input(
                    "multiple",
                    default=8,
                    min=1,
                    max=64,
                    tooltip="Windows start and end on multiples of this many pixels (some models need 16 or 32). Edges "
                    "are padded to it and cut off again by ParticleMerge.",
                ),
            ],
            [ANY.Output("particles", display_name="particles"), LayoutType.Output("layout", display_name="layout")],
            search_aliases=["tile", "crop windows", "panorama split"],
        )

    @classmethod
    def execute(cls, whole, window_width, window_height, overlap, wrap, multiple):
        tensor, unit = _channels_first(whole)
        _refuse_empty("ParticleSplit", tensor)
        size = tuple(length * unit for length in tensor.shape[-2:])
        if multiple % unit:
            raise ValueError(f"ParticleSplit: got multiple {multiple} for a latent, expected a multiple of {unit}.")
        layout = plan(size, (window_height, window_width), overlap, WRAPS[wrap], multiple, tensor.shape[0])
        particles = _like(whole, cls._split(tensor, layout, unit))
        if isinstance(whole, dict) and "noise_mask" in whole:
            particles["noise_mask"] = cls._split(_mask_like("ParticleSplit", whole["noise_mask"], tensor), layout, unit)
        return io.NodeOutput(particles, layout)

    @staticmethod
    def _split(tensor: Tensor, layout: Layout, unit: int) -> Tensor:
        windows = layout.windows.rescaled(tuple(side // unit for side in layout.windows.window))
        return windows.split(pad(tensor, windows.canvas))


def _mask_like(node: str, mask: Tensor, latent: Tensor) -> Tensor:
    """A noise mask on the grid of a latent, one for each of its images: [B, ..., H, W]."""
    mask = mask[None] if mask.ndim == 2 else mask
    count, size = latent.shape[0], tuple(latent.shape[-2:])
    if mask.shape[0] not in (1, count):
        raise ValueError(f"{node}: got {mask.shape[0]} noise masks for {count} latents, expected 1 or {count}.")
    if mask.shape[-2:] != latent.shape[-2:]:
        flat = mask.reshape(-1, 1, *mask.shape[-2:]).float()
        mask = torch.nn.functional.interpolate(flat, size, mode="bilinear").reshape(*mask.shape[:-2], *size)
    return mask.expand(count, *mask.shape[1:])


class ParticleMerge(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDParticleMerge",
            "ParticleMerge",
            "Puts windows back together and cuts off what ParticleSplit added at the edges.",
            [
                io.MultiType.Input(
                    "particles", [io.Image, io.Latent, io.Mask], tooltip="At any scale: latents or pixels."
                ),
                LayoutType.Input("layout", tooltip="From the ParticleSplit that made the windows."),
                io.Combo.Input(
                    "blend",
                    options=["feather", "uniform"],
                    default="feather",
                    tooltip="How overlapping windows are averaged: falling off towards their edges, or equally.",
                ),
            ],
            [ANY.Output("whole", display_name="whole")],
            search_aliases=["untile", "stitch windows", "panorama merge"],
        )

    @classmethod
    def execute(cls, particles, layout, blend):
        tensor, _ = _channels_first(particles)
        _refuse_empty("ParticleMerge", tensor)
        with named("ParticleMerge"):
            windows = layout.windows_for(tensor)
        whole = _like(particles, cls._merge(tensor, layout, windows, blend))
        if isinstance(particles, dict) and "noise_mask" in particles:
            mask = _mask_like("ParticleMerge", particles["noise_mask"], tensor)
            whole["noise_mask"] = cls._merge(mask, layout, windows, blend)
        return io.NodeOutput(whole)

    @staticmethod
    def _merge(tensor: Tensor, layout: Layout, windows: Windows, blend: str) -> Tensor:
        weight = feather(windows.window, tensor.device) if blend == "feather" else None
        height, width = layout.size_on(windows)
        return merge(windows, tensor, weight=weight)[..., :height, :width]
