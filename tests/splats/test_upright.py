"""Half a turn about x: cameras see the turned scene as they saw the scene."""

import pytest
import torch

from collaborative_score_distillation.splats.orbit import orbit
from collaborative_score_distillation.splats.render import render
from collaborative_score_distillation.splats.splats import Splats
from collaborative_score_distillation.splats.upright import turned, turned_cameras
from collaborative_score_distillation.tests.splats.clouds import cloud, looking


@pytest.mark.parametrize("degree", range(4))
def test_turned_cameras_see_the_same_of_turned_splats(degree):
    splats, cameras = cloud(40, degree), looking(2)
    before, after = render(splats, cameras, [0, 1]), render(turned(splats), turned_cameras(cameras), [0, 1])
    assert before.alpha.max() > 0.5
    for name in ("colour", "depth", "alpha"):
        assert torch.allclose(getattr(before, name), getattr(after, name), atol=1e-9)


def test_twice_is_not_at_all():
    splats = cloud(5, 3)
    again = turned(turned(splats))
    for name, part in splats.tree.items():
        same = -part if name == "rotations" else part  # the other quaternion of the same rotation
        assert torch.equal(again.tree[name], same)


def test_what_is_above_in_one_world_has_a_smaller_y_in_the_other():
    above = Splats.of_colours(torch.tensor([[0.0, 0.5, 0.0]]), torch.tensor([0.1]), torch.ones(1, 3), 0.9)
    assert turned(above).positions[0, 1] == -0.5
    down = turned_cameras(orbit([0.0, 90.0], [10.0, 10.0], (8, 8))).camera_to_world[:, :3, 1]
    assert (down[:, 1] > 0.9).all()
