"""Correspondence of views with pinhole cameras and known depth.

The depth of view i takes a cell to a point in space, and from there it is projected into view j. It is visible
there on three conditions: it lies on the picture, it lies in front of the camera, and j has the same depth there.
A smaller depth means that something stands in front of it.

Axes as in OpenCV: x right, y down, z forward. Intrinsics count from the corner of the picture: the centre of the
first pixel is (0.5, 0.5), as in nerfstudio and COLMAP.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from einops import einsum, rearrange
from torch import Tensor

from .correspondence import Sight, cells, inside, rescale, taps
from .windows import Size

NEAR = 1e-6
"""Depths below this count as behind the camera, in world units."""


@dataclass(frozen=True, eq=False)
class Cameras:
    """N pinhole cameras with pictures of one size.

    intrinsics        [N, 3, 3] in pixels of `size`
    camera_to_world   [N, 4, 4], rigid
    size              (H, W) in pixels
    """

    intrinsics: Tensor
    camera_to_world: Tensor
    size: Size

    def __post_init__(self):
        n = len(self.intrinsics)
        if n < 1 or self.intrinsics.shape != (n, 3, 3) or self.camera_to_world.shape != (n, 4, 4):
            raise ValueError(
                f"Cameras: got intrinsics {tuple(self.intrinsics.shape)} and poses "
                f"{tuple(self.camera_to_world.shape)}, expected [N, 3, 3] and [N, 4, 4]."
            )
        if not (torch.isfinite(self.intrinsics).all() and torch.isfinite(self.camera_to_world).all()):
            raise ValueError("Cameras: got numbers that are not finite; check the poses and intrinsics.")
        turn = self.camera_to_world[:, :3, :3].double()
        if not torch.allclose(turn @ turn.mT, torch.eye(3).to(turn), atol=1e-3) or (torch.linalg.det(turn) < 0).any():
            raise ValueError("Cameras: got poses that scale, skew or mirror; expected a rotation and a translation.")

    @property
    def count(self) -> int:
        return len(self.intrinsics)

    @property
    def centres(self) -> Tensor:
        """Positions of the cameras, [N, 3]."""
        return self.camera_to_world[:, :3, 3]

    @property
    def directions(self) -> Tensor:
        """Viewing directions, unit vectors [N, 3]."""
        return self.camera_to_world[:, :3, 2]

    def between(self, i: Tensor, j: Tensor) -> Tensor:
        """Transforms [P, 4, 4] from the axes of cameras i [P] to those of cameras j [P]."""
        poses = self.camera_to_world.double()
        return torch.linalg.solve(poses[j], poses[i]).float()

    def rays(self, i: Tensor, pixels: Tensor) -> Tensor:
        """Points at depth one through pixels [h, w, 2] (whole numbers are centres), in the axes of cameras i [P].

        Shape [P, h, w, 3].
        """
        inverse = torch.linalg.inv(self.intrinsics[i].double()).float()
        corner = torch.cat([pixels + 0.5, torch.ones_like(pixels[..., :1])], -1)
        return einsum(inverse, corner, "p a b, h w b -> p h w a")

    def project(self, j: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Points [P, h, w, 3] in the axes of cameras j [P] -> pixels [P, h, w, 2] and depth [P, h, w].

        Whole pixels are centres.
        """
        depth = points[..., 2]
        image = einsum(self.intrinsics[j].float(), points, "p a b, p h w b -> p h w a")
        return image[..., :2] / depth.clamp(min=NEAR)[..., None] - 0.5, depth


