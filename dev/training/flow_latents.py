"""Latents of the sharp model's training pictures: whole panoramas, from which windows are cut at any cell."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from einops import rearrange
from safetensors.torch import load_file

from ...demo.painter.clip import paint_clip
from ...demo.painter.diorama import paint_views
from ...demo.patches import PatchAutoencoder
from .checkpoint import RUNS, save_atomically
from .latents import SOURCE_SHARES, SUBJECTS, TARGET_SHARES, in_lights
from .pictures import in_style, leaves, panoramas, photographs, seen_by_cameras, to_unit
from .setup import random_crops
from .styles import PHOTOGRAPHED, STYLES

LATENTS = RUNS / "flow_latents.safetensors"
CELLS = 16  # along a window's side
FIRST_SCENE, FIRST_TALL_SCENE, FIRST_CLIP, FIRST_DIORAMA = 600_000, 700_000, 710_000, 720_000
PAINTED = ("landscapes", "tall", "clips", "dioramas")
PAINTED_STYLES = ("picture", *STYLES)
PHOTO_STYLES = (*PAINTED_STYLES, *PHOTOGRAPHED)


@torch.no_grad()
def encode(model: PatchAutoencoder, pictures: torch.Tensor) -> torch.Tensor:
    """uint8 ``[N, S, 3, H, W]`` -> half-precision latents ``[N, S, 16, H/8, W/8]``."""
    flat = rearrange(pictures, "n s c h w -> (n s) c h w")
    latents = torch.cat([model.encode(to_unit(part) * 2 - 1).half() for part in flat.split(32)])
    return rearrange(latents, "(n s) c h w -> n s c h w", s=pictures.shape[1])


def _in_looks(
    model: PatchAutoencoder, paint: Callable[[int, int], torch.Tensor], first_seed: int, count: int, at_once: int = 20
) -> torch.Tensor:
    """Scenes in every look and some lights -> latents.

    paint   (first seed, number of scenes) -> uint8 ``[N, 5, 3, H, W]``
    """
    firsts = range(first_seed, first_seed + count, at_once)
    return torch.cat([encode(model, in_lights(paint(first, at_once), first)) for first in firsts])


def _styled(model: PatchAutoencoder, pictures: torch.Tensor, styles: tuple[str, ...]) -> torch.Tensor:
    """uint8 ``[N, 3, H, W]`` as they are and in styles -> latents ``[N, S, 16, H/8, W/8]``."""
    return encode(model, torch.stack([pictures, *(in_style(pictures, style) for style in styles[1:])], dim=1))


def prepare(
    model: PatchAutoencoder, scenes: int = 500, tall: int = 160, cameras: int = 120, photos: int = 4800
) -> None:
    """Paint, cut and encode everything, once, into `LATENTS`.

    scenes   panoramas of 128 x 512 pixels
    tall     panoramas of 256 x 1024 pixels
    cameras  clips, and as many dioramas, with four pictures of each
    photos   cuts of photographs, and as many dead leaves; a sixth as many of painted pictures get a style too
    """
    generator = torch.Generator().manual_seed(8)
    painted = panoramas(FIRST_SCENE - 200, 100)
    looks = random_crops(rearrange(painted, "n l c h w -> (n l) c h w"), photos // 6, 128, generator)
    tensors = {
        "landscapes": _in_looks(model, panoramas, FIRST_SCENE, scenes),
        "tall": _in_looks(model, partial(panoramas, height=256, width=1024), FIRST_TALL_SCENE, tall),
        "clips": _in_looks(model, partial(seen_by_cameras, paint_clip, painted=16), FIRST_CLIP, cameras, 10),
        "dioramas": _in_looks(model, partial(seen_by_cameras, paint_views, painted=4), FIRST_DIORAMA, cameras, 10),
        "scenes": _styled(model, looks, PAINTED_STYLES),
        "photographs": _styled(model, photographs(2, photos), PHOTO_STYLES),
        "leaves": _styled(model, leaves(4, photos), PHOTO_STYLES),
    }
    save_atomically(tensors, LATENTS)


@dataclass(frozen=True)
class Pairs:
    """Latents before and after an edit, ``[B, 16, 16, 16]`` each, and the subjects of the edits."""

    source: torch.Tensor
    target: torch.Tensor
    subjects: list[str]


class LatentSource:
    """Draws pairs: windows of panoramas in two looks, and pictures with one of their styles."""

    def __init__(self):
        self.latents = load_file(LATENTS)
        self.sources = torch.tensor([SOURCE_SHARES[look] for look in SUBJECTS])
        self.targets = torch.tensor([TARGET_SHARES[look] for look in SUBJECTS])

    def draw(self, **counts: int) -> Pairs:
        """So many pairs of each kind: those of `PAINTED`, "scenes", "photographs" and "leaves"."""
        parts = [self._windows(kind, n) if kind in PAINTED else self._styled(kind, n)
                 for kind, n in counts.items()]  # fmt: skip
        source, target = (torch.cat([getattr(part, end) for part in parts]) for end in ("source", "target"))
        return Pairs(source.float(), target.float(), [subject for part in parts for subject in part.subjects])

    def _windows(self, kind: str, count: int) -> Pairs:
        latents = self.latents[kind]
        scenes = torch.randint(len(latents), (count,)).tolist()
        rows = torch.randint(latents.shape[-2] - CELLS + 1, (count,)).tolist()
        columns = torch.randint(latents.shape[-1] - CELLS + 1, (count,)).tolist()
        before = torch.multinomial(self.sources, count, replacement=True).tolist()
        after = torch.multinomial(self.targets, count, replacement=True).tolist()

        def cut(subjects: list[int]) -> torch.Tensor:
            places = zip(scenes, subjects, rows, columns)
            return torch.stack([latents[n, s, :, y : y + CELLS, x : x + CELLS] for n, s, y, x in places])

        return Pairs(cut(before), cut(after), [SUBJECTS[index] for index in after])

    def _styled(self, kind: str, count: int) -> Pairs:
        latents, names = self.latents[kind], PAINTED_STYLES if kind == "scenes" else PHOTO_STYLES
        pictures = torch.randint(len(latents), (count,))
        styles = torch.randint(1, len(names), (count,))
        return Pairs(latents[pictures, 0], latents[pictures, styles], [names[index] for index in styles.tolist()])
