"""CSD Particle Split and CSD Particle Merge: windows of an image, a latent or a mask, and the whole again.

They are generic on purpose. Core nodes stand between them (VAE Encode, VAE Decode, any sampler). So
CSD Particle Merge takes whatever the particles have become, at any scale.
"""

import torch
from einops import rearrange
from torch import Tensor

from ..csd.scene import merge
from ..csd.windows import Windows, as_size, feather
from ..host.budget import afford
from ..host.io import Layout as LayoutType
from ..host.io import io, schema
from ..host.node import Node
from ..host.progress import steps
from ..media.layout import Layout, pad, plan

PIXELS_PER_CELL = 8
WRAPS = {"none": (False, False), "horizontal": (False, True), "vertical": (True, False), "both": (True, True)}
ANY = io.Custom("IMAGE,LATENT,MASK")
_AT_ONCE = 2**24  # numbers that are cut or merged between two checks whether the user has cancelled


def _channels_first(whole) -> Tensor:
    """An image [B, H, W, C], a mask [B, H, W] or a latent as [B, C, H, W]."""
    if isinstance(whole, dict):
        return whole["samples"]
    return rearrange(whole, "b h w c -> b c h w") if whole.ndim == 4 else rearrange(whole, "... h w -> (...) 1 h w")


def _pixels_per_cell(whole, vae) -> int:
    """How many pixels wide a latent cell is: as the VAE says, or the latent itself (newer hosts), or 8. Else 1."""
    if vae is not None:
        return int(vae.spacial_compression_encode())
    return int(whole.get("downscale_ratio_spacial", PIXELS_PER_CELL)) if isinstance(whole, dict) else 1


def _like(original, tensor: Tensor, noise_mask: Tensor | None = None):
    """A tensor [B, C, H, W] in the form of the original. A latent gets `noise_mask` in place of its own mask."""
    if isinstance(original, dict):
        kept = {key: value for key, value in original.items() if key not in ("noise_mask", "batch_index")}
        return {**kept, "samples": tensor, **({} if noise_mask is None else {"noise_mask": noise_mask})}
    return rearrange(tensor, "b c h w -> b h w c") if original.ndim == 4 else tensor[:, 0]


