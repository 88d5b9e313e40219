"""Views out of what Depth Anything 3 makes of pictures: the right cameras, and links that bring others."""

import math

import pytest
import torch

from . import depth_anything_model

VIEWS = {"seed": 1_000_000, "look": "summer", "count": 3, "width": 92, "height": 68}
WIDGETS = {"longest_side": 0, "multiple": 1, "confidence_threshold": 0.0}
WORKED_AT = (70, 98)  # multiples of 14, and not of the pictures' proportions


@pytest.fixture(scope="module")
def painted(host):
    return host.run("CSDDemoViews", **VIEWS)


def described(images, cameras, depth, worked_at=WORKED_AT) -> dict:
    """What Run Depth Anything 3 would say of views if it knew them exactly."""
    (height, width), (rows, columns) = cameras.size, worked_at
    scale = torch.diag(torch.tensor([columns / width, rows / height, 1.0]))
    return {
        "image": images,
        "depth": depth,
        "mode": "multiview",
        "extrinsics": torch.linalg.inv(cameras.camera_to_world)[None, :, :3],
        "intrinsics": (scale @ cameras.intrinsics)[None],
    }


@pytest.fixture
def geometry(painted):
    return described(painted[0], painted[1].cameras, painted[1].depth)


@pytest.fixture
def views(host):
    return lambda geometry, **changes: host.run("CSDViewsFromDA3", da3_geometry=geometry, **(WIDGETS | changes))


@pytest.mark.parametrize("worked_at", [WORKED_AT, (42, 56), (378, 504)])
def test_the_cameras_are_those_of_the_views(painted, views, worked_at):
    images, found = views(described(painted[0], painted[1].cameras, painted[1].depth, worked_at))
    true = painted[1].cameras
    assert torch.equal(images, painted[0]) and torch.equal(found.depth, painted[1].depth)
    assert torch.allclose(found.cameras.intrinsics, true.intrinsics.double(), atol=1e-3)
    assert torch.allclose(found.cameras.camera_to_world, true.camera_to_world, atol=1e-5)
    assert found.names == ("view_001", "view_002", "view_003") and found.folder is None


def test_square_matrices_and_a_principal_point_beside_the_middle(painted, views, geometry):
    """As the other way of finding poses gives it."""
    last = torch.tensor([0, 0, 0, 1.0]).expand(1, 3, 1, 4)
    geometry["extrinsics"] = torch.cat([geometry["extrinsics"], last], 2)
    geometry["intrinsics"][0, :, :2, 2] *= 0.97
    found = views(geometry)[1].cameras
    assert torch.allclose(found.camera_to_world, painted[1].cameras.camera_to_world, atol=1e-5)
    assert torch.allclose(found.intrinsics[:, 0, 0].float(), painted[1].cameras.intrinsics[:, 0, 0])
    assert found.intrinsics[0, 0, 2].item() == pytest.approx(0.97 * 46)


def test_only_numbers_of_a_pinhole_camera_are_taken(painted, views, geometry):
    geometry["intrinsics"][0, :, [0, 1, 2, 2, 2], [1, 0, 0, 1, 2]] = 0.0
    geometry["intrinsics"][0, 0, 0, 1] = 7.0
    found = views(geometry)[1].cameras
    assert torch.allclose(found.intrinsics, painted[1].cameras.intrinsics.double(), atol=1e-3)


def test_poses_in_half_precision(painted, views, geometry):
    geometry["extrinsics"] = geometry["extrinsics"].bfloat16()
    turns = views(geometry)[1].cameras.camera_to_world[:, :3, :3]
    assert torch.allclose(turns @ turns.mT, torch.eye(3).expand(3, 3, 3), atol=1e-6)
    assert torch.allclose(turns, painted[1].cameras.camera_to_world[:, :3, :3], atol=0.02)


