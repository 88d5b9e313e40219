"""Views of rectangles in space, whose pictures and depths are computed ray by ray."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from collaborative_score_distillation.csd.correspondence import Sight, cells, pairs_among, pull
from collaborative_score_distillation.csd.geometry import Cameras, Geometry

SIZE = (48, 64)


@dataclass(frozen=True)
class Rectangle:
    """A textured rectangle: its centre, and half its edges as vectors."""

    centre: tuple
    right: tuple
    down: tuple

    def hit(self, start: Tensor, rays: Tensor) -> Tensor:
        """How many `rays` [..., 3] it takes from `start` [3] to get here, inf where they miss."""
        centre, right, down = (torch.tensor(v, dtype=torch.float64) for v in (self.centre, self.right, self.down))
        normal = torch.linalg.cross(right, down)
        t = ((centre - start) @ normal) / (rays @ normal)
        local = start + t[..., None] * rays - centre
        on = [(local @ edge).abs() <= edge @ edge for edge in (right, down)]
        return torch.where(on[0] & on[1] & (t > 0), t, math.inf)


WALL = Rectangle((0, 0, 3), (6, 0, 0), (0, 4, 0))
BOARD = Rectangle((0.2, 0.1, 0), (0.9, 0, 0.5), (0, 0.7, 0))
FLOOR = Rectangle((0, 1.2, 0), (4, 0, 0), (0, 0, 4))
SCENE = (WALL, BOARD, FLOOR)


def texture(points: Tensor) -> Tensor:
    """Three smooth waves through space, [..., 3] -> [3, ...]."""
    x, y, z = points.unbind(-1)
    return torch.stack([torch.sin(2 * x + y), torch.cos(x - 2 * z), torch.sin(1.5 * y + z + 1)])


def looking(start, target=(0.0, 0.0, 0.5)) -> Tensor:
    """Camera to world of a camera at `start` that looks at `target`, y pointing down."""
    start, target = (torch.tensor(v, dtype=torch.float64) for v in (start, target))
    forward = torch.nn.functional.normalize(target - start, dim=0)
    right = torch.nn.functional.normalize(
        torch.linalg.cross(torch.tensor([0.0, 1, 0], dtype=torch.float64), forward), dim=0
    )
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3] = torch.stack([right, torch.linalg.cross(forward, right), forward, start], 1)
    return pose


def ring(count=6, arc=1.2, radius=4.0) -> Cameras:
    angles = [arc * (k / max(count - 1, 1) - 0.5) for k in range(count)]
    poses = torch.stack([looking((radius * math.sin(a), -0.3, -radius * math.cos(a))) for a in angles])
    intrinsics = torch.tensor([[60.0, 0, 33.0], [0, 58.0, 23.0], [0, 0, 1]]).expand(count, 3, 3)
    return Cameras(intrinsics, poses, SIZE)


def cast(cameras: Cameras, view: int, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What view sees at pixels [..., 2]: depth, which rectangle, point in space."""
    K, pose = cameras.intrinsics[view].double(), cameras.camera_to_world[view].double()
    x, y = ((place.double() + 0.5).unbind(-1)[k] - K[k, 2] for k in (0, 1))
    rays = torch.stack([x / K[0, 0], y / K[1, 1], torch.ones_like(x)], -1) @ pose[:3, :3].T
    depth, which = torch.stack([shape.hit(pose[:3, 3], rays) for shape in SCENE]).min(0)
    return depth, which, pose[:3, 3] + depth[..., None] * rays


@dataclass(frozen=True)
class Shot:
    cameras: Cameras
    depth: Tensor
    pictures: Tensor
    points: Tensor

    @property
    def count(self):
        return self.cameras.count


@pytest.fixture(scope="module")
def shot() -> Shot:
    cameras = ring()
    seen = [cast(cameras, view, cells(SIZE)) for view in range(cameras.count)]
    pictures = torch.stack([texture(points).float() for _, _, points in seen])
    depth = torch.stack([depth.float() for depth, _, _ in seen])
    return Shot(cameras, depth, pictures.nan_to_num(), torch.stack([points for _, _, points in seen]))


@pytest.fixture(scope="module")
def looked(shot):
    geometry = Geometry(shot.cameras, shot.depth)
    pairs = pairs_among(geometry, range(shot.count))
    return pairs, geometry.look(pairs, SIZE)


def test_the_scene_shows_all_there_is_to_test(shot):
    """Every rectangle is in every view, and so is a piece of sky."""
    for view in range(shot.count):
        which = cast(shot.cameras, view, cells(SIZE))[1]
        assert all((which == k).sum() > 50 for k in range(len(SCENE)))
        assert torch.isinf(shot.depth[view]).any() or view not in (0, shot.count - 1)


def test_places_are_the_projections_of_the_points(shot, looked):
    pairs, sight = looked
    for (i, j), place, valid in zip(pairs.tolist(), sight.place, sight.valid):
        world = torch.cat([shot.points[i], torch.ones(*SIZE, 1, dtype=torch.float64)], -1)
        local = (world @ torch.linalg.inv(shot.cameras.camera_to_world[j]).T)[..., :3]
        image = local @ shot.cameras.intrinsics[j].double().T
        expected = image[..., :2] / image[..., 2:] - 0.5
        assert (place.double() - expected)[valid > 0].abs().max() < 0.02


