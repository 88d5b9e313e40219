"""Small files that would unfold to gigabytes, and files that are not what their names say."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from collaborative_score_distillation.media import nerfstudio, picture_files
from collaborative_score_distillation.tests.media.measured import taken
from collaborative_score_distillation.tests.nodes import view_sets


def blank_png(width, height):
    """A grey PNG of one bit a pixel, nothing but zeros, without holding it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, line = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    rows = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def blank_array(path, shape, dtype="<f8"):
    """An .npz that unfolds to zeros, without holding them."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": dtype, "fortran_order": False, "shape": shape})
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("depth.npy", "w", force_zip64=True) as file,
    ):
        file.write(head.getvalue())
        left = int(np.prod(shape)) * np.dtype(dtype).itemsize
        while left > 0:
            file.write(bytes(min(left, 2**24)))
            left -= 2**24


def test_a_picture_of_176_megapixels_in_a_small_file(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(blank_png(16_000, 11_000))
    assert path.stat().st_size < 40_000
    found = taken("picture_files.read_picture(path)", path)
    assert found["said"].startswith("_Refused: bomb.png: got a picture of 16000 x 11000 pixels, expected at most 134")
    assert found["seconds"] < 1 and found["mebibytes"] < 40


def test_an_array_that_unfolds_to_gigabytes(tmp_path):
    path = tmp_path / "bomb.npz"
    blank_array(path, (20_000, 21_000))
    assert path.stat().st_size < 5_000_000
    found = taken("picture_files.read_depth(path)", path)
    assert found["said"].startswith("_Refused: bomb.npz: got an array of 21000 x 20000, expected at most 134 million")
    assert found["seconds"] < 1 and found["mebibytes"] < 40


@pytest.mark.parametrize("shape", [(2**62, 2**62), (0, 5), (-1, 5), (5,), (2, 3, 4)])
def test_headers_that_lie(tmp_path, shape):
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with pytest.raises(ValueError, match="a.npy: got .*expected"):
        picture_files.read_depth(path)


def test_a_set_weighs_what_it_is_about_to_read(tmp_path):
    """Before a single pixel is decoded: all views at their size, and the largest file."""
    folder, asked = view_sets.write(tmp_path / "scene"), []

    def afford(size, what, turn):
        asked.append(size)
        raise ValueError(f"got {what}, expected less; {turn}.")

    for name in ("images/frame_01.png", "depth/frame_02.png"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[:60])  # no more than the header
    with pytest.raises(ValueError, match="got 4 views of 64 x 64 pixels, expected less; lower `longest_side`"):
        nerfstudio.read(folder, 0, 8, afford=afford)
    assert asked[0] >= 4 * 64 * 64 * 4 * 5


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n0 0 moveto\nshowpage\n"


@pytest.mark.parametrize("read", [picture_files.read_picture, picture_files.read_mask, picture_files.read_depth])
def test_another_format_under_the_name_of_a_picture(tmp_path, read, monkeypatch):
    """PIL looks for a format by content: an EPS would be handed to Ghostscript."""
    from PIL import EpsImagePlugin

    called = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *a, **k: called.append(a))
    path = tmp_path / "a.png"
    path.write_bytes(EPS)
    assert Image.open(path).format == "EPS"
    with pytest.raises(
        ValueError, match="a.png: got a file that cannot be read as a picture .*expected one of PNG, JPEG"
    ):
        read(path)
    assert not called


@pytest.mark.parametrize("suffix", [".eps", ".pdf", ".ps", ".gif", ".ico", ".xyz", ""])
def test_formats_that_are_not_written(suffix):
    assert not picture_files.writable(view_sets.Path(f"a{suffix}"))


STRETCHED = [("depth/frame_00.png", np.ones((64, 48))), ("masks/frame_03.png", np.ones((30, 64), np.uint8))]


@pytest.mark.parametrize("name, array", STRETCHED)
def test_maps_of_other_proportions_are_not_stretched(tmp_path, name, array):
    folder = view_sets.write(tmp_path / "scene")
    view_sets.save(folder / name, array)
    wide, tall = array.shape[::-1]
    message = f"{name}: got {wide} x {tall} numbers for a picture of 64 x 64 pixels, expected the same sides"
    with pytest.raises(ValueError, match=message):
        nerfstudio.read(folder, 0, 8)


@pytest.mark.parametrize("side", [16, 32, 128])
def test_coarser_and_finer_maps_are_taken(tmp_path, side):
    folder = view_sets.write(tmp_path / "scene")
    view_sets.save(folder / "depth/frame_00.png", np.full((side, side), 3000))
    depth = nerfstudio.read(folder, 0, 8)[1].depth
    assert depth.shape == (4, 64, 64) and torch.allclose(depth[0], torch.tensor(3.0))


def test_transparency_is_spoken_of(tmp_path, caplog):
    folder = view_sets.write(tmp_path / "scene")
    picture = Image.fromarray(view_sets.picture(0))
    picture.putalpha(7)
    picture.save(folder / "images/frame_00.png")
    with caplog.at_level("INFO"):
        nerfstudio.read(folder, 0, 8)
    assert "1 pictures have transparency" in caplog.text
