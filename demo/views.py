"""Cameras and depth of painted dioramas."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from ..csd.geometry import Cameras
from .painter.diorama import Diorama


def true_views(diorama: Diorama, follow: Callable[[Iterable], Iterable] = iter) -> tuple[Cameras, Tensor]:
    """The cameras of a diorama and the depth of its views ``[N, H, W]``."""
    intrinsics, poses = (torch.from_numpy(m).float() for m in (diorama.intrinsics, diorama.camera_to_world))
    depth = np.stack([diorama.depth(view) for view in follow(range(diorama.views))])
    return Cameras(intrinsics, poses, (diorama.height, diorama.width)), torch.from_numpy(depth)
