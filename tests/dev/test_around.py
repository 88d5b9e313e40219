"""Measures of scenes seen from all around, on pictures whose values are known."""

import pytest
import torch

from collaborative_score_distillation.dev.evaluation.around import BEHIND, Judge, Seen, frechet

VIEWS, OBJECTS, SIDE = 8, 3, 12


def features(pictures):
    return torch.nn.functional.avg_pool2d(pictures.movedim(-1, 1), 3).flatten(1)


def painted(seed: int) -> Seen:
    """A spot that goes round with the view, in a colour that differs a little from object to object."""
    generator = torch.Generator().manual_seed(seed)
    alpha = torch.zeros(VIEWS, SIDE, SIDE)
    for view in range(VIEWS):
        angle = torch.tensor(2 * torch.pi * view / VIEWS)
        y, x = (int(6 + 4 * part) - 1 for part in (angle.sin(), angle.cos()))
        alpha[view, y : y + 3, x : x + 3] = 1
    colour = torch.tensor([0.8, 0.1, 0.1]) + 0.05 * torch.randn(3, generator=generator)
    over = torch.lerp(torch.full((VIEWS, SIDE, SIDE, 3), BEHIND), colour.expand(VIEWS, SIDE, SIDE, 3), alpha[..., None])
    return Seen(over, 4 * alpha, alpha)


@pytest.fixture(scope="module")
def judge():
    objects = [painted(seed) for seed in range(OBJECTS)]
    parts = (torch.stack([getattr(one, name) for one in objects]) for name in ("colour", "depth", "alpha"))
    return Judge(Seen(*parts), features)


def changed(scene: Seen, change) -> Seen:
    return Seen(*(change(part) for part in (scene.colour, scene.depth, scene.alpha)))


def test_another_object_of_the_kind_is_as_near_as_the_paintings_are(judge):
    found = judge(painted(10))
    assert found["own side"] == 1 and found["fronts"] == 1 and found["outline"] == pytest.approx(1)
    assert found["frechet"] < 0.05 and found["distance"] < 4


def test_an_object_that_faces_the_other_way_looks_like_other_sides(judge):
    turned = judge(changed(painted(10), lambda part: part.roll(VIEWS // 2, 0)))
    assert turned["own side"] == 0 and turned["distance"] > 2 * judge(painted(10))["distance"]


def test_a_front_on_every_side_is_counted(judge):
    found = judge(changed(painted(10), lambda part: part[:1].expand_as(part)))
    assert found["fronts"] == VIEWS
    assert found["colour alike"] == pytest.approx(1) and found["depth alike"] == pytest.approx(1)
    assert judge.truth()["colour alike"] < 0.9


def test_frechet_distance():
    one = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert frechet(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet(one + 2, one) == pytest.approx(4, rel=0.05)  # 3 * 2^2 by a variance of 3
    assert frechet(2 * one, one) == pytest.approx(1, rel=0.05)  # (2 - 1)^2 for each of three
