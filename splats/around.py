"""A scene of splats as text-to-3D sees it: from cameras all around it, drawn anew in each step, as latents of a model.

x_i = encode(picture_i). A direction of x_i goes back as the difference that it makes to the decoded picture,
decode(x_i) - decode(x_i - direction). From there the renderer's gradient carries it to the splats. So no gradient goes
through the VAE, and any VAE will do. The paper's way is the gradient of the encoder (`Codec.adjoint`). Or the splats
approach the picture decode(x_i - direction) in several steps, as in a fit (`csd.descent.Approached`). Behind the splats
is another grey in each view. Otherwise splats in the colour of the background would cost nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import torch
from einops import rearrange
from torch import Tensor

from ..csd.draws import Draws
from ..csd.scene import Index, Pullback
from ..csd.tree import Theta, tree_sum
from ..csd.windows import Size
from ..media.work import Follow
from .edit import Codec
from .orbit import orbit, view_words
from .scene import SplatScene
from .splats import Splats

RADIUS, OPACITY, GREY = 0.6, 0.15, 0.5
"""Of the cloud at the start: how far splats lie from the middle, in world units; their opacity and their brightness."""
FROM_A_CLOUD = {"positions": 0.2, "log_scales": 0.5, "rotations": 0.5, "logits": 1.5, "harmonics": 0.8}
"""How fast the parts of splats move beside each other. In a fit they are near their places already; a cloud still has
to find its shape, so here positions move much faster. They are in world units.
"""


@dataclass(frozen=True)
class Around:
    """From where a scene is seen.

    size              (H, W) of the pictures in pixels
    views             in each step, evenly spaced in azimuth, beginning anywhere
    lowest, highest   degrees of elevation that a view may have; evenly drawn
    distance          of the cameras from the middle of the scene, in world units
    words             how precisely prompts say from where a view is seen (`orbit.SECTORS`)
    """

    size: Size = (96, 96)
    views: int = 4
    lowest: float = -10.0
    highest: float = 60.0
    distance: float = 4.0
    words: str = "eight"

    def directions(self, draws: Draws) -> tuple[list[float], list[float]]:
        """Azimuth and elevation of the views of a step, in degrees."""
        first, apart = 360 * draws.uniform("azimuth"), 360 / self.views
        rises = (draws.uniform("elevation", view) for view in range(self.views))
        azimuth = [(first + apart * view) % 360 for view in range(self.views)]
        return azimuth, [self.lowest + (self.highest - self.lowest) * rise for rise in rises]


@dataclass(frozen=True, eq=False)
class AroundScene:
    """The particles of text-to-3D: views of splats, as latents [n, C, h, w].

    scene   the views of this step; None before a step has begun
    words   of this step, what the prompt of each view says
    follow  wraps the views, for cancelling
    """

    around: Around
    codec: Codec
    scene: SplatScene | None = None
    words: Sequence[str] = field(default=())
    follow: Follow = iter
    views_at_once: int | None = None

    @property
    def count(self) -> int:
        return self.around.views

    def at(self, draws: Draws) -> "AroundScene":
        greys = [draws.uniform("background", view) for view in range(self.count)]
        return self.seen(*self.around.directions(draws), greys)

    def seen(self, azimuth: list[float], elevation: list[float], greys: list[float]) -> "AroundScene":
        """The scene from given directions in degrees, each over its grey of 0 ... 1."""
        cameras = orbit(azimuth, elevation, self.around.size, self.around.distance)
        words = [view_words(*angles, self.around.words) for angles in zip(azimuth, elevation)]
        background = torch.tensor(greys)[:, None].expand(-1, 3)
        return replace(self, scene=SplatScene(cameras, background=background, views_at_once=None), words=words)

    @property
    def _seen(self) -> SplatScene:
        if self.scene is None:
            raise ValueError("AroundScene: got no cameras; take the scene `at` the draws of a step.")
        return self.scene

    def view(self, theta: Theta, index: Index) -> tuple[Tensor, Pullback]:
        pictures, back = self._pictures(theta, index)
        pictures = rearrange(pictures, "n c h w -> n h w c").clamp(0, 1)
        x = self.codec.encode(pictures)

        def pullback(direction: Tensor) -> Theta:
            return back(rearrange(self.codec.back(pictures, x, direction), "n h w c -> n c h w"))

        return x, pullback

    def wanted(self, x: Tensor, index: Index) -> Tensor:
        """Pictures [n, 3, H, W] of latents, moved in colour so that their borders show the background of the view."""
        pictures = rearrange(self.codec.decode(x), "n h w c -> n c h w")
        return (pictures + self._seen.behind(index)[..., None, None].to(pictures) - border(pictures)).clamp(0, 1)

    def toward(self, theta: Theta, index: Index, wanted: Tensor) -> Theta:
        """Gradient of the mean absolute difference from pictures [n, 3, H, W]."""
        pictures, back = self._pictures(theta, index)
        return back((pictures - wanted).sign() / wanted.numel())

    def _pictures(self, theta: Theta, index: Index) -> tuple[Tensor, Pullback]:
        """Pictures [n, 3, H, W], and the renderer's vector-Jacobian product. One view comes after the other."""
        views = [self._seen.view(theta, [view]) for view in self.follow(index)]

        def back(direction: Tensor) -> Theta:
            parts = zip(self.follow(views), direction.split(1), strict=True)
            return reduce(tree_sum, (pullback(part) for (_, pullback), part in parts))

        return torch.cat([pictures for pictures, _ in views]), back

    def coverage(self, theta: Theta, index: Index) -> None:
        """Gradients of several views add up."""
        return None

    def keys(self, index: Index | None = None) -> list[str]:
        return [str(number) for number in (range(self.count) if index is None else index)]


def border(pictures: Tensor) -> Tensor:
    """Median colour [n, 3, 1, 1] of the border of pictures [n, 3, H, W]: a sixteenth of the shorter side wide."""
    wide = max(min(pictures.shape[-2:]) // 16, 1)
    inside = torch.zeros(pictures.shape[-2:], dtype=torch.bool, device=pictures.device)
    inside[wide:-wide, wide:-wide] = True
    return pictures[:, :, ~inside].median(-1).values[..., None, None]


def cloud(count: int, seed: int) -> Splats:
    """Grey splats in a ball, to start from: evenly spread, and as wide as they are apart."""
    draws = Draws(seed, -1)
    places = torch.nn.functional.normalize(draws.normal((count, 3), "cloud"), dim=1)
    radii = torch.rand(count, 1, generator=draws.generator("radii")) ** (1 / 3)
    apart = RADIUS * (4 / 3 * math.pi / count) ** (1 / 3)
    sizes = torch.full((count,), 0.5 * apart)
    return Splats.of_colours(RADIUS * radii * places, sizes, torch.full((count, 3), GREY), OPACITY)
