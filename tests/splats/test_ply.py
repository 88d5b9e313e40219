"""Files of splats: written and read, by ourselves and by OpenCV and trimesh; hostile ones refused at once."""

import struct

import cv2
import numpy as np
import pytest
import torch

from collaborative_score_distillation.splats import ply
from collaborative_score_distillation.splats.splats import Splats
from collaborative_score_distillation.tests.media.measured import taken
from collaborative_score_distillation.tests.splats.clouds import cloud

NAMES = ("positions", "log_scales", "rotations", "logits", "harmonics")


def same(one: Splats, other: Splats) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in NAMES)


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("count", [1, 5])
def test_what_is_written_is_read(tmp_path, degree, count):
    splats = cloud(count, degree, dtype=torch.float32)
    ply.write(tmp_path / "a.ply", splats)
    assert same(ply.read(tmp_path / "a.ply"), splats)


def test_files_longer_than_what_is_read_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(ply, "_ROWS", 3)
    splats, followed = cloud(10, 1, dtype=torch.float32), []

    def follow(parts):
        for part in parts:
            followed.append(part)
            yield part

    ply.write(tmp_path / "a.ply", splats, follow)
    assert same(ply.read(tmp_path / "a.ply", follow), splats) and followed == 2 * [0, 3, 6, 9]


