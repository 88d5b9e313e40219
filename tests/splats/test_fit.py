"""Splats out of painted views: judged at views that were held out."""

from dataclasses import replace

import pytest
import torch

from collaborative_score_distillation.splats.density import Density, during
from collaborative_score_distillation.splats.fit import Fitting, decibels, fitted
from collaborative_score_distillation.splats.render import render
from collaborative_score_distillation.splats.scene import RATES, SplatScene
from collaborative_score_distillation.splats.splats import Splats
from collaborative_score_distillation.splats.unproject import Sampling, unprojected
from collaborative_score_distillation.tests.splats.clouds import cloud
from collaborative_score_distillation.tests.splats.dioramas import Painted


@pytest.fixture(scope="module")
def painted() -> Painted:
    return Painted()


@pytest.fixture(scope="module")
def start(painted) -> Splats:
    return unprojected(painted.images, painted.views(), Sampling(2))


def fit(painted, splats, masks=None, follow=iter, **settings) -> Splats:
    views = painted.views()
    scene = SplatScene(views.cameras, views.names)
    return fitted(splats, scene, painted.images, masks, Fitting(**{"steps": 24, **settings}), follow)


def test_pixels_lie_where_their_depth_says(painted):
    every = unprojected(painted.images, painted.views(), Sampling(1))
    wrong = replace(painted.views(), depth=1.3 * painted.views().depth)
    assert painted.psnr(every) > max(27, painted.psnr(unprojected(painted.images, wrong, Sampling(1))) + 3)


def test_what_an_earlier_view_shows_is_not_made_twice(painted, start):
    pixels = painted.images[0, ..., 0].numel() // 4
    alone = unprojected(painted.images[:1], painted.views([0]), Sampling(2))
    assert len(alone) == pixels and pixels < len(start) < 2 * pixels < painted.images[..., 0].numel() // 4


def test_masked_pixels_and_unknown_depth_are_left_out(painted):
    masks = torch.ones(4, 48, 72)
    masks[:, :24] = 0
    views = painted.views(masks=masks)
    views.depth[:, :, :36] = 0
    splats = unprojected(painted.images, views, Sampling(1))
    assert len(splats) < 2 * 24 * 36
    views.depth[:] = 0
    with pytest.raises(ValueError, match="Geometry: got no depth at all"):
        unprojected(painted.images, views)
    with pytest.raises(ValueError, match="views: got no pixel with depth inside the masks"):
        unprojected(painted.images, painted.views(masks=torch.zeros(4, 48, 72)))


@pytest.mark.parametrize("degree", [0, 2])
def test_a_fit_is_better_where_it_was_not_fitted(painted, degree):
    begin = unprojected(painted.images, painted.views(), Sampling(2, degree=degree))
    found = fit(painted, begin)
    assert found.harmonics.shape[1] == (degree + 1) ** 2
    assert painted.psnr(found) > painted.psnr(begin) + 6 and painted.psnr(found) > 31


def test_splats_that_are_split_show_more(painted):
    begin = unprojected(painted.images, painted.views(), Sampling(4))
    density = Density(every=6, until=30, growth=0.3)
    plain, grown = (fit(painted, begin, steps=48, density=some) for some in (None, density))
    assert 2 * len(begin) < len(grown) <= 1.3**5 * len(begin)
    assert painted.psnr(grown) > painted.psnr(plain) + 1
    few = fit(painted, begin, steps=48, density=replace(density, most=len(begin) + 5))
    assert len(few) <= len(begin) + 5


def test_a_density_for_any_number_of_steps():
    assert during(100, 7) == Density(every=7, until=75, most=7) and during(1, 7).every == 1


def test_only_what_is_not_fixed_moves(painted, start):
    found = fit(painted, start, steps=3, fixed=("positions", "log_scales", "rotations", "logits"))
    still = [name for name in RATES if torch.equal(found.tree[name], start.tree[name])]
    assert still == ["positions", "log_scales", "rotations", "logits"]
    assert painted.psnr(found) > painted.psnr(start)


def test_decibels_are_those_of_all_views_together(painted, start):
    scene = SplatScene(painted.views().cameras)
    assert decibels(start, scene, painted.images) == pytest.approx(painted.psnr(start, painted.fitted), abs=1e-3)
    assert decibels(start, scene, render(start, scene.cameras, range(4)).colour.clamp(0, 1)) > 115


def test_more_views_in_a_step(painted, start):
    assert painted.psnr(fit(painted, start, views=3, steps=10)) > painted.psnr(start) + 2


def test_the_same_seed_gives_the_same_and_nothing_handed_over_changes(painted, start):
    before = {name: part.clone() for name, part in start.tree.items()}
    one, two, other = (fit(painted, start, steps=6, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(one.tree[name], two.tree[name]) for name in RATES)
    assert not torch.equal(one.positions, other.positions)
    assert all(torch.equal(start.tree[name], part) for name, part in before.items())


def test_what_is_masked_does_not_count(painted, start):
    masks = torch.ones(4, 48, 72)
    masks[:, :, :36] = 0
    spoiled = painted.images.clone()
    spoiled[:, :, :36] = torch.rand(4, 48, 36, 3)
    found = fit(painted, start, masks)
    scene = SplatScene(painted.views().cameras)
    again = fitted(start, scene, spoiled, masks, Fitting(steps=24))
    assert all(torch.equal(found.tree[name], again.tree[name]) for name in RATES)


def test_a_fit_is_followed_and_can_be_left(painted, start):
    class LeftError(Exception):
        pass

    def follow(steps):
        assert len(steps) == 24
        for step in steps:
            if step == 2:
                raise LeftError
            yield step

    with pytest.raises(LeftError):
        fit(painted, start, follow=follow)


def pulled(splats, strength):
    """A gradient that pulls the last splats hardest."""
    return {"positions": strength * torch.arange(len(splats))[:, None].expand(-1, 3).float()}


def test_the_splats_that_are_pulled_hardest_are_split_and_the_faint_ones_go():
    splats = replace(cloud(10, dtype=torch.float32), logits=torch.tensor([-9.0, *[1.0] * 9]))
    splats = replace(splats, log_scales=torch.full_like(splats.log_scales, -2))
    density = Density(every=2, until=4, growth=0.25, most=100)
    assert density.choose(splats.tree, pulled(splats, 1.0), 0) is None
    assert density.choose(splats.tree, pulled(splats, 1.0), 5) is None
    for strength in (1e-3, 1e3):
        rows = density.choose(splats.tree, pulled(splats, strength), 1)
        assert rows.tolist() == [*range(1, 10), 9, 8]
    rows = replace(density, most=10).choose(splats.tree, pulled(splats, 1.0), 1)
    assert rows.tolist() == [*range(1, 10), 9]


def test_halves_lie_along_the_longest_axis():
    splats = cloud(3, dtype=torch.float32)
    splats.log_scales[1] = torch.tensor([0.0, 1.0, 0.5])
    splats.rotations[1] = torch.tensor([1.0, 0, 0, 1])  # a quarter turn about z: the second axis points to -x
    rows = torch.tensor([0, 1, 2, 1])
    settled = Splats(**Density.settle(splats[rows].tree, rows))
    for place, side in ((1, -1), (3, 1)):
        moved = settled.positions[place] - splats.positions[1]
        assert torch.allclose(moved, torch.tensor([side * 0.5 * torch.e, 0, 0]), atol=1e-5)
        assert torch.allclose(settled.log_scales[place].exp(), torch.tensor([1.0, torch.e / 1.6, torch.e**0.5]))
    assert torch.equal(settled.positions[[0, 2]], splats.positions[[0, 2]])
