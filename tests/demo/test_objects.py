"""Painted objects: solids against points on them, and pictures from all around."""

import numpy as np
import pytest

from collaborative_score_distillation.demo.objects.kinds import COLOURS, KINDS, parts_of
from collaborative_score_distillation.demo.objects.paint import painted
from collaborative_score_distillation.demo.objects.parts import Part, leaning
from collaborative_score_distillation.demo.objects.shapes import Ball, Tube, box, prism
from collaborative_score_distillation.demo.objects.words import all_prompts, named
from collaborative_score_distillation.splats.orbit import orbit

SOLIDS = {
    "ball": (Ball(), lambda p: np.linalg.norm(p, axis=1) <= 1),
    "box": (box(), lambda p: np.abs(p).max(1) <= 1),
    "roof": (prism(1, 0), lambda p: (np.abs(p).max(1) <= 1) & (np.abs(p[:, 2]) <= (1 - p[:, 1]) / 2)),
    "tube": (Tube(), lambda p: (np.hypot(p[:, 0], p[:, 2]) <= 1) & (np.abs(p[:, 1]) <= 1)),
    "cone": (Tube(1, 0.4), lambda p: (np.hypot(p[:, 0], p[:, 2]) <= 0.7 - 0.3 * p[:, 1]) & (np.abs(p[:, 1]) <= 1)),
}


def rays(count=400):
    rng = np.random.default_rng(0)
    origin = np.array([0.4, 1.9, 3.1], np.float32)
    toward = rng.uniform(-1.3, 1.3, (count, 3)).astype(np.float32) - origin
    return origin, toward / np.linalg.norm(toward, axis=1, keepdims=True)


@pytest.mark.parametrize("name", SOLIDS)
def test_rays_enter_solids_where_points_along_them_do(name):
    solid, inside = SOLIDS[name]
    origin, toward = rays()
    t, normals = solid.hits(origin, toward)
    steps = np.linspace(0, 8, 4001, dtype=np.float32)
    within = np.stack([inside(origin + step * toward) for step in steps], 1)
    first = np.where(within.any(1), steps[within.argmax(1)], np.inf)
    grazed = np.isfinite(t) != np.isfinite(first)
    assert grazed.mean() < 0.01 and np.isfinite(t).mean() > 0.3
    both = np.isfinite(t) & np.isfinite(first)
    assert np.abs(t[both] - first[both]).max() < 0.01
    assert ((normals[both] * toward[both]).sum(1) <= 1e-4).all()  # normals face the ray


def test_a_part_is_stretched_turned_and_moved():
    plank = Part(box(), (1, 0.1, 0.1), (0, 2, 0), (1, 0, 0), axes=leaning(90, 2))  # upright, from y = 1 to y = 3
    origin, toward = np.array([0, 1.2, 5], np.float32), np.array([[0, 0, -1.0]], np.float32)
    near, t, normals, colours = plank.hits(origin, toward)
    assert near.tolist() == [0] and t[0] == pytest.approx(4.9) and colours[0].tolist() == [1, 0, 0]
    assert normals[0] == pytest.approx([0, 0, 1], abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
class TestKinds:
    def test_it_fits_into_the_picture(self, kind):
        for seed in range(3):
            cameras = orbit([20.0, 200.0], [30.0, -5.0], (48, 48))
            for view in range(2):
                alpha = painted(parts_of(kind, "red", seed), cameras, view).alpha
                edge = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
                assert edge.max() == 0 and 0.1 < alpha.mean() < 0.7

    def test_front_and_back_differ(self, kind):
        cameras = orbit([0.0, 180.0, 5.0], [10.0] * 3, (48, 48))
        front, back, near = (painted(parts_of(kind, "blue", 1), cameras, view).over(0.5) for view in range(3))
        assert np.abs(front - back).mean() > 1.2 * np.abs(front - near).mean()

    def test_colours_differ_and_seeds_vary(self, kind):
        cameras = orbit([30.0], [20.0], (48, 48))
        red, blue, other = (
            painted(parts_of(kind, colour, seed), cameras, 0).over(0.5)
            for colour, seed in (("red", 1), ("blue", 1), ("red", 2))
        )
        assert np.abs(red - blue).mean() > 0.01 and 0 < np.abs(red - other).mean() < 0.1


def test_depth_is_that_of_the_nearest_part():
    ball = [Part(Ball(), (0.5, 0.5, 0.5), (0, 0, 0), (1, 1, 1))]
    view = painted(ball, orbit([70.0], [15.0], (64, 64)), 0)
    assert view.depth[32, 32] == pytest.approx(3.5, abs=0.01) and view.depth[0, 0] == 0
    assert view.alpha[32, 32] == 1 and np.array_equal(view.over((0.2, 0.4, 0.6))[0, 0], np.float32([0.2, 0.4, 0.6]))


def test_prompts():
    assert named("car", "red") == "a red car" and named("mug", "orange") == "an orange mug"
    prompts = all_prompts()
    assert len(set(prompts)) == len(prompts) == len(KINDS) * len(COLOURS) * 19
    assert {"a red car", "a red car, side view", "a red car, front left view"} <= set(prompts)