def smooth(shot: Shot, view: int, place: Tensor) -> Tensor:
    """Whether all four pixels around a place show the same rectangle: at its edge a pixel cannot tell."""
    corners = [place.floor() + torch.tensor(step) for step in ((0, 0), (0, 1), (1, 0), (1, 1))]
    seen = [cast(shot.cameras, view, corner) for corner in corners]
    which = [torch.where(torch.isfinite(depth), which, -1) for depth, which, _ in seen]
    return (which[0] == which[1]) & (which[0] == which[2]) & (which[0] == which[3])


def test_partners_show_what_a_view_shows(shot, looked):
    pairs, sight = looked
    error = (pull(shot.pictures[pairs[:, 1]], sight) - shot.pictures[pairs[:, 0]]).abs().amax(1)
    inner = torch.stack([smooth(shot, j, place) for j, place in zip(pairs[:, 1].tolist(), sight.place)])
    assert sight.valid.mean() > 0.4
    seen = error[(sight.valid > 0) & inner]
    assert seen.mean() < 0.01 and seen.quantile(0.95) < 0.03  # what interpolating the far floor costs
    assert error[sight.valid == 0].mean() > 0.1


def test_what_is_hidden_is_not_valid(shot, looked):
    """Against rays: valid is to say that j's ray at the place meets the very point that i sees."""
    pairs, sight = looked
    wrongly, missed, hidden = 0, 0, 0
    for (i, j), place, valid in zip(pairs.tolist(), sight.place, sight.valid):
        _, _, met = cast(shot.cameras, j, place)
        known = torch.isfinite(shot.depth[i])
        x, y = place.unbind(-1)
        framed = known & (x > -0.5) & (x < SIZE[1] - 0.5) & (y > -0.5) & (y < SIZE[0] - 0.5)
        gap = torch.linalg.norm((met - shot.points[i]).nan_to_num(99.0, 99.0, 99.0), dim=-1)
        inner = smooth(shot, j, place)
        hidden += (framed & inner & (gap > 0.3)).sum()
        wrongly += ((valid > 0) & inner & ~(framed & (gap < 0.3))).sum()
        missed += ((valid == 0) & inner & framed & (gap < 0.03)).sum()
    assert hidden > 2000
    assert wrongly < 0.001 * hidden
    assert missed < 0.01 * sight.valid.sum()


def test_a_floor_seen_at_a_grazing_angle_stays_valid():
    """Its depth changes by far more than the tolerance from one pixel to the next."""
    poses = torch.stack([looking((x, 0.9, -3.0), (x, 0.95, 3.0)) for x in (0.0, 0.1)])
    cameras = Cameras(ring(2).intrinsics, poses, SIZE)
    seen = [cast(cameras, view, cells(SIZE)) for view in (0, 1)]
    on_floor = [(which == SCENE.index(FLOOR)) & torch.isfinite(depth) for depth, which, _ in seen]
    depth = torch.stack([torch.where(floor, d, 0).float() for floor, (d, _, _) in zip(on_floor, seen)])
    rows = depth[0, :, 32]
    assert ((rows[:-1] / rows[1:] - 1)[rows[:-1] > 0] > 0.03).any()
    valid = Geometry(cameras, depth).look(torch.tensor([[0, 1]]), SIZE).valid[0]
    assert valid[on_floor[0]][:].mean() > 0.9


@pytest.mark.parametrize("size", [(6, 8), (12, 16), (72, 96), (10, 7)], ids=str)
def test_any_grid_sees_the_same_places(shot, looked, size):
    pairs, native = looked[0][:10], Sight(*(part[:10] for part in looked[1]))
    sight = Geometry(shot.cameras, shot.depth).look(pairs, size)
    assert sight.place.shape == (len(pairs), *size, 2) and sight.valid.shape == (len(pairs), *size)
    picked = ((cells(size) + 0.5) * torch.tensor([SIZE[1] / size[1], SIZE[0] / size[0]])).long()
    both = (sight.valid > 0) & (native.valid[:, picked[..., 1], picked[..., 0]] > 0)
    scaled = (sight.place + 0.5) * torch.tensor([SIZE[1] / size[1], SIZE[0] / size[0]])
    near = native.place[:, picked[..., 1], picked[..., 0]] + 0.5
    assert both.float().mean() > 0.3
    assert (scaled - near)[both].abs().quantile(0.9) < 1.5


def test_what_a_mask_leaves_out_is_neither_seen_nor_looked_from(shot):
    masks = torch.ones(shot.count, *SIZE)
    masks[1, :, :30] = 0
    full = Geometry(shot.cameras, shot.depth)
    masked = Geometry(shot.cameras, shot.depth, masks)
    pairs = torch.tensor([[1, 2], [2, 1], [2, 3]])
    before, after = full.look(pairs, SIZE), masked.look(pairs, SIZE)
    assert (after.valid[0, :, :30] == 0).all() and torch.equal(after.valid[0, :, 30:], before.valid[0, :, 30:])
    left = before.place[1, ..., 0] < 29.4
    assert before.valid[1][left].any() and not after.valid[1][left].any()
    assert torch.equal(after.valid[2], before.valid[2])


