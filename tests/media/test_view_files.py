"""Nerfstudio's layout: cameras, pictures, depth and masks in and out, and files that are wrong."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from collaborative_score_distillation.csd.geometry import Cameras
from collaborative_score_distillation.media import nerfstudio, transforms
from collaborative_score_distillation.media.view_set import Views
from collaborative_score_distillation.tests.nodes import view_sets


@pytest.fixture
def folder(tmp_path):
    return view_sets.write(tmp_path / "scene")


@pytest.fixture
def changed(tmp_path):
    """A set whose transforms.json was changed after it was written."""

    def make(change):
        folder = view_sets.write(tmp_path / "scene")
        data = json.loads((folder / "transforms.json").read_text())
        change(data)
        (folder / "transforms.json").write_text(json.dumps(data))
        return folder

    return make


def parsed(data):
    return transforms.parse(json.dumps(data).encode())


def seen_at(intrinsics, camera_to_world, point):
    """Pixel and depth of a world point: plain projection with OpenCV's axes."""
    x, y, z = (torch.linalg.inv(camera_to_world) @ torch.tensor([*point, 1.0], dtype=torch.float64))[:3].tolist()
    fx, fy, cx, cy = intrinsics[0, 0], intrinsics[1, 1], intrinsics[0, 2], intrinsics[1, 2]
    return (float(fx) * x / z + float(cx), float(fy) * y / z + float(cy), z)


