"""Latents of the sharp model's training pictures: whole panoramas, from which windows are cut at any cell."""

from dataclasses import dataclass

import torch
from einops import rearrange
from safetensors.torch import load_file

from ...demo.patches import PatchAutoencoder
from .checkpoint import RUNS, save_atomically
from .latents import SOURCE_SHARES, SUBJECTS, TARGET_SHARES, in_lights, with_styles
from .pictures import panoramas, photographs, to_unit
from .setup import random_crops
from .styles import STYLES

LATENTS = RUNS / "flow_latents.safetensors"
CELLS = 16
FIRST_SCENE = 600_000
STYLED = ("picture", *STYLES)


@torch.no_grad()
def encode(model: PatchAutoencoder, pictures: torch.Tensor) -> torch.Tensor:
    """uint8 ``[N, S, 3, H, W]`` -> half-precision latents ``[N, S, 16, H/8, W/8]``."""
    flat = rearrange(pictures, "n s c h w -> (n s) c h w")
    latents = torch.cat([model.encode(to_unit(part) * 2 - 1).half() for part in flat.split(32)])
    return rearrange(latents, "(n s) c h w -> n s c h w", s=pictures.shape[1])


def prepare(model: PatchAutoencoder, scenes: int = 400, photos: int = 900) -> None:
    """Paint, cut and encode everything, once; `LATENTS` then holds it."""
    landscapes = []
    for first in range(0, scenes, 20):
        painted = panoramas(FIRST_SCENE + first, 20)
        landscapes.append(encode(model, in_lights(painted, first)))
    generator = torch.Generator().manual_seed(8)
    pictures = torch.cat([photographs(2, photos), random_crops(painted[:, 0], photos // 4, 128, generator)])
    styled = encode(model, torch.cat([pictures[:, None], with_styles(pictures)], dim=1))
    save_atomically({"landscapes": torch.cat(landscapes), "styled": styled}, LATENTS)


@dataclass(frozen=True)
class Pairs:
    """Latents before and after an edit, ``[B, 16, 16, 16]`` each, and the subjects of the edits."""

    source: torch.Tensor
    target: torch.Tensor
    subjects: list[str]


class LatentSource:
    """Draws pairs: windows of panoramas in two looks, and pictures with one of their styles."""

    def __init__(self):
        tensors = load_file(LATENTS)
        self.landscapes, self.styled = tensors["landscapes"], tensors["styled"]
        self.sources = torch.tensor([SOURCE_SHARES[look] for look in SUBJECTS])
        self.targets = torch.tensor([TARGET_SHARES[look] for look in SUBJECTS])

    def draw(self, windows: int, styled: int) -> Pairs:
        parts = [self._windows(windows), self._styled(styled)]
        source, target = (torch.cat([getattr(part, end) for part in parts]) for end in ("source", "target"))
        return Pairs(source.float(), target.float(), [subject for part in parts for subject in part.subjects])

    def _windows(self, count: int) -> Pairs:
        scenes = torch.randint(len(self.landscapes), (count,)).tolist()
        columns = torch.randint(self.landscapes.shape[-1] - CELLS + 1, (count,)).tolist()
        before = torch.multinomial(self.sources, count, replacement=True).tolist()
        after = torch.multinomial(self.targets, count, replacement=True).tolist()
        source = [self.landscapes[n, s, :, :, x : x + CELLS] for n, s, x in zip(scenes, before, columns)]
        target = [self.landscapes[n, s, :, :, x : x + CELLS] for n, s, x in zip(scenes, after, columns)]
        return Pairs(torch.stack(source), torch.stack(target), [SUBJECTS[index] for index in after])

    def _styled(self, count: int) -> Pairs:
        pictures = torch.randint(len(self.styled), (count,))
        styles = torch.randint(1, len(STYLED), (count,))
        source, target = self.styled[pictures, 0], self.styled[pictures, styles]
        return Pairs(source, target, [STYLED[index] for index in styles.tolist()])
