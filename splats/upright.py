"""Half a turn about x, between worlds where y is up and those where y is down.

In `orbit` y is up. In files of splats y is down, and 3D viewers turn what they read so that it stands upright. The turn
is its own inverse. It only changes signs, so nothing is rounded.
"""

from dataclasses import replace

import torch
from torch import Tensor

from ..csd.geometry import Cameras
from .harmonics import basis
from .splats import Splats

SIGNS = (1.0, -1.0, -1.0)
"""Of x, y and z."""


def turned(splats: Splats) -> Splats:
    """The same scene in the other kind of world."""
    w, x, y, z = splats.rotations.unbind(1)
    return replace(
        splats,
        positions=splats.positions * splats.positions.new_tensor(SIGNS),
        rotations=torch.stack([-x, w, -z, y], 1),
        harmonics=_turned_harmonics(splats.harmonics),
    )


def _turned_harmonics(harmonics: Tensor) -> Tensor:
    """Coefficients [N, K, 3] of the same colours after the turn: some of the Y_k change their sign."""
    anywhere = torch.nn.functional.normalize(torch.tensor([1.0, 2.0, 3.0]), dim=0)  # where no Y_k is zero
    count = harmonics.shape[1]
    kept = basis(anywhere, count) * basis(anywhere * torch.tensor(SIGNS), count)
    return harmonics * kept.sign()[:, None].to(harmonics)


def turned_cameras(cameras: Cameras) -> Cameras:
    """The same cameras in the other kind of world: they see the turned scene as they saw it before."""
    signs = cameras.camera_to_world.new_tensor([*SIGNS, 1.0])
    return replace(cameras, camera_to_world=signs[:, None] * cameras.camera_to_world)
