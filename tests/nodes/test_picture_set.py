"""CSD Picture Set Load through the host: a folder of its input directory as a batch."""

import shutil

import pytest
from PIL import Image

WIDGETS = {"width": 64, "height": 32, "fit": "crop", "start": 0, "count": 0}


@pytest.fixture
def shots(host):
    """Three pictures of different shapes in a folder called `shots` of the host's input directory."""
    folder = host.base / "input" / "shots"
    folder.mkdir(parents=True)
    for number, size in enumerate([(90, 60), (64, 64), (40, 80)], start=1):
        Image.new("RGB", size, (60 * number, 0, 0)).save(folder / f"shot_{number}.png")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def load(host, shots):
    return lambda folder="shots", **changes: host.run("CSDPictureSetLoad", folder=folder, **{**WIDGETS, **changes})


def test_one_batch_in_order(load):
    images, names = load()
    assert images.shape == (3, 32, 64, 3)
    assert names.split("\n") == ["shot_1.png", "shot_2.png", "shot_3.png"]
    assert [round(float(image.max()) * 255) for image in images] == [60, 120, 180]


def test_a_part_of_it(load):
    assert load(start=1, count=1)[1] == "shot_2.png"


def test_the_page_lists_the_folder(host, shots):
    assert "shots" in host.node("CSDPictureSetLoad").INPUT_TYPES()["required"]["folder"][1]["options"]


def test_bad_files_are_named_after_the_node(load, shots):
    (shots / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"(?s)CSD Picture Set Load: folder: got files .*text\.png"):
        load()


@pytest.mark.parametrize("name", ["nowhere", "../input/shots", "/tmp"])
def test_other_folders_are_refused(host, load, name):
    with pytest.raises(ValueError, match="CSD Picture Set Load"):
        load(name)
    assert isinstance(host.node("CSDPictureSetLoad").validate_inputs(name), str)


def test_a_changed_picture_is_loaded_again(host, shots):
    node = host.node("CSDPictureSetLoad")
    before = node.fingerprint_inputs("shots")
    assert node.fingerprint_inputs("shots") == before
    Image.new("RGB", (10, 10)).save(shots / "shot_4.png")
    assert node.fingerprint_inputs("shots") != before
