"""Splats out of views with depth: one for every pixel, or every few, where it lies in space."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..csd.geometry import NEAR, Geometry
from ..media.view_set import Views
from ..media.work import Follow
from .splats import Splats, joined

OPACITY = 0.9
WIDTH = 0.6  # standard deviation of a splat, in distances from one to the next
NEIGHBOURS = 8  # views in which a splat is looked for before it is made once more


@dataclass(frozen=True)
class Sampling:
    """Which pixels become splats.

    every        takes every such pixel, across and down
    tolerance    relative difference of depth that still counts as the same surface
    degree       of the spherical harmonics, 0 ... 3; those above the first are zero
    """

    every: int = 1
    tolerance: float = 0.01
    degree: int = 0


def unprojected(images: Tensor, views: Views, sampling: Sampling = Sampling(), follow: Follow = iter) -> Splats:
    """Splats of pictures [N, H, W, 3], 0 ... 1, at the size of the views.

    A pixel whose point an earlier view has shown already is left out, and so are pixels without depth or outside of
    the masks. ValueError where none is left, and where views have no depth.
    """
    if views.depth is None:
        raise ValueError("views: got views without depth, expected a depth for each; load a view set that has it.")
    geometry = Geometry(views.cameras, views.depth, views.masks, NEIGHBOURS, sampling.tolerance, views.names)
    parts = [_of_view(images[i], geometry, i, sampling) for i in follow(range(views.count))]
    splats = joined(parts)
    if not len(splats):
        raise ValueError("views: got no pixel with depth inside the masks; look at depth_unit and at the masks.")
    return splats


def _of_view(image: Tensor, geometry: Geometry, view: int, sampling: Sampling) -> Splats:
    """What view number `view` adds to those before it."""
    depth, cameras = geometry.depth[view].float(), geometry.cameras
    new = (depth > NEAR) & torch.isfinite(depth)
    if geometry.masks is not None:
        new &= geometry.masks[view] > 0.5
    for other in _before(geometry, view):
        new &= geometry.look(torch.tensor([[view, other]]), cameras.size).valid[0] < 0.5
    rows, columns = (torch.arange(sampling.every // 2, side, sampling.every) for side in cameras.size)
    rows, columns = (place[new[rows][:, columns]] for place in torch.meshgrid(rows, columns, indexing="ij"))
    far = depth[rows, columns]
    rays = cameras.rays(torch.tensor([view]), torch.stack([columns, rows], -1)[None].float())[0, 0]
    pose = cameras.camera_to_world[view].float()
    points = (rays * far[:, None]) @ pose[:3, :3].T + pose[:3, 3]
    focal = cameras.intrinsics[view].diagonal()[:2].mean().float()
    sizes = WIDTH * sampling.every * far / focal
    return Splats.of_colours(points, sizes, image[rows, columns].float(), OPACITY, sampling.degree)


def _before(geometry: Geometry, view: int) -> Iterator[int]:
    """Views near this one that come before it."""
    return (other for other in geometry.partners(view) if other < view)