@pytest.mark.parametrize("longest, multiple, size", [(0, 8, (64, 88)), (46, 8, (32, 40)), (0, 16, (64, 80))])
def test_cut_and_scaled_views_show_the_same_points(painted, views, geometry, longest, multiple, size):
    """A point of the scene is where it was, less what was cut off, and scaled."""
    images, found = views(geometry, longest_side=longest, multiple=multiple)
    assert images.shape == (3, *size, 3) and found.depth.shape == (3, *size) and found.size == size
    scale = 0.5 if longest else 1.0
    cut = [(round(scale * side) - kept) // 2 + (round(scale * side) - kept) % 2 for side, kept in zip((68, 92), size)]
    true, point = painted[1].cameras, torch.tensor([[[[0.1, 0.2, 3.0]]]])
    before, after = (of.project(torch.tensor([0]), point)[0][0, 0, 0] + 0.5 for of in (true, found.cameras))
    assert torch.allclose(after, scale * before - torch.tensor([cut[1], cut[0]]), atol=0.01)


def test_they_fit_the_nodes_for_views(host, painted, views, geometry):
    """Correspondence, splats, pictures of these, and a folder."""
    images, found = views(geometry, multiple=8)
    (shared,) = host.run("CSDViewCorrespondence", views=found, neighbours=0)
    assert shared.look(torch.tensor([[0, 1]]), (32, 44)).valid.mean() > 0.5
    fit = {"every": 2, "degree": 0, "steps": 20, "views_per_step": 1, "rate": 0.2, "seed": 0, "most": 0}
    splat, _ = host.run("CSDSplatsFromViews", images=images, views=found, **fit)
    shown = host.run("CSDRenderSplats", splat=splat, views=found, frames=0, background=0.0)[0]
    assert -10 * math.log10(float((shown - images).square().mean())) > 28
    (folder,) = host.run("CSDViewSetSave", images=images, views=found, name="estimated")
    again = host.run("CSDViewSetLoad", folder=folder, longest_side=0, multiple=8, depth_unit=0.001)[1]
    assert torch.allclose(again.cameras.intrinsics, found.cameras.intrinsics)


def test_depth_that_is_not_to_be_trusted(views, geometry):
    geometry["confidence"] = torch.linspace(1, 3, 92).expand(3, 68, 92).clone()
    geometry["confidence"][1] = 5.0
    geometry["sky"] = torch.zeros(3, 68, 92)
    geometry["sky"][0, :10] = 0.9
    geometry["depth"] = geometry["depth"].clone()
    geometry["depth"][2, 5, 91], geometry["depth"][2, 6, 91] = math.nan, -1.0
    depth = views(geometry, confidence_threshold=0.5)[1].depth
    assert (depth[0, :, :45] == 0).all() and (depth[0, :10] == 0).all() and (depth[0, 10:, 47:] > 0).all()
    assert (depth[1] > 0).all() and depth[2, 5, 91] == depth[2, 6, 91] == 0 and depth[2, 7, 91] > 0
    everything = views(geometry)[1].depth
    assert (everything[2, :5] > 0).all() and (everything[0, :10] == 0).all()


def cut(name, *rows):
    return lambda geometry: {**geometry, name: geometry[name][rows]}


def put(**parts):
    return lambda geometry: {**geometry, **parts}


FAR = torch.tensor([[1e7, 0, 49], [0, 1e7, 35], [0, 0, 1]]).expand(1, 3, 3, 3)
WRONG = [
    (put(mode="mono"), "got 3 pictures in the mode mono, expected two or more in the mode multiview"),
    (put(mode=torch.zeros(3)), "expected two or more in the mode multiview"),
    (cut("image", slice(1)), "got 1 pictures in the mode multiview, expected two or more"),
    (put(image=None), "got no tensor of numbers as image, expected any x any x any x 3; connect Run Depth"),
    (cut("depth", slice(2)), "got depth of 2 x 68 x 92 numbers, expected 3 x 68 x 92"),
    (put(depth=torch.zeros(3, 68, 92)), "got no depth that counts; lower confidence_threshold"),
    (put(depth=torch.full((3, 68, 92), math.inf)), "got no depth that counts"),
    (put(depth="deep"), "got no tensor of numbers as depth"),
    (put(confidence=torch.ones(3, 2)), "got confidence of 3 x 2 numbers, expected 3 x 68 x 92"),
    (put(sky=7), "got no tensor of numbers as sky"),
    (put(extrinsics=None), "got no tensor of numbers as extrinsics, expected 1 x 3 x 3 x 4; connect Run Depth"),
    (put(extrinsics=torch.zeros(1, 3, 4, 5)), "got extrinsics of 1 x 3 x 4 x 5 numbers, expected 1 x 3 x 4 x 4"),
    (put(extrinsics=torch.full((1, 3, 3, 4), math.nan)), "got extrinsics with NaN or infinite numbers; run the model"),
    (put(extrinsics=2 * torch.eye(4).expand(1, 3, 4, 4)), "got extrinsics that scale, skew or mirror, expected poses"),
    (put(extrinsics=torch.diag(torch.tensor([1.0, 1, -1, 1])).expand(1, 3, 4, 4)), "got extrinsics that .* mirror"),
    (put(intrinsics=torch.eye(3).expand(1, 3, 3, 3)), "got intrinsics of no camera, expected estimated ones"),
    (put(intrinsics=FAR), "got focal lengths of .* sides of the picture; no camera was found. Try"),
    (put(intrinsics=torch.zeros(3, 3, dtype=torch.int64)), "got no tensor of numbers as intrinsics"),
]


@pytest.mark.parametrize("change, message", WRONG)
def test_what_is_no_geometry_of_views(views, geometry, change, message):
    with pytest.raises(ValueError, match=f"CSD Views from Depth Anything 3: da3_geometry: .*{message}"):
        views(change(geometry), confidence_threshold=0.1)


@pytest.mark.parametrize("link", [{}, 3, torch.zeros(2)])
def test_links_that_bring_something_else(views, link):
    with pytest.raises(ValueError, match="CSD Views from Depth Anything 3: da3_geometry: got"):
        views(link)


@pytest.mark.parametrize("size, resolution", [((90, 120), 140), ((61, 47), 154), ((128, 128), 182)])
def test_the_model_of_the_host(host, views, size, resolution):
    """Whatever size it works at: its cameras see the angles across the pictures that the model has said."""
    model = depth_anything_model.made(host)
    images = torch.rand(3, *size, 3, generator=torch.Generator().manual_seed(0))
    mode = {"mode": "multiview", "ref_view_strategy": "first", "pose_method": "cam_dec"}
    upper = {"resolution": resolution, "resize_method": "upper_bound_resize", "mode": mode}
    (geometry,) = host.run("DA3Inference", da3_model=model, image=images, **upper)
    pictures, found = views(geometry)
    assert torch.equal(pictures, images) and found.size == size
    lenses, (height, width) = found.cameras.intrinsics, size
    assert torch.allclose(lenses[:, :2, 2], torch.tensor([width / 2, height / 2]).double())
    angles = depth_anything_model.ANGLES
    for axis, side, angle in ((0, width, angles[1]), (1, height, angles[0])):
        assert torch.allclose(lenses[:, axis, axis] * 2 * math.tan(angle / 2), torch.tensor(side).double(), rtol=1e-3)
    inverse = torch.linalg.inv(found.cameras.camera_to_world.double())[None, :, :3]
    assert torch.allclose(inverse, geometry["extrinsics"].double(), atol=1e-4)
