"""Cameras from and to the host's 3D nodes: both renderers show a splat at the same place."""

import math
from dataclasses import replace

import pytest
import torch

SIZES = [(96, 64), (64, 96), (80, 80)]
POSITION, TARGET = (2.0, 1.5, 3.0), (0.2, -0.1, 0.3)
PLACES = [(0.5, 0.2, 0.1), (-0.4, -0.3, 0.6), (0.0, 0.5, -0.4)]  # where y is up


def xyz(vector):
    return dict(zip("xyz", vector))


def camera(**changes):
    info = {"position": xyz(POSITION), "target": xyz(TARGET), "fov": 40.0, "zoom": 1.0, "cameraType": "perspective"}
    return info | changes


@pytest.fixture(scope="module")
def dot(host):
    """One white splat at a place where y is up."""
    splats = host.module("splats.splats").Splats
    upright, hand_on = host.module("splats.upright"), host.module("host.splats").handed_on

    def make(place):
        one = splats.of_colours(torch.tensor([place]), torch.tensor([0.06]), torch.ones(1, 3), 0.99)
        return hand_on(upright.turned(one))

    return make


@pytest.fixture
def views(host):
    def make(width=96, height=64, count=1, angle=0.0, **wires):
        return host.run("CSDViewsFromCamera", width=width, height=height, count=count, angle=angle, **wires)[0]

    return make


def ours(host, splat, views):
    return host.run("CSDRenderSplats", splat=splat, views=views, frames=0, background=0.0)[2]


def theirs(host, splat, info, width, height, frames=1):
    if "RenderSplat" not in host.nodes.NODE_CLASS_MAPPINGS:
        pytest.skip("this ComfyUI has no node that renders splats")
    widgets = {**host.widgets("RenderSplat"), "width": width, "height": height, "frames": frames}
    return host.run("RenderSplat", splat=splat, camera_info=info, **widgets)[1]


def middle(picture):
    """Where the light of a picture [H, W] is, in pixels (x, y)."""
    y, x = torch.meshgrid(*(torch.arange(side) + 0.5 for side in picture.shape), indexing="ij")
    assert picture.max() > 0.5
    return torch.stack([(part * picture).sum() for part in (x, y)]) / picture.sum()


def apart(one, other):
    """Pixels from a splat in our picture to that in the host's, where whole numbers are centres of pixels."""
    return float((middle(one) - middle(other) + 0.5).norm())


QUATERNIONS = [None, {"x": -0.15, "y": 0.3, "z": 0.1, "w": 0.93}]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("quaternion", QUATERNIONS)
def test_both_renderers_agree_on_a_camera_of_the_host(host, views, dot, place, size, quaternion):
    info = camera(quaternion=quaternion, zoom=0.8)
    splat = dot(place)
    assert apart(ours(host, splat, views(*size, camera_info=info))[0], theirs(host, splat, info, *size)[0]) < 0.2


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", [1, 3])
def test_both_renderers_agree_on_a_camera_of_ours(host, views, dot, place, number):
    splat = dot(place)
    seen = views(count=3, angle=90.0, camera_info=camera())
    (info,) = host.run("CSDCameraOfView", views=seen, number=number)
    assert apart(ours(host, splat, seen)[number - 1], theirs(host, splat, info, 96, 64)[0]) < 0.2


def test_once_around_is_the_turntable_of_the_host(host, views, dot):
    splat = dot(PLACES[0])
    (info,) = host.run("CSDCameraOfView", views=views(camera_info=camera()), number=1)
    info |= {"target": xyz(TARGET)}
    turntable = theirs(host, splat, info, 96, 64, frames=5)
    for one, other in zip(ours(host, splat, views(count=5, angle=360.0, camera_info=info)), turntable, strict=True):
        assert apart(one, other) < 0.2


def test_the_target_is_in_the_middle_and_up_is_up(host, views, dot):
    seen = views(count=3, angle=120.0, camera_info=camera())
    for picture, above in zip(ours(host, dot(TARGET), seen), ours(host, dot((0.2, 0.3, 0.3)), seen), strict=True):
        assert torch.allclose(middle(picture), torch.tensor([48.0, 32.0]), atol=0.5)
        assert middle(above)[1] < 28


