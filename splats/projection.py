"""Splats as a camera sees them: Gaussians in the plane of the picture (EWA splatting, Zwicker et al. 2001).

    Sigma  = (R S) (R S)^T                     a splat in the world; R its rotation, S its scales
    Sigma' = J W Sigma W^T J^T + 0.3 I         in pixels; W turns into the camera's axes, J is the projection's Jacobian

The 0.3 square pixels keep every splat at least about as wide as a pixel, as in Kerbl et al. 2023.
"""

from dataclasses import dataclass

import torch
from einops import einsum
from torch import Tensor

from ..csd.geometry import Cameras
from .harmonics import colours
from .splats import Splats

DILATION = 0.3  # square pixels
NEAR = 0.01  # world units; what is nearer than this is not seen
LARGEST = 1e4  # a splat's scale in its depths; what is larger covers everything alike, and its numbers overflow
FAINT = 1 / 255  # a smaller opacity is not painted
_BEYOND = 0.15  # of a picture's side: how far outside of it the Jacobian is still taken where a splat's centre is


@dataclass(frozen=True, eq=False)
class Projected:
    """M splats before one camera, from near to far.

    rows      [M] which splats they are
    means     [M, 2] centres in pixels, (x, y), counted from the picture's corner
    conics    [M, 3] (a, b, c): the inverse of Sigma' is [[a, b], [b, c]], in 1 / square pixels
    reach     [M, 2] how far they are to be seen to either side, in pixels; carries no gradient
    opacity   [M] in 0 ... 1
    colours   [M, 3] zero or more
    depth     [M] along the camera's z, world units
    """

    rows: Tensor
    means: Tensor
    conics: Tensor
    reach: Tensor
    opacity: Tensor
    colours: Tensor
    depth: Tensor


def project(splats: Splats, cameras: Cameras, view: int) -> Projected:
    """The splats that camera `view` may see. Those behind it, too faint, huge or not finite are left out."""
    seen_from = cameras.camera_to_world[view], cameras.intrinsics[view]
    pose, intrinsics = (part.to(splats.positions, copy=True) for part in seen_from)  # none made in inference mode
    rows = _seen(splats, pose)
    splats = splats[rows]
    offsets = splats.positions - pose[:3, 3]
    points = offsets @ pose[:3, :3]
    image = points @ intrinsics.T
    means = image[:, :2] / image[:, 2:]
    covariance = _covariance(splats, points, pose[:3, :3], intrinsics, cameras.size)
    conics, reach = _inverse(covariance, splats.opacities.detach())
    colour = colours(splats.harmonics, torch.nn.functional.normalize(offsets, dim=-1))
    return Projected(rows, means, conics, reach, splats.opacities, colour, points[:, 2])


def _seen(splats: Splats, pose: Tensor) -> Tensor:
    """Rows of what stands before the camera, from near to far.

    Splats at the same depth are ordered by where they stand, so that the order in which they are given does not count.
    """
    with torch.no_grad():
        points = (splats.positions - pose[:3, 3]) @ pose[:3, :3]
        small = splats.scales.amax(1) < LARGEST * points[:, 2]
        seen = splats.finite & (points[:, 2] > NEAR) & (splats.opacities >= FAINT) & small
        rows = seen.nonzero()[:, 0]
        for axis in range(3):  # the last sort counts most
            rows = rows[torch.sort(points[rows, axis], stable=True).indices]
        return rows


def rotation_matrices(quaternions: Tensor) -> Tensor:
    """[N, 3, 3] of quaternions (w, x, y, z) [N, 4] of any length above zero."""
    w, x, y, z = torch.nn.functional.normalize(quaternions, dim=-1).unbind(-1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def _covariance(splats: Splats, points: Tensor, turn: Tensor, intrinsics: Tensor, size: tuple[int, int]) -> Tensor:
    """Sigma' as (xx, xy, yy), [M, 3]."""
    axes = einsum(turn, rotation_matrices(splats.rotations), "b a, m b c -> m a c") * splats.scales[:, None]
    x, y = _jacobian(points, intrinsics, size)
    across, down = ((row[..., None] * axes).sum(1) for row in (x, y))  # [M, 3] each
    xx, yy = (side.square().sum(-1) + DILATION for side in (across, down))
    return torch.stack([xx, (across * down).sum(-1), yy], -1)


def _jacobian(points: Tensor, intrinsics: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Rows of J, [M, 3] each: how x and y in the picture change as a point moves.

    J belongs to the centre of a splat. Far outside of the picture it is too large by far, so it is taken at the place
    nearest to the centre that lies at most a little outside.
    """
    (fx, skew, cx), (_, fy, cy) = intrinsics[:2].tolist()
    inverse = 1 / points[:, 2]
    y = _within(points[:, 1] * inverse, fy, cy, size[0])
    x = _within(points[:, 0] * inverse + skew / fx * y, fx, cx, size[1]) - skew / fx * y
    none = torch.zeros_like(inverse)
    across = torch.stack([fx * inverse, skew * inverse, -(fx * x + skew * y) * inverse], -1)
    return across, torch.stack([none, fy * inverse, -fy * y * inverse], -1)


def _within(slope: Tensor, focal: float, middle: float, side: int) -> Tensor:
    """Slopes x / z whose pixels lie at most a little outside of a picture's side."""
    beyond = _BEYOND * side
    return slope.clamp((-beyond - middle) / focal, (side + beyond - middle) / focal)


def _inverse(covariance: Tensor, opacity: Tensor) -> tuple[Tensor, Tensor]:
    """Conics [M, 3], and how far away opacities [M] still reach `FAINT`, [M, 2]."""
    xx, xy, yy = covariance.unbind(-1)
    determinant = (xx * yy - xy * xy).clamp(min=DILATION**2)
    conics = torch.stack([yy, -xy, xx], -1) / determinant[:, None]
    deviations = 2 * (opacity / FAINT).log()  # squared
    reach = (deviations[:, None] * torch.stack([xx, yy], -1).detach()).sqrt()
    return conics, reach