def _parts(windows: Windows, particles: Tensor, at_once: int = _AT_ONCE) -> list[range]:
    """The particles in parts, as ranges of the batch. One part holds about `at_once` numbers."""
    size = max(min(at_once // particles[0].numel(), 4096), 1)
    return [range(start, min(start + size, windows.count)) for start in range(0, windows.count, size)]


class ParticleSplit(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDParticleSplit",
            "CSD Particle Split",
            "Cuts an image, latent or mask into overlapping windows: the particles of Collaborative Score "
            "Distillation. The windows cover every pixel. CSD Particle Merge puts them back together.",
            [
                io.MultiType.Input(
                    "whole",
                    [io.Image, io.Latent, io.Mask],
                    tooltip="What to cut: an IMAGE, a LATENT or a MASK. A batch is cut image by image.",
                ),
                io.Int.Input(
                    "window_width",
                    default=512,
                    min=8,
                    max=16384,
                    step=8,
                    tooltip="Width of a window in pixels. Take the size that the model was trained at. A multiple of "
                    "`multiple`.",
                ),
                io.Int.Input(
                    "window_height",
                    default=512,
                    min=8,
                    max=16384,
                    step=8,
                    tooltip="Height of a window in pixels. Take the size that the model was trained at. A multiple of "
                    "`multiple`.",
                ),
                io.Int.Input(
                    "overlap",
                    default=384,
                    min=0,
                    max=16384,
                    step=8,
                    tooltip="How many pixels neighbouring windows share. Higher: a more even result, but more windows "
                    "and a longer run. Formula: stride = window - overlap (the paper's stride: 128).",
                ),
                io.Combo.Input(
                    "wrap",
                    options=list(WRAPS),
                    default="none",
                    tooltip="Which edges join. horizontal is for 360 degree panoramas: windows then cross the seam, so "
                    "it does not show.",
                ),
                io.Int.Input(
                    "multiple",
                    default=8,
                    min=1,
                    max=64,
                    tooltip="Windows start and end on multiples of this many pixels. 8 for most models, 16 or 32 for "
                    "some. Edges are padded to it; CSD Particle Merge cuts the padding off.",
                ),
                io.Vae.Input(
                    "vae",
                    optional=True,
                    tooltip="Says how many pixels wide a latent cell is. Needed for latents of models with other than "
                    "8 pixels: Wan 2.2 5B, Flux.2, LTXV.",
                ),
                io.Combo.Input(
                    "blend",
                    options=["uniform", "feather"],
                    default="uniform",
                    optional=True,
                    tooltip="How overlapping windows share the canvas in the sampler. feather: a window counts less "
                    "towards its edges, so no edge shows. uniform: all count alike, as in the paper.",
                ),
            ],
            [
                ANY.Output(
                    "particles", display_name="particles", tooltip="The windows, one batch, of the type that came in."
                ),
                LayoutType.Output(
                    "layout",
                    display_name="layout",
                    tooltip="Where the windows lie, for the sampler and for CSD Particle Merge.",
                ),
            ],
            search_aliases=["tile", "tiles", "upscale tile", "crop windows", "panorama split", "360", "seamless"],
            group="Sampling",
        )

    @classmethod
    def run(cls, whole, window_width, window_height, overlap, wrap, multiple, vae=None, blend="uniform"):
        tensor, cell = _channels_first(whole), _pixels_per_cell(whole, vae)
        unit = cell if isinstance(whole, dict) else 1
        size = as_size(length * unit for length in tensor.shape[-2:])
        if multiple % cell:
            raise ValueError(
                f"got multiple {multiple} for latents of {cell} pixels a cell, expected a multiple of {cell}; change "
                "`multiple`."
            )
        soft = blend == "feather"
        layout = plan(size, (window_height, window_width), overlap, WRAPS[wrap], multiple, tensor.shape[0], soft)
        mask = _noise_mask(whole, tensor)
        split_mask = None if mask is None else cls._split(mask, layout, unit)
        return io.NodeOutput(_like(whole, cls._split(tensor, layout, unit), split_mask), layout)

    @staticmethod
    def _split(tensor: Tensor, layout: Layout, unit: int) -> Tensor:
        windows = layout.windows.rescaled(as_size(side // unit for side in layout.windows.window))
        shape = (windows.count, *tensor.shape[1:-2], *windows.window)
        (tall, wide), size = layout.windows.window, torch.Size(shape).numel() * tensor.element_size()
        afford(size, f"{windows.count:,} windows of {wide} x {tall} pixels", "lower `overlap` or enlarge the window")
        whole, particles = pad(tensor, windows.canvas), tensor.new_empty(shape)
        for part in steps(_parts(windows, particles)):
            particles[part.start : part.stop] = windows.split(whole, part)
        return particles


def _noise_mask(whole, latent: Tensor) -> Tensor | None:
    """The noise mask of a LATENT, scaled to the grid of its samples, one mask for each image: [B, ..., H, W]."""
    mask = whole.get("noise_mask") if isinstance(whole, dict) else None
    if mask is None:
        return None
    mask = mask[None] if mask.ndim == 2 else mask
    count, size = latent.shape[0], tuple(latent.shape[-2:])
    if mask.shape[0] not in (1, count):
        raise ValueError(f"got {mask.shape[0]} noise masks for {count} latents, expected 1 or {count}.")
    if mask.shape[-2:] != latent.shape[-2:]:
        flat = mask.reshape(-1, 1, *mask.shape[-2:]).float()
        mask = torch.nn.functional.interpolate(flat, size, mode="bilinear").reshape(*mask.shape[:-2], *size)
    return mask.expand(count, *mask.shape[1:])


class ParticleMerge(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDParticleMerge",
            "CSD Particle Merge",
            "Puts windows back together, and cuts off the padding that CSD Particle Split added.",
            [
                io.MultiType.Input(
                    "particles",
                    [io.Image, io.Latent, io.Mask],
                    tooltip="The windows, edited. Their scale may have changed, from pixels to latents for instance.",
                ),
                LayoutType.Input(
                    "layout", tooltip="Where the windows lie, from the CSD Particle Split that made them."
                ),
                io.Combo.Input(
                    "blend",
                    options=["feather", "uniform"],
                    default="feather",
                    tooltip="How overlapping windows are averaged. feather: a window counts less towards its edges, "
                    "which hides them. uniform: all windows count the same.",
                ),
            ],
            [
                ANY.Output(
                    "whole", display_name="whole", tooltip="The whole image, latent or mask, of the type that came in."
                )
            ],
            search_aliases=["untile", "stitch windows", "panorama merge", "seamless", "blend tiles"],
            group="Sampling",
        )

    @classmethod
    def run(cls, particles, layout, blend):
        tensor = _channels_first(particles)
        windows = layout.windows_for(tensor)
        mask = _noise_mask(particles, tensor)
        merged_mask = None if mask is None else cls._merge(mask, layout, windows, blend)
        return io.NodeOutput(_like(particles, cls._merge(tensor, layout, windows, blend), merged_mask))

    @staticmethod
    def _merge(tensor: Tensor, layout: Layout, windows: Windows, blend: str) -> Tensor:
        """The average of the windows at their places, summed part by part."""
        tall, across = windows.canvas
        numbers = torch.Size((windows.batch, *tensor.shape[1:-2], tall, across)).numel()
        afford(numbers * 56, f"a canvas of {across} x {tall}", "merge fewer or smaller windows")
        weight = feather(windows.window, tensor.device) if blend == "feather" else None
        parts = steps(_parts(windows, tensor, max(_AT_ONCE, numbers)))
        height, width = layout.size_on(windows)
        return merge(windows, tensor, weight=weight, parts=parts)[..., :height, :width]