@pytest.mark.parametrize("unknown", [0.0, math.inf, -1.0, math.nan])
def test_unknown_depth_is_not_valid(shot, unknown):
    depth = shot.depth.clone()
    depth[0, :20] = unknown
    sight = Geometry(shot.cameras, depth).look(torch.tensor([[0, 1], [1, 0]]), SIZE)
    assert not sight.valid[0, :20].any() and sight.valid[0, 20:].any()
    onto = sight.place[1, ..., 1] < 19.4
    assert not sight.valid[1][onto].any()
    assert torch.isfinite(sight.place).all()


def test_what_lies_behind_a_camera_is_not_valid():
    """The second camera looks the other way; what it would see mirrored through its centre does not count."""
    poses = torch.stack([looking((0, 0, 0), (0, 0, 1)), looking((0, 0, 0), (0, 0, -1))])
    cameras = Cameras(ring(2).intrinsics, poses, SIZE)
    sight = Geometry(cameras, torch.full((2, *SIZE), 2.0)).look(torch.tensor([[0, 1], [1, 0]]), SIZE)
    assert not sight.valid.any()


def test_the_same_camera_sees_everything_in_place(shot):
    twice = Cameras(shot.cameras.intrinsics[:1].repeat(2, 1, 1), shot.cameras.camera_to_world[:1].repeat(2, 1, 1), SIZE)
    sight = Geometry(twice, shot.depth[:1].repeat(2, 1, 1)).look(torch.tensor([[0, 1]]), SIZE)
    known = torch.isfinite(shot.depth[0])
    assert torch.equal(sight.valid[0] > 0, known)
    assert torch.allclose(sight.place[0][known], cells(SIZE)[known], atol=1e-3)


def test_partners_are_the_nearest_views_first(shot):
    assert Geometry(shot.cameras, shot.depth).partners(0) == [1, 2, 3, 4, 5]
    assert Geometry(shot.cameras, shot.depth, neighbours=2).partners(3) in ([2, 4], [4, 2])


def test_the_order_of_views_makes_no_difference(shot, looked):
    pairs, sight = looked
    order = [4, 0, 5, 2, 1, 3]
    cameras = Cameras(shot.cameras.intrinsics[order], shot.cameras.camera_to_world[order], SIZE)
    turned = Geometry(cameras, shot.depth[order])
    straight = Geometry(shot.cameras, shot.depth)
    for i in range(shot.count):
        assert [order[j] for j in turned.partners(i)] == list(straight.partners(order[i]))
    place = {new: old for old, new in enumerate(order)}
    again = turned.look(torch.tensor([[place[i], place[j]] for i, j in pairs.tolist()]), SIZE)
    assert torch.equal(again.place, sight.place) and torch.equal(again.valid, sight.valid)


def test_intrinsics_belong_to_their_view(shot):
    """A view with twice the focal length sees the same things twice as far from its principal point."""
    intrinsics = shot.cameras.intrinsics[:1].repeat(2, 1, 1)
    intrinsics[1, :2, :2] *= 2
    cameras = Cameras(intrinsics, shot.cameras.camera_to_world[:1].repeat(2, 1, 1), SIZE)
    place = Geometry(cameras, torch.full((2, *SIZE), 2.0)).look(torch.tensor([[0, 1]]), SIZE).place[0]
    middle = torch.tensor([32.5, 22.5])
    assert torch.allclose(place - middle, 2 * (cells(SIZE) - middle), atol=1e-3)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"intrinsics": torch.eye(3)[None].repeat(2, 1, 1)}, r"expected \[N, 3, 3\] and \[N, 4, 4\]"),
        ({"camera_to_world": torch.eye(4)[None].repeat(6, 1, 1) * 2}, "expected a rotation"),
        ({"camera_to_world": torch.full((6, 4, 4), math.nan)}, "not finite"),
    ],
    ids=["count", "scaled", "not finite"],
)
def test_impossible_cameras_are_refused(change, message):
    fields = {"intrinsics": ring().intrinsics, "camera_to_world": ring().camera_to_world, "size": SIZE}
    with pytest.raises(ValueError, match=message):
        Cameras(**{**fields, **change})


@pytest.mark.parametrize(
    "change, message",
    [
        ({"depth": torch.ones(5, *SIZE)}, "got depth"),
        ({"masks": torch.ones(6, 4, 4)}, "got masks"),
        ({"depth": torch.zeros(6, *SIZE)}, "no depth at all"),
        ({"neighbours": 0}, "got 0 neighbours"),
    ],
    ids=["depth", "masks", "unknown", "neighbours"],
)
def test_impossible_geometries_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Geometry(**{"cameras": ring(), "depth": torch.ones(6, *SIZE), **change})
