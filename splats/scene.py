"""A scene of splats as the method optimises it: theta is the dictionary of their numbers, particles are its views."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from einops import rearrange
from torch import Tensor

from ..csd.draws import Draws
from ..csd.geometry import Cameras
from ..csd.scene import Index, Pullback
from ..csd.tree import Theta, parts
from .accelerated import render
from .splats import Splats

RATES = {"positions": 0.1, "log_scales": 1.0, "rotations": 0.1, "logits": 1.0, "harmonics": 0.8}
"""How fast the parts of theta move beside each other, for an update whose steps have one size, as Adam's have.

Positions are in world units: their rate here is for splats as large as one unit (`rates`).
"""
BY_DIRECTION = 0.05
"""The same for harmonics that make a colour depend on the direction, beside the first one."""


def rates(splats: Splats) -> dict[str, float | Tensor]:
    """`RATES` for these splats. Positions move in proportion to the median scale of the splats."""
    scale = float(splats.scales.median()) if len(splats) else 1.0
    slower = torch.full_like(splats.harmonics[:1, :, :1], BY_DIRECTION)
    slower[:, 0] = 1
    return {**RATES, "positions": RATES["positions"] * scale, "harmonics": RATES["harmonics"] * slower}


@dataclass(frozen=True, eq=False)
class SplatScene:
    """N views of splats; a particle is a picture [3, H, W] in the colours of the splats.

    cameras         those of the views
    names           of the views, each once; their numbers where empty
    background      colour behind the splats, 0 ... 1: a number, [3], or [N, 3], one for each view
    views_at_once   how many views are rendered, or pulled back, together
    """

    cameras: Cameras
    names: Sequence[str] = ()
    background: Tensor | float = 0.0
    views_at_once: int | None = 1

    def __post_init__(self):
        if self.names and len(set(self.names)) != self.count:
            raise ValueError(f"SplatScene: got {len(self.names)} names for {self.count} views; give each its own.")

    @property
    def count(self) -> int:
        return self.cameras.count

    def at(self, draws: Draws) -> "SplatScene":
        return self

    def view(self, theta: Theta, index: Index) -> tuple[Tensor, Pullback]:
        """Pictures [n, 3, H, W] of the views, and the vector-Jacobian product of the renderer.

        Gradients are computed wherever they are asked for, inference mode included. Nothing of theta is changed.
        """
        with torch.inference_mode(False), torch.enable_grad():
            leaves = {name: part.detach().clone().requires_grad_() for name, part in parts(theta).items()}
            x = self._pictures(leaves, index)

        def pullback(direction: Tensor) -> Theta:
            with torch.inference_mode(False), torch.enable_grad():
                toward = direction.detach().clone().to(x)
                found = torch.autograd.grad(x, list(leaves.values()), toward, retain_graph=True)
            return dict(zip(leaves, found, strict=True))

        return x.detach(), pullback

    def _pictures(self, theta: Theta, index: Index) -> Tensor:
        rendering = render(Splats.of(theta), self.cameras, index, self.behind(index))
        return rearrange(rendering.colour, "n h w c -> n c h w")

    def behind(self, index: Index) -> Tensor:
        """Colours [n, 3] behind the splats in some of the views."""
        return torch.as_tensor(self.background).expand(self.count, 3)[list(index)]

    def coverage(self, theta: Theta, index: Index) -> None:
        """Gradients of several views add up."""
        return None

    def keys(self, index: Index | None = None) -> list[str]:
        names = self.names or [str(number) for number in range(self.count)]
        return [names[i] for i in (range(self.count) if index is None else index)]

    def of(self, index: Index) -> "SplatScene":
        """The scene with some of its views."""
        cameras = self.cameras
        some = Cameras(cameras.intrinsics[list(index)], cameras.camera_to_world[list(index)], cameras.size)
        return replace(self, cameras=some, names=tuple(self.keys(index)), background=self.behind(index))
