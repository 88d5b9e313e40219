"""Cameras on a path through others."""

import math

import pytest
import torch

from collaborative_score_distillation.csd.geometry import Cameras
from collaborative_score_distillation.splats.path import along


def turned(*degrees):
    """Cameras that are turned about y, each a step further along x, with a longer lens from one to the next."""
    poses, lenses = torch.eye(4).repeat(len(degrees), 1, 1), torch.eye(3).repeat(len(degrees), 1, 1)
    for number, angle in enumerate(map(math.radians, degrees)):
        c, s = math.cos(angle), math.sin(angle)
        poses[number, :3, :3] = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        poses[number, 0, 3] = number
        lenses[number, :2] *= 50 + number
    return Cameras(lenses, poses, (8, 8))


@pytest.mark.parametrize("step", [0.0, 1e-5, 10.0, 90.0, 179.0, 180.0])
def test_half_way_is_half_the_turn(step):
    found, expected = along(turned(0, step), 3), turned(0, step / 2, step)
    assert torch.allclose(found.camera_to_world[[0, 2]], turned(0, step).camera_to_world, atol=1e-5)
    middle = found.camera_to_world[1, :3, :3]
    other = turned(0, -step / 2).camera_to_world[1, :3, :3]  # half of half a turn may go either way
    assert torch.allclose(middle, expected.camera_to_world[1, :3, :3], atol=1e-4) or (
        step == 180 and torch.allclose(middle, other, atol=1e-4)
    )
    assert found.camera_to_world[1, 0, 3] == 0.5 and found.intrinsics[1, 0, 0] == 50.5


def test_a_path_through_many():
    cameras = turned(0, 40, 10, 20)
    found = along(cameras, 13)
    assert found.count == 13 and torch.allclose(found.camera_to_world[::4], cameras.camera_to_world, atol=1e-5)
    turns = found.camera_to_world[:, :3, :3]
    assert torch.allclose(turns @ turns.mT, torch.eye(3).expand(13, 3, 3), atol=1e-5)


@pytest.mark.parametrize("frames", [1, 5])
def test_a_path_of_one_camera_stands_still(frames):
    found = along(turned(30), frames)
    assert torch.allclose(found.camera_to_world, turned(30).camera_to_world.expand(frames, 4, 4), atol=1e-6)


def test_one_frame_is_the_first():
    assert torch.equal(along(turned(0, 40), 1).camera_to_world[0], turned(0).camera_to_world[0])
