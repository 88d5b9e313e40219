"""A transforms.json that anybody may have written: read in linear time, and refused with its place named."""

import json
import time

import pytest

from collaborative_score_distillation.media import nerfstudio, transforms
from collaborative_score_distillation.tests.nodes import view_sets


def text(frames, **more):
    return json.dumps({"fl_x": 64.0, **more, "frames": frames}).encode()


def frame(number, **more):
    return {"file_path": f"images/{number:06}.png", "transform_matrix": view_sets.pose(number), **more}


def test_twenty_thousand_frames_are_read_in_linear_time():
    """Names were once compared each with each, which took twelve seconds."""
    frames = [frame(i, mask_path=f"masks/{i:06}.png", depth_file_path=f"depth/{i:06}.npy") for i in range(20_000)]
    begun = time.process_time()
    data = transforms.parse(text(frames))
    assert len(data.names) == 20_000 and len(data.companions) == 40_000
    assert data.poses.shape == (20_000, 4, 4) and data.intrinsics((64, 64)).shape == (20_000, 3, 3)
    assert time.process_time() - begun < 6


def test_many_names_that_come_twice_are_named_briefly():
    with pytest.raises(ValueError, match="expected every picture once") as refused:
        transforms.parse(text([frame(i % 500) for i in range(1000)]))
    assert "and 497 more" in str(refused.value) and len(str(refused.value)) < 300


def test_more_frames_than_the_limit():
    rows = "[[1,0,0,0],[0,1,0,0],[0,0,1,0]]"
    many = ",".join([f'{{"file_path":"a","transform_matrix":{rows}}}'] * (transforms.MOST + 1))
    with pytest.raises(ValueError, match="transforms.json: got no list of `frames`, expected 1 to 100,000 frames"):
        transforms.parse(f'{{"frames":[{many}]}}'.encode())


def test_a_file_beyond_the_limit_is_not_read(tmp_path):
    folder = view_sets.write(tmp_path / "scene")
    with (folder / "transforms.json").open("r+b") as file:
        file.truncate(2**40)  # a terabyte of nothing, which takes no room on the disk
    begun = time.process_time()
    for read in (nerfstudio.described, nerfstudio.metadata):
        with pytest.raises(
            ValueError, match="transforms.json: got a file of 1,099,511,627,776 bytes, expected at most"
        ):
            read(folder)
    assert time.process_time() - begun < 1


HOSTILE = {
    "deep": b'{"frames": ' + b"[" * 10**6,
    "a long number": b'{"fl_x": ' + b"1" * 10**6 + b', "frames": []}',
    "infinite": text([frame(0)]).replace(b"64.0", b"1e999"),
    "text for a number": text([frame(0)], cx="7"),
    "true for a number": text([frame(0, cy=True)]),
    "a pose of texts": text([frame(0) | {"transform_matrix": [["1"] * 4] * 4}]),
    "a model of numbers": text([frame(0)], camera_model=7),
    "a path of lists": text([frame(0)], ply_file_path=[1]),
    "a path of an object": text([frame(0, other_path={})]),
    "names of the code": text([frame(0, poses=1, names=[])], names=1, model_config={}, digest="a", frames_path=3),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name):
    begun = time.process_time()
    with pytest.raises(ValueError, match="^transforms.json: .*got .*expected|that is not JSON"):
        transforms.parse(HOSTILE[name])
    assert time.process_time() - begun < 2


def test_what_nobody_knows_is_kept_and_not_mistaken():
    data = transforms.parse(text([frame(0, poses=1, scale="x")], names=1, companions="b", nothing=None))
    assert data.names == ("images/000000.png",) and data.poses.shape == (1, 4, 4) and data.scale == 1.0
    assert data.model_extra["names"] == 1 and data.digest == transforms.digest(text([frame(0, poses=1, scale="x")],
        names=1, companions="b", nothing=None))  # fmt: skip


def test_looking_at_a_set_can_be_left(tmp_path):
    """Files are looked for one by one, each of them a chance to stop."""
    folder, seen = view_sets.write(tmp_path / "scene"), []

    def follow(items):
        for item in items:
            seen.append(item)
            yield item

    nerfstudio.read(folder, 0, 8, follow=follow)
    names = nerfstudio.metadata(folder).names
    assert all(seen.count(name) >= 3 for name in names)  # there, of which size, read