@pytest.mark.parametrize("quaternion", QUATERNIONS)
def test_there_and_back(host, views, quaternion):
    """A camera becomes a view, and that the same camera again."""
    info = camera(quaternion=quaternion, zoom=2.0)
    seen = views(count=1, camera_info=info)
    (again,) = host.run("CSDCameraOfView", views=seen, number=1)
    assert again["position"] == pytest.approx(info["position"], abs=1e-5) and again["zoom"] == 1.0
    assert math.tan(math.radians(again["fov"] / 2)) == pytest.approx(math.tan(math.radians(20)) / 2, rel=1e-4)
    poses = views(count=1, camera_info=again).cameras.camera_to_world
    assert torch.allclose(poses, seen.cameras.camera_to_world, atol=1e-5)


def test_the_target_is_what_all_views_look_at(host, views):
    seen = views(count=4, angle=180.0, camera_info=camera())
    for number in range(1, 5):
        (info,) = host.run("CSDCameraOfView", views=seen, number=number)
        assert list(info["target"].values()) == pytest.approx(TARGET, abs=1e-4)


class TestArc:
    def test_the_camera_that_is_given_is_in_the_middle(self, views):
        alone, arc = (views(count=count, angle=60.0, camera_info=camera()).cameras for count in (1, 5))
        assert torch.allclose(arc.camera_to_world[2], alone.camera_to_world[0], atol=1e-6)
        first, last = arc.directions[0] * torch.tensor([1.0, 0, 1]), arc.directions[-1] * torch.tensor([1.0, 0, 1])
        assert torch.arccos(torch.nn.functional.cosine_similarity(first, last, 0)) == pytest.approx(math.radians(60))

    def test_the_first_is_at_the_left(self, views):
        """Seen from the camera in the middle."""
        pose = views(count=1, camera_info=camera()).cameras.camera_to_world[0]
        first, last = views(count=2, angle=40.0, camera_info=camera()).cameras.centres
        assert (first - pose[:3, 3]) @ pose[:3, 0] < 0 < (last - pose[:3, 3]) @ pose[:3, 0]

    def test_once_around(self, views):
        arc = views(count=4, angle=360.0, camera_info=camera()).cameras
        sideways = arc.directions[:, [0, 2]]
        assert torch.allclose(sideways[0], -sideways[2], atol=1e-5) and abs(sideways[0] @ sideways[1]) < 1e-5
        assert torch.allclose(arc.camera_to_world[0], views(camera_info=camera()).cameras.camera_to_world[0], atol=1e-6)


def test_older_cameras_without_fov_and_quaternion(views):
    """As 0.3.75 gives them."""
    old = {"position": xyz(POSITION), "target": xyz(TARGET), "zoom": 1, "cameraType": "perspective"}
    new = camera(fov=35.0)
    assert torch.equal(views(camera_info=old).cameras.intrinsics, views(camera_info=new).cameras.intrinsics)


def test_straight_down(views):
    pose = views(camera_info=camera(position=xyz((0.2, 5.0, 0.3)))).cameras.camera_to_world[0]
    assert torch.allclose(pose[:3, 2], torch.tensor([0.0, 1.0, 0.0]), atol=1e-6) and torch.isfinite(pose).all()


def test_a_scene_without_a_camera(host, views):
    """Cameras before the scene look at its middle and see nearly all of it, upright."""
    ball = host.module("splats.around").cloud(400, 0)
    moved = replace(ball, positions=ball.positions + torch.tensor([3.0, 1.0, -2.0]))
    splat = host.module("host.splats").handed_on(moved)
    seen = views(width=96, height=64, count=3, angle=20.0, splat=splat)
    assert (seen.cameras.camera_to_world[:, 1, 1] > 0.9).all() and (seen.cameras.directions[:, 2] > 0.8).all()
    for alpha in ours(host, splat, seen):
        assert torch.allclose(middle(alpha), torch.tensor([48.0, 32.0]), atol=2)
        inside = (alpha > 0.3).nonzero()
        assert 45 < inside[:, 0].max() - inside[:, 0].min() < 60


