"""What an instruction does to each patch: a network beside the sharp model's U-Net.

The U-Net sees a whole window, and normalises over it. So it knows what a patch is part of, but it hardly keeps a colour
exactly. This network sees a patch and its neighbours. Nothing is normalised, and the instruction chooses a matrix that
maps colours.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, silu

from .patches import CHANNELS

WIDTH, HIDDEN, BLOCKS = 192, 384, 3
TEXT, TOLD = 64, 256  # widths of the text encoding, and of what the network is told
FREQUENCIES = 4  # of the noise level: 1, 2, 4, 8 half turns


class PatchBlock(nn.Module):
    """x plus two layers of each cell alone, scaled and shifted in between by what the network is told."""

    def __init__(self, layers: Any, **kept: Any):
        super().__init__()
        self.first = layers.Conv2d(WIDTH, HIDDEN, 1, **kept)
        self.told = layers.Linear(TOLD, 2 * HIDDEN, **kept)
        self.second = layers.Conv2d(HIDDEN, WIDTH, 1, **kept)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.told(told)[:, :, None, None].chunk(2, dim=1)
        return x + self.second(gelu(self.first(x) * (1 + scale) + shift))


class PatchEdit(nn.Module):
    """Adds to the U-Net's change of each patch. Untrained, with its last layers at zero, it adds nothing."""

    def __init__(self, layers: Any = nn, **kept: Any):
        """`layers` has the classes Conv2d and Linear; `kept` are their dtype and device."""
        super().__init__()
        self.first_told = layers.Linear(TEXT + 2 * FREQUENCIES, TOLD, **kept)
        self.second_told = layers.Linear(TOLD, TOLD, **kept)
        self.colours = layers.Linear(TOLD, CHANNELS * (CHANNELS + 1), **kept)
        self.inward = layers.Conv2d(3 * CHANNELS, WIDTH, 3, padding=1, **kept)
        self.blocks = nn.ModuleList(PatchBlock(layers, **kept) for _ in range(BLOCKS))
        self.outward = layers.Conv2d(WIDTH, CHANNELS, 1, **kept)

    def forward(self, noisy: Tensor, source: Tensor, change: Tensor, text: Tensor, level: Tensor) -> Tensor:
        """The whole change ``[B, 16, h, w]``.

        noisy, source, change   ``[B, 16, h, w]``, the last one the U-Net's
        text                    ``[B, 64]``, the mean of its encoding
        level                   ``[B]``, the share of noise, 0 to 1
        """
        told = self._told(text, level)
        x = self.inward(torch.cat([noisy, source, change], dim=1))
        for block in self.blocks:
            x = block(x, told)
        return change + self.outward(gelu(x)) + self._in_colours(source, told)

    def _told(self, text: Tensor, level: Tensor) -> Tensor:
        turns = level[:, None] * (math.pi * 2 ** torch.arange(FREQUENCIES, device=level.device))
        features = torch.cat([text, turns.cos().to(text.dtype), turns.sin().to(text.dtype)], dim=1)
        return silu(self.second_told(silu(self.first_told(features))))

    def _in_colours(self, source: Tensor, told: Tensor) -> Tensor:
        """An affine map of the source's channels."""
        matrix = self.colours(told).view(-1, CHANNELS, CHANNELS + 1).to(source.dtype)
        return torch.einsum("bij,bjhw->bihw", matrix[..., :-1], source) + matrix[..., -1, None, None]
