"""A camera with the point that it looks at, and others on an arc around that point.

Axes as in 3D viewers: y is up in the world; a camera has x right, y up, z backwards. Where splats are, y is down
(`upright`). The cameras that come out of here and go in are those of splats.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..csd.geometry import Cameras
from ..csd.windows import Size
from .orbit import lens
from .projection import rotation_matrices
from .splats import Splats
from .upright import SIGNS, turned, turned_cameras

FIELD_OF_VIEW = 35.0
"""Degrees across the shorter side, where nobody says otherwise. 3D viewers begin with it."""
FILLED, MOST, RISE = 0.85, 0.98, 15.0
"""Of a camera before a scene: how much of the picture the scene fills, which part of the splats is the scene, and how
many degrees above the horizon the camera stands.
"""


@dataclass(frozen=True)
class Viewpoint:
    """A camera where y is up. Tensors are float64.

    position, target   [3] in world units
    axes               [3, 3] a rotation, its columns are right, up and backwards
    field_of_view      degrees across the shorter side
    """

    position: Tensor
    target: Tensor
    axes: Tensor
    field_of_view: float = FIELD_OF_VIEW


def looking(backwards: Tensor) -> Tensor:
    """Axes [3, 3] of a camera without roll. backwards: [3], from its target to it, of any length above zero."""
    backwards = normalize(backwards, dim=0)
    right = torch.linalg.cross(backwards.new_tensor([0.0, 1.0, 0.0]), backwards)
    right = normalize(right, dim=0) if float(right.norm()) > 1e-6 else backwards.new_tensor([1.0, 0.0, 0.0])
    return torch.stack([right, torch.linalg.cross(backwards, right), backwards], 1)


def before(splats: Splats) -> Viewpoint:
    """A camera in front of a scene, a little above it. It sees most of the splats. ValueError where there are none."""
    places = turned(splats[splats.finite]).positions.cpu().double()
    if not len(places):
        raise ValueError("splat: got no splats with finite numbers; look at the node that made them.")
    last = math.ceil(MOST * len(places))
    middle = (places.kthvalue(last, 0).values + places.kthvalue(len(places) + 1 - last, 0).values) / 2
    reach = float((places - middle).norm(dim=1).kthvalue(last).values)
    distance = max(reach, 1e-3) / (FILLED * math.tan(math.radians(FIELD_OF_VIEW) / 2))
    rise = math.radians(RISE)
    backwards = middle.new_tensor([0.0, math.sin(rise), math.cos(rise)])
    return Viewpoint(middle + distance * backwards, middle, looking(backwards))


def arc(view: Viewpoint, count: int, angle: float, size: Size) -> Cameras:
    """`count` cameras around the target of a viewpoint, all as high as it.

    angle   degrees from the first to the last, with the viewpoint in the middle; 360: once around, beginning with it
    size    (H, W) of their pictures in pixels
    """
    turns = _about_y(torch.deg2rad(torch.tensor(_spread(count, angle), dtype=torch.float64)))
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    poses[:, :3, :3] = turns @ view.axes * view.axes.new_tensor(SIGNS)
    poses[:, :3, 3] = view.target + turns @ (view.position - view.target)
    return turned_cameras(Cameras(lens(size, view.field_of_view).repeat(count, 1, 1), poses.float(), size))


def _spread(count: int, angle: float) -> list[float]:
    """Angles in degrees. Once around, the last is not the first again."""
    if angle >= 360:
        return [360 * number / count for number in range(count)]
    return [angle * (number / (count - 1) - 0.5) if count > 1 else 0.0 for number in range(count)]


def _about_y(angles: Tensor) -> Tensor:
    """Rotations [N, 3, 3] by angles [N] in radians, from z towards x."""
    none = torch.zeros_like(angles)
    return rotation_matrices(torch.stack([(angles / 2).cos(), none, (angles / 2).sin(), none], 1))


def of_camera(cameras: Cameras, number: int) -> Viewpoint:
    """Camera `number`. Its target is on its axis, as near as possible to what all of the cameras look at.

    A viewpoint has the middle of the picture on its axis, and square pixels. Other lenses are approximated.
    """
    pose = turned_cameras(cameras).camera_to_world[number].double().cpu()
    axes = pose[:3, :3] * pose.new_tensor(SIGNS)
    shorter = 1 if cameras.size[0] <= cameras.size[1] else 0
    focal = float(cameras.intrinsics[number, shorter, shorter])
    fov = 2 * math.degrees(math.atan(min(cameras.size) / (2 * focal)))
    return Viewpoint(pose[:3, 3], pose[:3, 3] - _ahead(cameras, number) * axes[:, 2], axes, fov)


def _ahead(cameras: Cameras, number: int) -> float:
    """How far before camera `number` lies what all look at, in world units; 1 where it lies behind."""
    away = _looked_at(cameras) - cameras.centres[number].double()
    distance = float(away @ cameras.directions[number].double())
    return distance if distance > 0 else 1.0


def _looked_at(cameras: Cameras) -> Tensor:
    """The point [3] nearest to the axes of all cameras. Where these are parallel: the one nearest to the origin."""
    directions, centres = cameras.directions.double(), cameras.centres.double()
    beside = torch.eye(3).to(directions) - directions[:, :, None] * directions[:, None]
    return torch.linalg.pinv(beside.sum(0), rtol=1e-6) @ (beside @ centres[:, :, None]).sum(0)[:, 0]