# A camera at (3, 1, 0) that looks along -x with +y upwards has -z at its right: OpenGL's columns right, up, back.
ASIDE = [[0.0, 0.0, 1.0, 3.0], [0.0, 1.0, 0.0, 1.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
KNOWN = [
    (view_sets.pose(), (0.5, 0.25, -2.0), (20 + 30 * 0.25, 12 - 40 * 0.125, 2.0)),  # right and above the middle
    (view_sets.pose(1.0, 2.0, 3.0), (0.0, 2.0, 1.0), (20 - 30 * 0.5, 12.0, 2.0)),  # left of it
    (ASIDE, (1.0, 2.0, -0.5), (20 + 30 * 0.25, 12 - 40 * 0.5, 2.0)),
]


@pytest.mark.parametrize("matrix, point, expected", KNOWN)
def test_axes(matrix, point, expected):
    """Where a point is seen, worked out by hand: right is right, up is up, and depth grows away from the camera."""
    data = {"fl_x": 30, "fl_y": 40, "frames": [{"file_path": "a.png", "transform_matrix": matrix}]}
    found = seen_at(parsed(data).intrinsics((24, 40))[0], parsed(data).poses[0], point)
    assert found == pytest.approx(expected)


LENSES = [
    ({"fl_x": 30.0, "cx": 18.0, "cy": 11.0}, (30.0, 30.0, 18.0, 11.0)),
    ({"fl_y": 30.0}, (30.0, 30.0, 20.0, 12.0)),
    ({"camera_angle_x": math.pi / 2}, (20.0, 20.0, 20.0, 12.0)),
    ({"camera_angle_x": math.pi / 2, "camera_angle_y": math.pi / 2}, (20.0, 12.0, 20.0, 12.0)),
    ({"fl_x": 30, "camera_angle_x": 1.0}, (30.0, 30.0, 20.0, 12.0)),
]


@pytest.mark.parametrize("of_the_set", [True, False])
@pytest.mark.parametrize("lens, expected", LENSES)
def test_intrinsics(lens, expected, of_the_set):
    frame = {"file_path": "a.png", "transform_matrix": view_sets.pose()}
    data = {**lens, "frames": [frame]} if of_the_set else {"frames": [{**frame, **lens}]}
    K = parsed(data).intrinsics((24, 40))[0]
    assert (K[0, 0], K[1, 1], K[0, 2], K[1, 2]) == pytest.approx(expected)


def test_cameras_there_and_back():
    data = view_sets.described()
    data["frames"][1]["transform_matrix"] = ASIDE
    set_ = parsed(data)
    poses, intrinsics = set_.poses, set_.intrinsics((64, 64))
    again = parsed(transforms.composed(set_.names, poses, intrinsics, (64, 64)))
    assert torch.equal(again.poses, poses)
    assert torch.equal(again.intrinsics((64, 64)), intrinsics)


DISTORTED = [{"k1": 0.1}, {"p2": -0.01}, {"camera_model": "OPENCV_FISHEYE"}, {"is_fisheye": True}]


@pytest.mark.parametrize("lens", [*DISTORTED, {"distortion_params": [0, 0.1]}])
@pytest.mark.parametrize("of_the_set", [True, False])
def test_distortion_is_noticed(lens, of_the_set):
    data = view_sets.described()
    (data if of_the_set else data["frames"][2]).update(lens)
    assert parsed(data).distortion() and not parsed(view_sets.described()).distortion()


def test_pictures_as_they_are(folder):
    images, views = nerfstudio.read(folder, 0, 1)
    assert torch.equal(images[2], torch.from_numpy(view_sets.picture(2)) / 255)
    assert images.dtype == torch.float32 and views.size == (64, 64)
    assert views.names == tuple(f"images/frame_{i:02}.png" for i in range(4))
    assert torch.allclose(views.depth, torch.full((4, 64, 64), 2.0))
    assert torch.equal(views.masks[0, :, 0], (torch.arange(64) >= 32).float())


@pytest.mark.parametrize("suffix", [".png", ".npy", ".npz"])
def test_depth_files(tmp_path, suffix):
    folder = view_sets.write(tmp_path, view_sets.described(depth=suffix))
    assert torch.allclose(nerfstudio.read(folder, 0, 1)[1].depth, torch.full((4, 64, 64), 2.0))
    assert torch.allclose(nerfstudio.read(folder, 0, 1, 0.01)[1].depth, torch.full((4, 64, 64), 20.0))


def test_depth_of_a_scaled_scene(changed):
    """Where the poses were scaled, nerfstudio scales the depth with them."""
    folder = changed(lambda data: data.update(applied_scale=0.5))
    assert torch.allclose(nerfstudio.read(folder, 0, 1)[1].depth, torch.ones(4, 64, 64))


def test_unknown_depth_is_zero(tmp_path):
    folder = view_sets.write(tmp_path, view_sets.described(depth=".npy"))
    depth = np.full((64, 64), 2000.0)
    depth[0, :3] = [np.nan, np.inf, -5]
    np.save(folder / "depth" / "frame_01.npy", depth)
    assert nerfstudio.read(folder, 0, 1)[1].depth[1, 0, :4].tolist() == [0, 0, 0, 2]


@pytest.mark.parametrize(
    "height, width, longest", [(60, 100, 50), (100, 60, 50), (37, 91, 64), (91, 37, 40), (9, 9, 8)]
)
def test_scaling_keeps_the_aspect(tmp_path, height, width, longest):
    """The picture fills the frame's corner undistorted, and cameras and depth are those of the small picture."""
    folder = view_sets.write(tmp_path, height=height, width=width)
    images, views = nerfstudio.read(folder, longest, 8)
    scaled = views.framing.scaled
    assert max(scaled) == longest and all(side % 8 == 0 for side in views.size) and images.shape[1:3] == views.size
    assert abs(scaled[0] * width - scaled[1] * height) <= max(height, width) / 2 + 1  # at most half a pixel
    K = views.cameras.intrinsics[0]
    assert K[0, 0] == pytest.approx(64 * scaled[1] / width) and K[1, 2] == pytest.approx(scaled[0] / 2)
    inner = views.depth[:, : scaled[0], : scaled[1]]
    assert torch.allclose(inner, torch.full_like(inner, 2.0)) and views.depth.sum() == pytest.approx(inner.sum())


def test_small_pictures_are_not_enlarged(folder):
    assert nerfstudio.read(folder, 4096, 8)[0].shape == (4, 64, 64, 3)


def test_an_unedited_set_comes_back_bit_by_bit(tmp_path):
    folder = view_sets.write(tmp_path / "scene", height=37, width=91)
    images, views = nerfstudio.read(folder, 0, 8)
    (tmp_path / "new").mkdir()
    nerfstudio.write(tmp_path / "new", views, images)
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    assert files == [p.relative_to(tmp_path / "new") for p in sorted((tmp_path / "new").rglob("*")) if p.is_file()]
    for file in files:
        ours, theirs = tmp_path / "new" / file, folder / file
        if file.parts[0] == "images":
            assert np.array_equal(Image.open(ours), Image.open(theirs))
        else:
            assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("factor", [1, 2])
def test_edited_pictures_get_their_size_back(tmp_path, factor):
    folder = view_sets.write(tmp_path / "scene", height=90, width=130)
    images, views = nerfstudio.read(folder, 64, 8)
    flat = torch.full((4, factor * images.shape[1], factor * images.shape[2], 3), 0.25)
    flat[..., 0] = torch.linspace(0, 1, 4)[:, None, None]
    (tmp_path / "new").mkdir()
    nerfstudio.write(tmp_path / "new", views, flat)
    for i, name in enumerate(views.names):
        saved = np.array(Image.open(tmp_path / "new" / name))
        assert saved.shape == (90, 130, 3)
        assert (saved == [round(255 * i / 3), 64, 64]).all()


def test_what_padding_held_does_not_come_back(tmp_path):
    """Padding is cut off before the picture is enlarged: its colour does not bleed into the edge."""
    folder = view_sets.write(tmp_path / "scene", height=37, width=91)
    images, views = nerfstudio.read(folder, 0, 8)
    black = torch.zeros_like(images)
    black[:, 37:] = black[:, :, 91:] = 1
    (tmp_path / "new").mkdir()
    nerfstudio.write(tmp_path / "new", views, black)
    assert np.array(Image.open(tmp_path / "new" / views.names[0])).max() == 0


def test_transparency_and_notes_are_kept(folder, tmp_path):
    source = Image.fromarray(
        np.dstack([view_sets.picture(0), np.arange(64 * 64).reshape(64, 64) % 256]).astype("uint8")
    )
    source.save(folder / "images" / "frame_00.png")
    exif = Image.Exif()
    exif[0x010E] = "a wall"
    source.convert("RGB").save(folder / "images" / "frame_01.png", exif=exif)
    images, views = nerfstudio.read(folder, 0, 8)
    (tmp_path / "new").mkdir()
    nerfstudio.write(tmp_path / "new", views, 1 - images)
    saved = Image.open(tmp_path / "new" / "images" / "frame_00.png")
    assert np.array_equal(saved.getchannel("A"), source.getchannel("A"))
    assert np.array_equal(np.array(saved)[..., :3], 255 - view_sets.picture(0))
    assert Image.open(tmp_path / "new" / "images" / "frame_01.png").getexif()[0x010E] == "a wall"


@pytest.mark.parametrize("suffix, worst", [(".jpg", 12), (".jpeg", 12), (".webp", 0), (".bmp", 0), (".tif", 0)])
def test_formats(tmp_path, suffix, worst):
    data = view_sets.described()
    for frame in data["frames"]:
        frame["file_path"] = frame["file_path"].replace(".png", suffix)
    folder = view_sets.write(tmp_path / "scene", data)
    images, views = nerfstudio.read(folder, 0, 8)
    smooth = torch.linspace(0, 1, 64)[:, None, None].expand_as(images)
    (tmp_path / "new").mkdir()
    nerfstudio.write(tmp_path / "new", views, smooth)
    again = nerfstudio.read(tmp_path / "new", 0, 8)[0]
    assert (again - smooth).abs().max() <= (worst + 0.51) / 255


def test_views_without_a_folder(tmp_path):
    """Made in memory, saved, and loaded again: the same cameras, depth and masks."""
    data = view_sets.described()
    data["frames"][1]["transform_matrix"] = ASIDE
    K = parsed(data).intrinsics((64, 64))
    K[:, 0, 2] += torch.arange(4)
    depth = torch.linspace(0.5, 90, 4 * 64 * 64).reshape(4, 64, 64)
    depth[0, 0, 0] = torch.inf
    masks = (depth > 40).float()
    made = Views(Cameras(K, parsed(data).poses, (64, 64)), depth, masks, ("n", "e", "s", "w"))
    images = torch.rand(4, 64, 64, 3, generator=torch.Generator().manual_seed(1))
    nerfstudio.write(tmp_path, made, images)
    again, loaded = nerfstudio.read(tmp_path, 0, 8)
    assert loaded.names == tuple(f"images/{name}.png" for name in "nesw")
    assert torch.allclose(loaded.cameras.intrinsics.double(), K.double())
    assert torch.allclose(loaded.cameras.camera_to_world.double(), parsed(data).poses)
    known = torch.isfinite(depth)
    assert torch.allclose(loaded.depth[known], depth[known], rtol=1e-5) and loaded.depth[0, 0, 0] == 0
    assert torch.equal(loaded.masks, masks) and (again - images).abs().max() <= 0.51 / 255


def drop(*keys):
    def change(data):
        for key in keys:
            data.pop(key)

    return change


def set_frame(number, **entries):
    return lambda data: data["frames"][number].update(entries)


def drop_frame(number, key):
    return lambda data: data["frames"][number].pop(key)


NAN = [[math.nan] * 4] * 4
WRONG = {
    "no frames": (lambda data: data.update(frames=[]), "got no list of `frames`, expected 1 to 100,000"),
    "frames of no kind": (lambda data: data.update(frames=[1, 2]), "got no list of `frames`"),
    "no picture": (drop_frame(1, "file_path"), r"got no file_path in 1 of 4 frames \(number 1,"),
    "no pose": (drop_frame(2, "transform_matrix"), "got None as transform_matrix of frame 2, expected 4 rows"),
    "not a number": (set_frame(0, transform_matrix=NAN), "got .*nan.* as transform_matrix of frame 0"),
    "infinite": (set_frame(0, transform_matrix=[[math.inf] * 4] * 4), "transform_matrix of frame 0"),
    "too few rows": (set_frame(3, transform_matrix=view_sets.pose()[:2]), "transform_matrix of frame 3"),
    "ragged": (set_frame(3, transform_matrix=[[1], [1, 2]]), "transform_matrix of frame 3"),
    "words": (set_frame(3, transform_matrix="identity"), "transform_matrix of frame 3"),
    "mirrored": (set_frame(1, transform_matrix=np.diag([-1.0, 1, 1, 1]).tolist()), "poses that scale, skew or mirror"),
    "huge": (set_frame(3, transform_matrix=[[10**400] * 4] * 4), "transform_matrix of frame 3"),
    "depth for some": (drop_frame(1, "depth_file_path"), "got no depth_file_path in 1 of 4 frames"),
    "masks for some": (drop_frame(0, "mask_path"), "got no mask_path in 1 of 4 frames"),
    "the same twice": (set_frame(1, file_path="./images/frame_00.png"), "got images/frame_00.png in several frames"),
    "no lens": (drop("fl_x", "fl_y"), "got no focal length above zero for frame 0; give fl_x"),
    "no focal length": (lambda data: data.update(fl_x=0), "got no focal length above zero"),
    "focal length of text": (lambda data: data.update(fl_x="64"), "got '64' as fl_x, expected a finite number"),
    "focal length infinite": (lambda data: data.update(fl_x=math.inf), "got inf as fl_x"),
    "another size": (lambda data: data.update(w=63), "got 63 x 64 pixels for images/frame_00.png, but .* has 64 x 64"),
    "missing": (
        set_frame(2, file_path="images/none.png"),
        "got 'images/none.png', of which there is no file in 'scene'",
    ),
    "missing depth": (set_frame(2, depth_file_path="none.png"), "got 'none.png', of which there is no file"),
    "missing cloud": (lambda data: data.update(ply_file_path="none.ply"), "got 'none.ply', of which there is no file"),
    "above": (set_frame(2, file_path="../secret.png"), "file_path of frame 2: got '../secret.png', .* without `..`"),
    "above, in between": (set_frame(2, mask_path="a/../../secret.png"), "without `..`"),
    "above, on Windows": (set_frame(2, file_path="images\\..\\..\\secret.png"), "without `..`"),
    "absolute": (
        set_frame(2, depth_file_path="/etc/hostname"),
        "depth_file_path of frame 2: got .*hostname.*, expected a relative path",
    ),
    "a drive": (set_frame(2, file_path="C:\\secret.png"), "a relative path"),
    "no path": (set_frame(2, file_path=7), "got 7 as file_path of frame 2, expected the path of a file"),
    "an empty path": (set_frame(2, file_path=" "), "got ' ', expected the path of a file"),
    "a folder": (set_frame(2, file_path="images"), "got 'images', of which there is no file"),
    "no format": (
        lambda data: data["frames"][0].update(file_path="sparse.ply"),
        "sparse.ply: got a format that cannot",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_descriptions(changed, name):
    change, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        nerfstudio.read(changed(change), 0, 8)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"frames": {}}'])
def test_broken_json(folder, text):
    (folder / "transforms.json").write_bytes(text)
    with pytest.raises(ValueError, match="transforms.json: got"):
        nerfstudio.read(folder, 0, 8)


def test_no_description(folder):
    (folder / "transforms.json").unlink()
    with pytest.raises(ValueError, match="got 'transforms.json', of which there is no file in 'scene'"):
        nerfstudio.read(folder, 0, 8)


def pickled(path):
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


BROKEN = {
    "images/frame_01.png": (lambda path: path.write_bytes(b"GIF89a"), "frame_01.png: got a file that cannot be read"),
    "images/frame_02.png": (lambda path: path.write_bytes(path.read_bytes()[:500]), "frame_02.png: got a file that"),
    "images/frame_03.png": (
        lambda path: view_sets.save(path, view_sets.picture(1, 64, 60)),
        "images/frame_03.png: got 60 x 64 pixels, expected 64 x 64 like the first view",
    ),
    "images/frame_00.png": (lambda path: view_sets.save(path, np.ones((64, 64))), "got a picture of kind I;16"),
    "depth/frame_00.npy": (pickled, "frame_00.npy: got a file that cannot be read as an array"),
    "depth/frame_01.npy": (lambda path: path.write_bytes(b"\x93NUMPY"), "frame_01.npy: got a file that cannot be read"),
    "depth/frame_02.npy": (lambda path: np.save(path, np.ones((3, 4, 5))), r"got float64 of shape \(3, 4, 5\)"),
    "depth/frame_03.npy": (lambda path: np.save(path, np.full((4, 4), "a")), "expected numbers"),
    "masks/frame_00.png": (lambda path: path.write_bytes(b""), "frame_00.png: got a file that cannot be read"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(tmp_path, name):
    folder = view_sets.write(tmp_path, view_sets.described(depth=".npy"))
    damage, message = BROKEN[name]
    damage(folder / name)
    with pytest.raises(ValueError, match=message):
        nerfstudio.read(folder, 0, 8)


def test_depth_in_colour(folder):
    view_sets.save(folder / "depth" / "frame_00.png", view_sets.picture(0))
    with pytest.raises(ValueError, match="frame_00.png: got depth as a picture of kind RGB, expected one channel"):
        nerfstudio.read(folder, 0, 8)


@pytest.mark.parametrize(
    "name", ["images/frame_01.png", "depth/frame_01.png", "sparse.ply", "transforms.json", "images"]
)
def test_links_to_somewhere_else(folder, tmp_path, name):
    (tmp_path / "secret").mkdir()
    away = (folder / name).rename(tmp_path / "secret" / "file")
    (folder / name).symlink_to(away)
    with pytest.raises(ValueError, match="a link to somewhere else; put the file itself into 'scene'"):
        nerfstudio.read(folder, 0, 8)


def test_links_within_the_set(folder):
    away = (folder / "images" / "frame_01.png").rename(folder / "kept.png")
    (folder / "images" / "frame_01.png").symlink_to(away)
    assert len(nerfstudio.read(folder, 0, 8)[0]) == 4


def test_a_set_that_changed_meanwhile(folder, tmp_path):
    images, views = nerfstudio.read(folder, 0, 8)
    data = json.loads((folder / "transforms.json").read_text())
    data["frames"].pop()
    (folder / "transforms.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match="transforms.json of 'scene' was changed since the views were loaded"):
        nerfstudio.write(tmp_path / "new", views, images)


def test_views_of_wrong_shapes(folder):
    _, views = nerfstudio.read(folder, 0, 8)
    for change, message in (
        ({"names": ()}, "expected at least one view"),
        ({"names": ("a", "b", "a", "c")}, "each name once"),
        ({"names": ("a", "b", "c")}, "expected one camera for each"),
        ({"depth": views.depth[:3]}, r"got depth of shape \(3, 64, 64\), expected \(4, 64, 64\)"),
        ({"masks": views.masks[..., :5]}, "got masks of shape"),
    ):
        with pytest.raises(ValueError, match=f"views: .*{message}"):
            Views(**{**vars(views), **change})
