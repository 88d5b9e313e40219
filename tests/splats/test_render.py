"""The rasteriser: against the sum over all splats at every pixel, finite differences, and splats that are no splats."""

import re
import time
from dataclasses import replace

import pytest
import torch
from scipy.spatial.transform import Rotation

from collaborative_score_distillation.csd.geometry import Cameras
from collaborative_score_distillation.splats import tiles
from collaborative_score_distillation.splats.render import Rendering, render
from collaborative_score_distillation.splats.splats import Splats, joined
from collaborative_score_distillation.tests.splats.clouds import cloud, looking, uniform

NAMES = ("positions", "log_scales", "rotations", "logits", "harmonics")


def pixels(height, width):
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([x, y], -1).double()


def by_hand(splats: Splats, cameras: Cameras, view: int, background=0.0) -> tuple[torch.Tensor, ...]:
    """Colour, depth and alpha with every splat painted at every pixel, by the formulas of the paper."""
    pose, lens = cameras.camera_to_world[view].double(), cameras.intrinsics[view].double()
    turn = torch.linalg.inv(pose)[:3, :3]
    points = (splats.positions - pose[:3, 3]) @ turn.T
    spins = torch.from_numpy(Rotation.from_quat(splats.rotations.numpy(), scalar_first=True).as_matrix())
    at, left = pixels(*cameras.size), torch.ones(cameras.size, dtype=torch.float64)
    colour, depth = torch.zeros(*cameras.size, 3, dtype=torch.float64), torch.zeros_like(left)
    for i in points[:, 2].argsort():
        if points[i, 2] <= 0:
            continue
        x, y, z = points[i]
        fx, fy = lens[0, 0], lens[1, 1]
        jacobian = torch.tensor([[fx / z, 0, -fx * x / z**2], [0, fy / z, -fy * y / z**2]])
        shape = turn @ spins[i] @ torch.diag(splats.scales[i])
        covariance = jacobian @ shape @ shape.T @ jacobian.T + 0.3 * torch.eye(2)
        away = at - (lens @ points[i] / z)[:2]
        power = -0.5 * torch.einsum("hwa,ab,hwb->hw", away, torch.linalg.inv(covariance), away)
        alpha = (splats.opacities[i] * power.exp()).clamp(max=0.99)
        alpha[alpha < 1 / 255] = 0
        colour += (left * alpha)[..., None] * (0.5 + 0.28209479177387814 * splats.harmonics[i, 0]).clamp(min=0)
        depth += left * alpha * z
        left = left * (1 - alpha)
    alpha = 1 - left
    return colour + left[..., None] * background, depth / alpha.clamp(min=1e-6), alpha


@pytest.mark.parametrize("count", [1, 2, 60])
@pytest.mark.parametrize("background", [0.0, 0.7])
def test_every_pixel_is_the_sum_that_the_paper_defines(count, background):
    splats, cameras = cloud(count), looking(2)
    found = render(splats, cameras, [0, 1], background)
    for view in range(2):
        colour, depth, alpha = by_hand(splats, cameras, view, background)
        assert torch.allclose(found.colour[view], colour, atol=1e-9)
        assert torch.allclose(found.alpha[view], alpha, atol=1e-9)
        assert torch.allclose(found.depth[view], depth * (alpha > 1e-6), atol=1e-6)
    assert found.alpha.max() > 0.1


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (9, 23)])
def test_pictures_of_any_size(size):
    splats, cameras = cloud(20), looking(1, *size)
    assert torch.allclose(render(splats, cameras, [0]).colour[0], by_hand(splats, cameras, 0)[0], atol=1e-9)


def test_each_view_may_have_a_background_of_its_own():
    splats, cameras = cloud(12), looking(2)
    both = render(splats, cameras, [0, 1], torch.tensor([[0.2, 0.4, 0.6], [0.9, 0.9, 0.9]])).colour
    assert torch.allclose(both[0], render(splats, cameras, [0], torch.tensor([0.2, 0.4, 0.6])).colour[0])
    assert torch.allclose(both[1], render(splats, cameras, [1], 0.9).colour[0])


def test_single_precision_is_enough():
    splats, cameras = cloud(200), looking()
    exact, found = render(splats, cameras, [0]), render(splats.to(torch.float32), cameras, [0])
    assert found.colour.dtype == torch.float32
    assert (found.colour - exact.colour).abs().max() < 1e-4 and (found.depth - exact.depth).abs().max() < 1e-3


def loss(rendering: Rendering) -> torch.Tensor:
    """Something of all that comes out, in which no pixel counts like another one."""
    weight = uniform(*rendering.colour.shape, seed=5)
    return (rendering.colour * weight).sum() + ((rendering.depth + rendering.alpha) * weight[..., 0]).sum()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name):
    splats, cameras = cloud(8, degree=3, seed=3), looking(2, 16, 16)

    def of(part):
        return loss(render(replace(splats, **{name: part}), cameras, [0, 1], 0.3))

    part = getattr(splats, name).clone().requires_grad_()
    assert torch.autograd.gradcheck(of, part, eps=1e-6, atol=1e-5, rtol=1e-4)
    assert torch.autograd.grad(of(part), part)[0].abs().max() > 1e-3


def gradients(splats: Splats, cameras: Cameras) -> dict[str, torch.Tensor]:
    tree = {name: part.clone().requires_grad_() for name, part in splats.tree.items()}
    found = torch.autograd.grad(loss(render(Splats(**tree), cameras, range(cameras.count))), list(tree.values()))
    return dict(zip(tree, found, strict=True))