def test_a_scene_from_a_file_can_be_edited_from_an_arc(host, views):
    """The rendered views have the pictures and the depth that an edit along their correspondence takes."""
    painted, shown = host.run("CSDDemoViews", seed=1_000_000, look="summer", count=3, width=96, height=64)
    fit = {"every": 2, "degree": 0, "steps": 0, "views_per_step": 1, "rate": 0.2, "seed": 0, "most": 0}
    splat, _ = host.run("CSDSplatsFromViews", images=painted, views=shown, **fit)
    (file,) = host.run("CSDSaveSplats", splat=splat, name="without cameras")
    (loaded,) = host.run("CSDLoadSplats", file=file)
    (info,) = host.run("CSDCameraOfView", views=shown, number=2)
    arc = views(count=4, angle=10.0, camera_info=info)
    images, rendered, _ = host.run("CSDRenderSplats", splat=loaded, views=arc, frames=0, background=0.0)
    (shared,) = host.run("CSDViewCorrespondence", views=rendered, neighbours=0)
    assert images.shape == (4, 64, 96, 3) and shared.look(torch.tensor([[0, 1], [1, 2]]), (16, 24)).valid.mean() > 0.5
    before, again = (
        host.run("CSDRenderSplats", splat=loaded, views=of, frames=0, background=0.0)[0]
        for of in (shown, views(camera_info=info))
    )
    assert (again[0] - before[1]).abs().mean() < 0.01


def test_a_scene_of_nothing(host, views):
    splat = host.module("host.splats").handed_on(host.module("splats.around").cloud(3, 0))
    splat.positions[:] = math.nan
    with pytest.raises(ValueError, match="CSD Views from Camera: splat: got no splats with finite numbers; look"):
        views(splat=splat)


WRONG = [
    ({"position": None}, "got nothing as position, expected finite numbers x, y, z; connect the camera_info"),
    ({"position": {"x": 1, "y": 2}}, "as position, expected finite numbers x, y, z"),
    ({"position": xyz((math.nan, 0, 0))}, "as position, expected finite numbers"),
    ({"position": xyz((10**400, 0, 0))}, "as position, expected finite numbers"),
    ({"target": torch.zeros(3)}, "got a Tensor as target, expected finite numbers"),
    ({"target": xyz(POSITION)}, "got the place of the target as position, expected another place; move"),
    ({"quaternion": {"x": 0, "y": 0, "z": 0, "w": 0}}, "got zeros as quaternion, expected one of length 1"),
    ({"quaternion": torch.ones(4)}, "got a Tensor as quaternion, expected finite numbers w, x, y, z"),
    ({"fov": 180.0}, "got 180.0 as fov, expected a number from 0.1 to 179"),
    ({"fov": "wide"}, "got wide as fov, expected a number"),
    ({"zoom": 0}, "got 0 as zoom, expected a number from 0.001 to 1000"),
    ({"cameraType": "orthographic"}, "got orthographic as cameraType, expected perspective; switch"),
    ({"cameraType": torch.zeros(2)}, "got a Tensor as cameraType, expected perspective"),
]


@pytest.mark.parametrize("changes, message", WRONG)
def test_what_is_no_camera(views, changes, message):
    with pytest.raises(ValueError, match=f"CSD Views from Camera: camera_info: .*{message}"):
        views(camera_info=camera(**changes))


def test_links_that_bring_no_camera(views):
    with pytest.raises(ValueError, match="CSD Views from Camera: got neither camera_info nor splat"):
        views()
    with pytest.raises(ValueError, match="CSD Views from Camera: camera_info: got 3, expected a LOAD3D_CAMERA"):
        views(camera_info=3)


def test_a_view_that_is_not_there(host, views):
    with pytest.raises(ValueError, match="CSD Camera of View: number: got 4, expected 1 to 3"):
        host.run("CSDCameraOfView", views=views(count=3, camera_info=camera()), number=4)
