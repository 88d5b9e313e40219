"""Training pictures, kept as uint8: painted panoramas in every look, styled scenes, photographs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from einops import rearrange

from ...demo.painter import LOOKS, make_scene, render
from .dead_leaves import dead_leaves
from .photographs import photo_crop
from .styles import STYLES, apply_style

Painting = Callable[[int, str, int], tuple[np.ndarray, Any]]  # (seed, look, number) -> pictures, geometry
HELD_OUT_SEED = 1_000_000  # seeds from here on are never trained on


def quantise(picture: np.ndarray) -> torch.Tensor:
    """float ``[H, W, 3]`` in 0..1 -> uint8 ``[3, H, W]``."""
    return rearrange(torch.from_numpy((picture * 255 + 0.5).astype(np.uint8)), "h w c -> c h w")


def to_unit(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 -> float32 in 0..1."""
    return pictures.float() / 255


def painted_looks(seed: int, height: int = 128, width: int = 512) -> torch.Tensor:
    """One scene in all looks -> uint8 ``[5, 3, H, W]``, in the order of `LOOKS`."""
    scene = make_scene(seed, height, width)
    return torch.stack([quantise(render(scene, look)) for look in LOOKS])


def panoramas(first_seed: int, count: int, height: int = 128, width: int = 512) -> torch.Tensor:
    """`count` scenes in all looks -> uint8 ``[count, 5, 3, H, W]``."""
    with ThreadPoolExecutor() as pool:
        seeds = range(first_seed, first_seed + count)
        return torch.stack(list(pool.map(partial(painted_looks, height=height, width=width), seeds)))


def photographs(seed: int, count: int, size: int = 128) -> torch.Tensor:
    """Random cuts of photographs -> uint8 ``[count, 3, size, size]``."""
    return _drawn(photo_crop, seed, count, size)


def leaves(seed: int, count: int, size: int = 128) -> torch.Tensor:
    """Dead leaves -> uint8 ``[count, 3, size, size]``."""
    return _drawn(dead_leaves, seed, count, size)


def _drawn(draw: Callable[[np.random.Generator, int], np.ndarray], seed: int, count: int, size: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.stack([quantise(draw(rng, size)) for _ in range(count)])


def seen_by_cameras(paint: Painting, first_seed: int, count: int, painted: int, kept: int = 4) -> torch.Tensor:
    """Some of the pictures of clips or dioramas, in all looks -> uint8 ``[count * kept, 5, 3, 128, 192]``.

    painted   frames of a clip, or views of a diorama
    """
    seeds = range(first_seed, first_seed + count)
    return torch.cat([torch.stack([_some(paint(seed, look, painted)[0], kept) for look in LOOKS], 1) for seed in seeds])


def _some(pictures: np.ndarray, kept: int) -> torch.Tensor:
    """So many of the pictures ``[N, H, W, 3]``, evenly spread."""
    return torch.stack([quantise(picture) for picture in pictures[:: len(pictures) // kept]])


def in_style(pictures: torch.Tensor, style: str, batch: int = 64) -> torch.Tensor:
    """Apply a style filter to uint8 ``[N, 3, H, W]``, some at a time -> uint8 of the same shape."""
    parts = [(apply_style(to_unit(part), style) * 255 + 0.5).to(torch.uint8) for part in pictures.split(batch)]
    return torch.cat(parts)


def varied(pictures: torch.Tensor) -> torch.Tensor:
    """The pictures as they are and, for every second of them, in one of the styles in turn."""
    styled = [in_style(pictures[index :: 2 * len(STYLES)], style) for index, style in enumerate(STYLES)]
    return torch.cat([pictures, *styled])