def test_the_order_of_splats_does_not_count():
    """A third of them stand at the same depth as another one."""
    splats = cloud(90)
    splats.positions[:30, 2] = splats.positions[30:60, 2]
    order = torch.randperm(90, generator=torch.Generator().manual_seed(1))
    cameras = looking(2)
    assert torch.equal(render(splats, cameras, [0, 1]).colour, render(splats[order], cameras, [0, 1]).colour)
    straight, other = gradients(splats, cameras), gradients(splats[order], cameras)
    assert all(torch.allclose(other[name], straight[name][order], atol=1e-9) for name in NAMES)


@pytest.mark.parametrize("at_once", [1, 2**12])
def test_how_much_is_computed_at_once_changes_nothing(monkeypatch, at_once):
    splats, cameras = cloud(50), looking()
    before = render(splats, cameras, [0]).colour, gradients(splats, cameras)
    monkeypatch.setitem(tiles.AT_ONCE, "cpu", at_once)
    after = render(splats, cameras, [0]).colour, gradients(splats, cameras)
    assert torch.allclose(before[0], after[0], atol=1e-12)
    assert all(torch.allclose(before[1][name], after[1][name], atol=1e-9) for name in NAMES)


def test_none_at_all():
    rendering = render(cloud(0), looking(2), [0, 1], torch.tensor([0.1, 0.2, 0.3]))
    assert torch.allclose(rendering.colour, torch.tensor([0.1, 0.2, 0.3]).double().expand(2, 24, 32, 3))
    assert (rendering.alpha == 0).all() and (rendering.depth == 0).all()


def bad(name, value):
    """One more splat, right before the camera, that has one impossible number."""
    splat = Splats.of_colours(torch.tensor([[0, 0, 2.0]]), torch.tensor([0.3]), torch.ones(1, 3), 0.9).to(torch.float64)
    part = getattr(splat, name).clone()
    part.view(-1)[0] = value
    return replace(splat, **{name: part})


UNSEEN = [
    *((name, value) for name in NAMES for value in (float("nan"), float("inf"))),
    *[("log_scales", 30.0), ("log_scales", 500.0), ("logits", -50.0)],
]


@pytest.mark.parametrize("name, value", UNSEEN)
def test_a_splat_that_cannot_be_painted_is_left_out(name, value):
    good, cameras = cloud(30), looking()
    both = joined([good, bad(name, value)])
    assert torch.equal(render(both, cameras, [0]).colour, render(good, cameras, [0]).colour)
    for part in gradients(both, cameras).values():
        assert torch.isfinite(part).all() and (part[-1] == 0).all()


@pytest.mark.parametrize("depth", [-2.0, 0.0, 1e-3])
def test_a_splat_behind_the_camera_is_left_out(depth):
    one = Splats.of_colours(torch.tensor([[0, 0, depth]]), torch.tensor([0.3]), torch.ones(1, 3), 0.9)
    assert (render(one, looking(), [0]).alpha == 0).all()


@pytest.mark.parametrize("place", [(0, 0, 0.02), (50, 0, 0.02), (1e20, 0, 1), (0, 0, 1e20)])
@pytest.mark.parametrize("spread", [-40.0, 0.0, 9.0])
def test_extreme_places_and_sizes_give_numbers(place, spread):
    one = Splats.of_colours(torch.tensor([place], dtype=torch.float32), torch.ones(1), torch.ones(1, 3), 0.9)
    one = replace(one, log_scales=torch.full((1, 3), spread))
    rendering = render(one, looking(), [0])
    assert all(torch.isfinite(part).all() for part in (rendering.colour, rendering.depth, rendering.alpha))
    tree = {name: part.clone().requires_grad_() for name, part in one.tree.items()}
    for found in torch.autograd.grad(render(Splats(**tree), looking(), [0]).colour.sum(), list(tree.values())):
        assert torch.isfinite(found).all()


def test_a_rotation_of_any_length():
    splats, cameras = cloud(10), looking()
    longer = replace(splats, rotations=-7 * splats.rotations)
    assert torch.allclose(render(longer, cameras, [0]).colour, render(splats, cameras, [0]).colour, atol=1e-12)


def test_the_nearest_opaque_splat_hides_the_others():
    places, colours = torch.tensor([[0, 0, 3.0], [0, 0, 2.0], [0, 0, 5.0]]), torch.eye(3)
    rendering = render(Splats.of_colours(places, torch.full((3,), 2.0), colours, 1.0), looking(), [0])
    middle = rendering.colour[0, 12, 16]
    assert middle[1] > 0.98 and middle[0] < 0.011 and abs(rendering.depth[0, 12, 16] - 2) < 0.02


SHAPES = {"positions": (4, 2), "log_scales": (5, 3), "rotations": (4, 3), "logits": (4, 1), "harmonics": (4, 1, 4)}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_do_not_belong_together(name):
    with pytest.raises(ValueError, match=rf"splats: got {name} of shape {re.escape(str(SHAPES[name]))}, expected"):
        replace(cloud(4), **{name: torch.zeros(SHAPES[name])})


def test_a_number_of_harmonics_that_no_degree_has():
    with pytest.raises(ValueError, match="got 5 spherical harmonics, expected 1, 4, 9 or 16"):
        replace(cloud(4), harmonics=torch.zeros(4, 5, 3))


def test_a_few_thousand_splats_take_about_a_second():
    """0.2 seconds on a core of 2024; the limit leaves room for a machine that does other things as well."""
    splats = cloud(3000, dtype=torch.float32)
    tree = {name: part.clone().requires_grad_() for name, part in splats.tree.items()}
    begun = time.process_time()
    render(Splats(**tree), looking(1, 128, 128), [0]).colour.sum().backward()
    assert time.process_time() - begun < 4