def test_the_names_and_the_order_that_other_tools_expect(tmp_path):
    """Written out here once more, number by number."""
    splats = cloud(2, 1, dtype=torch.float32)
    ply.write(tmp_path / "a.ply", splats)
    header, _, body = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    rest = [f"f_rest_{i}" for i in range(9)]
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", *rest, "opacity"]
    names += ["scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    lines = ["ply", "format binary_little_endian 1.0", "element vertex 2", *(f"property float {n}" for n in names), ""]
    assert header.decode() == "\n".join(lines)
    numbers = struct.unpack(f"<{2 * len(names)}f", body)[len(names) :]
    found = dict(zip(names, numbers, strict=True))
    assert found["y"] == splats.positions[1, 1] and found["opacity"] == splats.logits[1]
    assert found["f_dc_2"] == splats.harmonics[1, 0, 2]
    assert found["f_rest_1"] == splats.harmonics[1, 2, 0] and found["f_rest_5"] == splats.harmonics[1, 3, 1]
    assert found["scale_2"] == splats.log_scales[1, 2] and found["rot_0"] == splats.rotations[1, 0]


def test_opencv_reads_where_they_are(tmp_path):
    splats = cloud(20, 2, dtype=torch.float32)
    ply.write(tmp_path / "a.ply", splats)
    points, *_ = cv2.loadPointCloud(str(tmp_path / "a.ply"))
    assert np.array_equal(points.reshape(-1, 3), splats.positions.numpy())


def test_trimesh_reads_every_number(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    splats = cloud(20, 3, dtype=torch.float32)
    ply.write(tmp_path / "a.ply", splats)
    loaded = trimesh.load(tmp_path / "a.ply")
    rows = loaded.metadata["_ply_raw"]["vertex"]["data"]
    assert np.array_equal(rows["scale_1"].ravel(), splats.log_scales[:, 1].numpy())
    assert np.array_equal(rows["f_rest_44"].ravel(), splats.harmonics[:, 15, 2].numpy())
    assert np.array_equal(loaded.vertices.astype(np.float32), splats.positions.numpy())


def written(path, lines, body=b""):
    path.write_bytes("\n".join(["ply", "format binary_little_endian 1.0", *lines, "end_header", ""]).encode() + body)
    return path


NUMBERS = [f"property float {name}" for name in ply.NEEDED]


def test_files_of_other_tools(tmp_path):
    """Another order, other types, comments, numbers that nobody knows, and further elements."""
    names = [*reversed(ply.NEEDED), "confidence", "class"]
    kinds = ["double"] * len(ply.NEEDED) + ["float32", "uint8"]
    lines = ["comment made elsewhere", "element vertex 3", "comment and here"]
    lines += [f"property {kind} {name}" for kind, name in zip(kinds, names, strict=True)]
    lines += ["element face 1", "property list uchar int vertex_indices"]
    rows = np.zeros(3, [(name, {"double": "<f8", "float32": "<f4", "uint8": "u1"}[k]) for name, k in zip(names, kinds)])
    for number, name in enumerate(ply.NEEDED):
        rows[name] = [number, number + 0.25, number + 0.5]
    path = written(tmp_path / "a.ply", lines, rows.tobytes() + b"\x03" + bytes(12))
    splats = ply.read(path)
    assert torch.equal(splats.positions[1], torch.tensor([0.25, 1.25, 2.25])) and splats.logits[2] == 10.5
    assert torch.equal(splats.rotations[0], torch.tensor([6.0, 7, 8, 9])) and splats.harmonics.shape == (3, 1, 3)


def test_carriage_returns(tmp_path):
    splats = cloud(2, dtype=torch.float32)
    ply.write(tmp_path / "a.ply", splats)
    header, end, body = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    (tmp_path / "b.ply").write_bytes((header + end).replace(b"\n", b"\r\n") + body)
    assert same(ply.read(tmp_path / "b.ply"), splats)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_splats_that_are_not_finite_are_left_out(tmp_path, caplog, value):
    splats = cloud(4, dtype=torch.float32)
    splats.log_scales[2, 1] = value
    ply.write(tmp_path / "a.ply", splats)
    assert same(ply.read(tmp_path / "a.ply"), splats[[0, 1, 3]])
    assert "a.ply: 1 splats have NaN or infinite numbers; they are left out" in caplog.text


VERTEX = "element vertex 2"
REFUSED = [
    ([], "got 'no elements', expected `element vertex N` first"),
    (["element face 2", "property float x"], "got 'element face 2', expected `element vertex N`"),
    (["element vertex -1"], "got 'element vertex -1', expected"),
    (["element vertex 1e9"], "got 'element vertex 1e9', expected"),
    (["element vertex ٣"], "expected `element vertex N`"),
    (["element vertex 0", *NUMBERS], "got 0 splats, expected 1 to 67,108,864"),
    (["element vertex " + "9" * 5000, *NUMBERS], "got 99,999,999,999,999,999,999 splats, expected 1 to"),
    (["element vertex 1000000000", *NUMBERS], "got 1,000,000,000 splats, expected 1 to"),
    (["element vertex 60000000", *NUMBERS], "got 0 bytes of numbers, expected 3,360,000,000 for 60,000,000 splats"),
    ([VERTEX, *NUMBERS], "got 0 bytes of numbers, expected 112 for 2 splats; the file is cut off"),
    ([VERTEX, *NUMBERS[:2], *NUMBERS[3:]], "got a .ply without z; expected Gaussian splats"),
    ([VERTEX, "property float x", "property float y", "property float z"], "without scale_0, scale_1, scale_2, rot_0;"),
    ([VERTEX, *NUMBERS, "property float x"], "got a .ply without names of its own for all numbers"),
    ([VERTEX, *NUMBERS, "property list uchar int a"], "got 'property list uchar int a', expected at most 256 numbers"),
    ([VERTEX, *NUMBERS, "property quad a"], "got 'property quad a', expected"),
    ([VERTEX, *NUMBERS, *(f"property float a{i}" for i in range(300))], "got '314 properties', expected at most 256"),
    ([VERTEX, *NUMBERS, "property float f_rest_0"], "got 1 numbers f_rest_\\*, expected 0, 9, 24 or 45"),
    ([VERTEX, *NUMBERS, *(f"property float f_rest_{i + 1}" for i in range(9))], "got 9 numbers f_rest_\\*, expected"),
    ([VERTEX, *NUMBERS, *(f"property float f_rest_{i}" for i in range(10))], "got 10 numbers f_rest_\\*, expected"),
]


@pytest.mark.parametrize("lines, message", REFUSED)
def test_hostile_headers(tmp_path, lines, message):
    with pytest.raises(ValueError, match=f"a.ply: .*{message}"):
        ply.read(written(tmp_path / "a.ply", lines))


CONTENTS = [b"", b"ply", b"ply\n" + b"comment x\n" * 10_000, b"\x89PNG\r\n", b"ply\nend_header", b"plyx\nend_header\n"]


@pytest.mark.parametrize("content", CONTENTS)
def test_files_without_a_header(tmp_path, content):
    (tmp_path / "a.ply").write_bytes(content)
    with pytest.raises(ValueError, match="a.ply: got a file without the header of a .ply"):
        ply.read(tmp_path / "a.ply")


@pytest.mark.parametrize("name", ["ascii", "binary_big_endian"])
def test_other_formats(tmp_path, name):
    (tmp_path / "a.ply").write_text(f"ply\nformat {name} 1.0\nelement vertex 1\nend_header\n")
    with pytest.raises(ValueError, match=f"got a .ply of the format .'{name}'., expected binary_little_endian"):
        ply.read(tmp_path / "a.ply")


def test_memory_is_asked_for_before_it_is_taken(tmp_path):
    """A sparse file of gigabytes: the budget says no before a number is read."""
    lines = ["element vertex 60000000", *NUMBERS]
    path = written(tmp_path / "a.ply", lines)
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + 60_000_000 * 56)

    def afford(size, what, turn):
        raise ValueError(f"{size} {what}")

    with pytest.raises(ValueError, match="6720000000 60,000,000 splats"):
        ply.read(path, afford=afford)


def test_a_header_that_promises_gigabytes_takes_no_memory(tmp_path):
    path = written(tmp_path / "a.ply", ["element vertex 60000000", *NUMBERS])
    found = taken("ply.read(path)", path)
    assert "expected 3,360,000,000 for 60,000,000 splats" in found["said"]
    assert found["seconds"] < 1 and found["mebibytes"] < 40


def test_nothing_is_overwritten_and_nothing_empty_is_written(tmp_path):
    splats = cloud(2, dtype=torch.float32)
    ply.write(tmp_path / "a.ply", splats)
    with pytest.raises(FileExistsError):
        ply.write(tmp_path / "a.ply", splats)
    with pytest.raises(ValueError, match="got 0 splats, expected 1 to"):
        ply.write(tmp_path / "b.ply", splats[:0])
    assert not (tmp_path / "b.ply").exists()
