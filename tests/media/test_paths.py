"""Names, links, disks and folders that were left behind."""

import errno
import os
import time

import pytest

from collaborative_score_distillation.media import nerfstudio, paths
from collaborative_score_distillation.tests.nodes import view_sets


def test_links_in_a_circle(tmp_path):
    folder = view_sets.write(tmp_path / "scene")
    name = "images/frame_01.png"
    (folder / name).unlink()
    (folder / name).symlink_to(folder / "images/other.png")
    (folder / "images/other.png").symlink_to(folder / name)
    with pytest.raises(ValueError, match="got 'images/frame_01.png', .*"):
        nerfstudio.read(folder, 0, 8)


@pytest.mark.parametrize("name", ["a" * 300, "b/" * 3000 + "c", "é" * 200])
def test_names_that_are_too_long(tmp_path, name):
    with pytest.raises(ValueError, match="got '.*file|nowhere|looked at") as refused:
        paths.existing(tmp_path, name)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "name", ["CON", "con.txt", "nul", "LPT1", "aux.a.b", "a" * 201, "é" * 101, "", " a", "a.", "."]
)
def test_folder_names_that_no_system_takes(name):
    with pytest.raises(ValueError, match="got the folder name .*expected one name"):
        paths.folder_name(name)


@pytest.mark.parametrize("name", ["console", "a.con", "Küste", "lpt", "new set_2"])
def test_folder_names(name):
    assert paths.folder_name(name) == name


def left_behind(parent, old):
    folder = parent / f".scene.{'0123456789abcdef' * 2}"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.png").write_bytes(b"half of it")
    for path in (folder / "images", folder):
        os.utime(path, (old, old))
    return folder


def test_what_a_killed_process_left_is_taken_away(tmp_path):
    folder = left_behind(tmp_path, time.time() - 4000)
    others = [tmp_path / ".scene", tmp_path / ".git", tmp_path / "scene.0123456789abcdef0123456789abcdef"]
    for other in others:
        other.mkdir()
        os.utime(other, (0, 0))
    paths.publish(tmp_path, "scene", lambda hidden: None)
    assert not folder.exists() and all(other.exists() for other in others)


def test_what_another_process_is_writing_stays(tmp_path):
    folder = left_behind(tmp_path, time.time() - 4000)
    os.utime(folder / "images")  # a picture was written a moment ago
    paths.publish(tmp_path, "scene", lambda hidden: None)
    assert folder.exists()


def test_a_link_in_the_place_of_a_hidden_folder_is_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "a").write_bytes(b"")
    os.utime(tmp_path / "precious", (0, 0))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f".x.{'0' * 32}").symlink_to(tmp_path / "precious")
    paths.publish(tmp_path / "out", "scene", lambda hidden: None)
    assert (tmp_path / "precious" / "a").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_disks_that_refuse(tmp_path, code):
    def fill(folder):
        (folder / "a").write_bytes(b"half")
        raise OSError(code, os.strerror(code))

    with pytest.raises(ValueError, match=f"got a disk that does not take the folder 'scene' .*{os.strerror(code)}"):
        paths.publish(tmp_path, "scene", fill)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_output_folder(tmp_path):
    (tmp_path / "output").write_bytes(b"")
    with pytest.raises(ValueError, match="got a disk that does not take the folder .*expected room"):
        paths.publish(tmp_path / "output", "scene", lambda hidden: None)


def test_versions_of_files_that_are_gone(tmp_path):
    before = paths.versions(tmp_path, ("a", "x" * 300))
    (tmp_path / "a").write_bytes(b"1")
    assert paths.versions(tmp_path, ("a", "x" * 300)) != before
