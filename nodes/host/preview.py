"""Progress and previews, of the whole rather than of the first particle."""

import latent_preview
from einops import rearrange
from torch import Tensor

from ...csd.parameterization import Parameterization, merge
from ...csd.windows import Windows

_FRAMES_SHOWN = 8


def whole(parameterization: Parameterization, particles: Tensor) -> Tensor:
    """One picture of the particles [N, C, h, w]: the first canvas, or frames beside each other."""
    if isinstance(parameterization, Windows):
        return merge(parameterization, particles)[:1]
    return rearrange(particles[:_FRAMES_SHOWN], "n ... w -> ... (n w)")[None]


def callback(model, steps: int, parameterization: Parameterization):
    """The host's progress callback, shown the whole picture."""
    show = latent_preview.prepare_callback(model, steps)

    def step(number, particles, x, total):
        show(number, whole(parameterization, particles), x, total)

    return step
