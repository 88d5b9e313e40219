"""Small clouds of splats and cameras to look at them."""

import torch

from collaborative_score_distillation.csd.geometry import Cameras
from collaborative_score_distillation.splats.splats import Splats


def uniform(*shape, seed=0, dtype=torch.float64):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def cloud(count, degree=0, seed=0, dtype=torch.float64) -> Splats:
    """Splats of all shapes in the box -1 ... 1, 2 ... 4 before the cameras."""
    k = (degree + 1) ** 2
    numbers = [2 * uniform(count, n, seed=10 * seed + i, dtype=dtype) - 1 for i, n in enumerate((3, 3, 4, 1, 3 * k))]
    positions, scales, rotations, logits, harmonics = numbers
    middle = torch.tensor([0, 0, 3.0], dtype=dtype)
    return Splats(positions + middle, scales - 2, rotations, 2 * logits[:, 0], harmonics.unflatten(1, (k, 3)))


def looking(count=1, height=24, width=32, step=0.3) -> Cameras:
    """Cameras that look along z, `step` beside each other."""
    lens = torch.tensor([[1.2 * height, 0, 0.52 * width], [0, 1.1 * height, 0.49 * height], [0, 0, 1]])
    poses = torch.eye(4).repeat(count, 1, 1)
    poses[:, 0, 3] = step * (torch.arange(count) - (count - 1) / 2)
    return Cameras(lens.repeat(count, 1, 1), poses, (height, width))
