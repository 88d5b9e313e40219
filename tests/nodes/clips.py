"""A clip whose motion is known: a painted landscape that pans and grows, and a disc that goes another way before it."""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F

from collaborative_score_distillation.csd.correspondence import cells
from collaborative_score_distillation.demo.painter import paint

HEIGHT, WIDTH, RADIUS = 96, 144, 20.0
PAN, GROWTH = 3.3, 1.004  # pixels and size from one frame to the next
DISC = torch.tensor([-1.7, 0.6])  # pixels a frame, (x, y)


@dataclass(frozen=True)
class Clip:
    count: int

    @cached_property
    def frames(self) -> torch.Tensor:
        """[N, H, W, 3]"""
        behind = torch.from_numpy(paint(5, "summer", 160, 640)).movedim(-1, 0)
        before = torch.from_numpy(paint(9, "night", 160, 640)).movedim(-1, 0)
        own = cells((HEIGHT, WIDTH))
        return torch.stack(
            [
                torch.where(
                    self.on_the_disc(own, i)[..., None],
                    sampled(before, own - self.centre(i) + torch.tensor([300.0, 110.0])),
                    sampled(behind, self.world(own, i)),
                )
                for i in range(self.count)
            ]
        )

    @staticmethod
    def centre(i: int) -> torch.Tensor:
        return torch.tensor([90.0, 40.0]) + i * DISC

    def on_the_disc(self, place: torch.Tensor, i: int) -> torch.Tensor:
        return (place - self.centre(i)).norm(dim=-1) < RADIUS

    @staticmethod
    def world(place: torch.Tensor, i: int) -> torch.Tensor:
        """Where places of frame i lie in the painting."""
        return (place - torch.tensor([WIDTH / 2, HEIGHT / 2])) / GROWTH**i + torch.tensor([120.0 + PAN * i, 80.0])

    @staticmethod
    def seen_from(world: torch.Tensor, i: int) -> torch.Tensor:
        return (world - torch.tensor([120.0 + PAN * i, 80.0])) * GROWTH**i + torch.tensor([WIDTH / 2, HEIGHT / 2])

    def truth(self, i: int, j: int) -> tuple[torch.Tensor, torch.Tensor]:
        """place [H, W, 2] and valid [H, W]: where frame j shows what frame i shows."""
        own = cells((HEIGHT, WIDTH))
        disc = self.on_the_disc(own, i)
        place = torch.where(disc[..., None], own + (j - i) * DISC, self.seen_from(self.world(own, i), j))
        limit = torch.tensor([WIDTH - 0.5, HEIGHT - 0.5])
        inside = ((place >= -0.5) & (place < limit)).all(-1)
        return place, inside & (disc | ~self.on_the_disc(place, j))


def sampled(picture: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """[3, H, W] at places [h, w, 2] in pixels -> [h, w, 3]"""
    size = torch.tensor([picture.shape[2], picture.shape[1]])
    grid = (place + 0.5) / size * 2 - 1
    return F.grid_sample(picture[None], grid[None], "bicubic", align_corners=False)[0].movedim(0, -1).clamp(0, 1)
