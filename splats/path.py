"""A smooth path of cameras through given ones, for a video of a scene."""

import torch
from torch import Tensor

from ..csd.geometry import Cameras


def along(cameras: Cameras, frames: int) -> Cameras:
    """`frames` cameras from the first to the last, evenly spaced in number; those between turn and move evenly."""
    place = torch.linspace(0, cameras.count - 1, frames, dtype=torch.float64)
    before = place.floor().long().clamp(max=max(cameras.count - 2, 0))
    after = (before + 1).clamp(max=cameras.count - 1)
    part = (place - before)[:, None, None]
    lenses = torch.lerp(cameras.intrinsics.double()[before], cameras.intrinsics.double()[after], part)
    poses = cameras.camera_to_world.double()
    between = torch.lerp(poses[before], poses[after], part)
    between[:, :3, :3] = _turned(poses[before, :3, :3], poses[after, :3, :3], part[:, 0])
    return Cameras(lenses.to(cameras.intrinsics), between.to(cameras.camera_to_world), cameras.size)


def _turned(first: Tensor, last: Tensor, part: Tensor) -> Tensor:
    """Rotations [n, 3, 3] that have turned from the first towards the last by a part [n, 1] of the way."""
    step = first.mT @ last
    cosine = ((step.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1, 1)
    angle = torch.arccos(cosine)[:, None] * part
    axis = torch.nn.functional.normalize(_axis(step), dim=1)
    return first @ _rotation(axis, angle)


def _axis(turn: Tensor) -> Tensor:
    """Axes [n, 3] about which rotations turn; the part that is skew where that is not zero."""
    skew = torch.stack([turn[:, 2, 1] - turn[:, 1, 2], turn[:, 0, 2] - turn[:, 2, 0], turn[:, 1, 0] - turn[:, 0, 1]], 1)
    column = (turn + torch.eye(3).to(turn)).mT  # of half a turn, a column of it is the axis
    largest = column.gather(1, column.norm(dim=2).argmax(1)[:, None, None].expand(-1, 1, 3))[:, 0]
    return torch.where(skew.norm(dim=1, keepdim=True) > 1e-6, skew, largest)


def _rotation(axis: Tensor, angle: Tensor) -> Tensor:
    """Rotations [n, 3, 3] about unit vectors [n, 3] by angles [n, 1], by Rodrigues' formula."""
    x, y, z = axis.unbind(1)
    none = torch.zeros_like(x)
    cross = torch.stack([none, -z, y, z, none, -x, -y, x, none], 1).unflatten(1, (3, 3))
    sine, cosine = angle.sin()[..., None], angle.cos()[..., None]
    return torch.eye(3).to(axis) + sine * cross + (1 - cosine) * cross @ cross
