"""Painted view sets: the same diorama in every look, with cameras and depth that take its views onto each other."""

import numpy as np
import pytest
import torch

from collaborative_score_distillation.csd.geometry import Geometry
from collaborative_score_distillation.demo.painter import LOOKS, SOURCE
from collaborative_score_distillation.demo.painter.diorama import ARC, DEPTHS, MOST, PIVOT, Diorama, paint_views
from collaborative_score_distillation.demo.views import true_views
from collaborative_score_distillation.dev.evaluation.consistency import differences, disagreement

SEED, VIEWS = 1_000_000, 4
PAIRS = torch.tensor([(0, 1), (1, 0), (0, 3), (3, 1)])


@pytest.fixture(scope="module")
def diorama() -> Diorama:
    return Diorama(SEED, VIEWS)


@pytest.fixture(scope="module")
def truth(diorama):
    return true_views(diorama)


@pytest.fixture(scope="module")
def pictures(diorama) -> np.ndarray:
    return np.stack(list(diorama.paint(SOURCE)))


@pytest.mark.parametrize("look", LOOKS)
def test_depth_takes_views_onto_each_other(diorama, truth, look):
    views = np.stack(list(diorama.paint(look)))
    errors, valid = differences(views, Geometry(*truth), PAIRS)
    still = np.abs(views[PAIRS[:, 0]] - views[PAIRS[:, 1]]).mean(-1)
    for moved, seen, unmoved in zip(errors, valid, still):
        assert seen.mean() > 0.5
        assert (moved * seen).sum() / seen.sum() < 0.006
        assert (moved * seen).sum() < 0.12 * (unmoved * seen).sum()


def test_wrong_depth_is_seen(truth, pictures):
    cameras, depth = truth
    right, wrong = (disagreement(pictures, Geometry(cameras, some), PAIRS) for some in (depth, 1.3 * depth))
    assert wrong > 4 * right


def test_depth_lies_on_the_planes(diorama, truth):
    """Points of the pictures, put into space by their depth, lie on one of the diorama's planes."""
    cameras, depth = truth
    rays = cameras.rays(
        torch.arange(VIEWS), torch.stack(torch.meshgrid(*map(torch.arange, (192, 128)), indexing="xy"), -1)
    )
    points = rays.double() * depth[..., None]
    turn, centre = cameras.camera_to_world[:, :3, :3].double(), cameras.centres.double()
    world = torch.einsum("nab,nhwb->nhwa", turn, points) + centre[:, None, None]
    normals = torch.from_numpy(np.stack([plane.normal for plane in diorama.planes]))
    assert ((world @ normals.T - 1).abs().amin(-1) < 1e-4).all()


def test_the_cameras_stand_on_an_arc_and_look_at_its_pivot(truth):
    cameras, _ = truth
    pivot = torch.tensor([0.0, 0.0, PIVOT])
    assert torch.allclose((cameras.centres - pivot).norm(dim=-1), torch.tensor(PIVOT), atol=1e-4)
    away = pivot - cameras.centres
    assert torch.allclose(cameras.directions, away / away.norm(dim=-1, keepdim=True), atol=1e-5)
    span = torch.arccos(cameras.directions[0] @ cameras.directions[-1])
    assert float(torch.rad2deg(span)) == pytest.approx(2 * ARC, abs=0.3)
    assert (cameras.camera_to_world[:, 1, 1] > 0.99).all()


def test_layers_are_as_far_as_they_say(truth):
    _, depth = truth
    assert depth.min() > 1 and depth.max() < 1.2 * DEPTHS["sky"][0][1]
    assert (depth[:, :8] > 30).all() and (depth[:, -8:] < 3.5).all()


def test_the_same_seed_gives_the_same_views(pictures):
    again, _ = paint_views(SEED, SOURCE, VIEWS)
    assert again.dtype == np.float32 and again.shape == (VIEWS, 128, 192, 3)
    assert np.array_equal(again, pictures) and again.min() >= 0 and again.max() <= 1
    other, _ = paint_views(SEED + 1, SOURCE, 1, 64, 96)
    assert other.shape == (1, 64, 96, 3)
    assert np.abs(paint_views(SEED, SOURCE, 1, 64, 96)[0] - other).mean() > 0.02


@pytest.mark.parametrize("seed", range(7, 15))
def test_houses_that_stand_beside_the_canvas_are_left_out(seed):
    """In these narrow scenes some do: what is kept has a foot and stands where its depth is the plain's."""
    diorama = Diorama(seed, 1, 32, 32)
    standing = [1 / plane.normal[2] for plane in diorama.planes if plane.layer.name == "object"]
    assert all(DEPTHS["plain"][1][1] < depth < 2 * DEPTHS["plain"][0][1] for depth in standing)


def test_nothing_is_left_unpainted(pictures):
    assert pictures.max(-1).min() > 0.05


@pytest.mark.parametrize("count", [0, MOST + 1])
def test_counts_out_of_range_are_named(count):
    with pytest.raises(ValueError, match=f"{count} views"):
        Diorama(1, count)


def test_the_node(host):
    images, views = host.run("CSDDemoViews", seed=7, look="night", count=3, width=96, height=64)
    assert images.shape == (3, 64, 96, 3) and views.count == 3 and views.size == (64, 96)
    (geometry,) = host.run("CSDViewCorrespondence", views=views, neighbours=0)
    pairs = torch.tensor([(0, 1), (1, 2)])
    assert disagreement(images.numpy(), geometry, pairs) < 0.006