@dataclass(frozen=True, eq=False)
class Geometry:
    """Views correspond where they show the same point of a surface.

    depth        [N, H, W] along z in world units; zero, negative or not finite where unknown
    masks        [N, H, W] in 0 ... 1, zero where a view must not be used
    neighbours   how many of the nearest views each view is coupled with; None: all
    tolerance    relative difference of depth that still counts as the same surface; slanted surfaces get more
    names        a name for each view, which keys its random draws; empty: its position keys them
    """

    cameras: Cameras
    depth: Tensor
    masks: Tensor | None = None
    neighbours: int | None = None
    tolerance: float = 0.01
    names: tuple[str, ...] = ()
    in_time = False

    def __post_init__(self):
        expected = (self.cameras.count, *self.cameras.size)
        for name, maps in (("depth", self.depth), ("masks", self.masks)):
            if maps is not None and tuple(maps.shape) != expected:
                raise ValueError(f"Geometry: got {name} {tuple(maps.shape)}, expected [N, H, W] = {expected}.")
        if not self._known(self.depth).any():
            raise ValueError("Geometry: got no depth at all; every value is zero, negative or not finite.")
        if self.names and len(self.names) != self.count:
            raise ValueError(f"Geometry: got {len(self.names)} names for {self.count} views; give each view one name.")
        if self.neighbours is not None and self.neighbours < 1:
            raise ValueError(f"Geometry: got {self.neighbours} neighbours, expected at least one.")

    @property
    def count(self) -> int:
        return self.cameras.count

    @staticmethod
    def _known(depth: Tensor) -> Tensor:
        return (depth > NEAR) & torch.isfinite(depth)

    @cached_property
    def distances(self) -> Tensor:
        """[N, N]: the angle between two views in radians, plus the distance of their cameras in median depths."""
        directions, centres = self.cameras.directions.double(), self.cameras.centres.double()
        angles = torch.arccos((directions @ directions.mT).clamp(-1, 1))
        reach = self.depth[self._known(self.depth)].median()
        return angles + torch.linalg.norm(centres[:, None] - centres, dim=-1) / reach

    @cached_property
    def _partners(self) -> list[list[int]]:
        """The partners of each view, the nearest first. Ties go by the cameras' positions, not by the views' order."""
        stand = [tuple(round(c, 4) for c in centre) for centre in self.cameras.centres.tolist()]

        def nearest(i: int, far: list[float]) -> list[int]:
            others = (j for j in range(self.count) if j != i)
            return sorted(others, key=lambda j: (round(far[j], 4), stand[j]))[: self.neighbours]

        return [nearest(i, far) for i, far in enumerate(self.distances.tolist())]

    def partners(self, i: int) -> Sequence[int]:
        return self._partners[i]

    def look(self, pairs: Tensor, size: Size) -> Sight:
        i, j = pairs.to(self.depth.device).unbind(1)
        native = self.cameras.size
        own = rescale(cells(size, i.device), size, native)
        depth, _, usable = self._surface(i, own.expand(len(i), *own.shape))
        place, reached = self.cameras.project(j, self._moved(i, j, self.cameras.rays(i, own) * depth[..., None]))
        there, slant, shown = self._surface(j, place)
        same = (reached - there).abs() <= self.tolerance * reached + slant
        valid = usable * shown * (same & (reached > NEAR) & inside(place, native))
        return Sight(rescale(place, native, size).to(pairs.device), valid.to(pairs.device))

    def _moved(self, i: Tensor, j: Tensor, points: Tensor) -> Tensor:
        """Points [P, h, w, 3] from the axes of views i to those of views j."""
        motion = self.cameras.between(i, j)
        return einsum(motion[:, :3, :3], points, "p a b, p h w b -> p h w a") + motion[:, None, None, :3, 3]

    def _surface(self, views: Tensor, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The surface at places [P, h, w, 2] of views [P]: depth, how much the depth varies there, and if it is usable.

        Interpolates 1 / depth, which is linear on a plane. Of the four pixels around a place, only those on the same
        surface as the nearest one count: across an edge there is no surface in between.
        """
        numbers, weights = taps(place, self.cameras.size)
        numbers = numbers + rearrange(views * math.prod(self.cameras.size), "p -> p 1 1 1")
        depth = self.depth.reshape(-1)[numbers].float()
        known = self._known(depth)
        inverse = torch.where(known, 1 / depth, 0)
        nearest = weights.argmax(-1, keepdim=True)
        centre = inverse.gather(-1, nearest)
        together = known & ((inverse - centre).abs() <= 10 * self.tolerance * centre)
        mixed = (weights * together * inverse).sum(-1) / (weights * together).sum(-1).clamp(min=NEAR)
        spread = torch.where(together, (depth - 1 / centre).abs(), 0).amax(-1)
        usable = known.gather(-1, nearest)[..., 0].float()
        if self.masks is not None:
            usable = usable * self.masks.reshape(-1)[numbers.gather(-1, nearest)[..., 0]].float()
        return torch.where(usable > 0, 1 / mixed, 0), torch.where(usable > 0, spread, 0), usable
