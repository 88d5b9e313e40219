"""A folder of pictures of any shape, as one batch: order, size, orientation, transparency, and files that are bad."""

import pytest
import torch
from PIL import Image

from collaborative_score_distillation.media import picture_set

SIZE = (32, 48)
LEFT, RIGHT = (200, 40, 40), (40, 40, 200)


def halves(size=(64, 64)) -> Image.Image:
    """Red at the left, blue at the right."""
    picture = Image.new("RGB", size, LEFT)
    picture.paste(RIGHT, (size[0] // 2, 0, *size))
    return picture


@pytest.fixture
def read(tmp_path):
    """`read(fit)`: all pictures of the folder."""

    def run(fit="crop", afford=lambda *_: None):
        names = picture_set.chosen(tmp_path, 0, 0)
        return picture_set.read(tmp_path, names, SIZE, fit, lambda names: names, afford)

    return run


def test_order_of_names(tmp_path):
    for name in ("shot10.png", "shot2.PNG", "Shot1.jpg", "notes.txt", ".hidden.png", "a.webp"):
        halves().save(tmp_path / name) if "txt" not in name else (tmp_path / name).write_text("")
    (tmp_path / "folder.png").mkdir()
    assert picture_set.pictures_in(tmp_path) == ["a.webp", "Shot1.jpg", "shot2.PNG", "shot10.png"]
    assert picture_set.chosen(tmp_path, 1, 2) == ["Shot1.jpg", "shot2.PNG"]


@pytest.mark.parametrize("size", [(64, 64), (300, 100), (20, 90)])
@pytest.mark.parametrize("fit", picture_set.FITS)
def test_any_shape_gets_the_size_and_keeps_its_middle(tmp_path, read, size, fit):
    halves(size).save(tmp_path / "a.png")
    (picture,) = read(fit)
    assert picture.shape == (*SIZE, 3)
    for column, colour in ((16, LEFT), (31, RIGHT)):  # beside the middle, nothing was moved or stretched away
        torch.testing.assert_close(picture[16, column] * 255, torch.tensor(colour).float(), atol=3, rtol=0)


def test_crop_fills_and_pad_shows_all(tmp_path):
    stripes = torch.zeros(40, 120, 3)
    stripes[:, :20], stripes[:, 100:] = 1.0, 1.0  # white ends, a third of the picture in all
    cropped, padded = (picture_set.fitted(stripes, (40, 40), fit) for fit in picture_set.FITS)
    assert cropped.max() == 0
    assert padded[20, 0].min() > 0.9 and padded[20, -1].min() > 0.9 and padded[20, 20].max() < 0.1


def test_turned_as_the_camera_noted(tmp_path, read):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    halves((96, 64)).save(tmp_path / "a.png", exif=exif)
    (picture,) = read()
    assert picture[2, :, 0].min() > 0.7 and picture[-3, :, 2].min() > 0.7  # left has become top


def test_transparent_is_white(tmp_path, read):
    Image.new("RGBA", (48, 32), (10, 20, 30, 0)).save(tmp_path / "a.png")
    assert (read() == 1).all()


def test_every_bad_file_is_named(tmp_path, read):
    halves().save(tmp_path / "good.png")
    (tmp_path / "text.png").write_text("no picture")
    halves().save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:60])
    with pytest.raises(ValueError, match=r"(?s)cut\.png.*text\.png") as refusal:
        read()
    assert "good.png" not in str(refusal.value)


def test_one_that_breaks_while_it_is_decoded_is_named(tmp_path, read):
    """The header of a picture with half of its data is whole."""
    noise = Image.effect_noise((256, 256), 90).convert("RGB")
    noise.save(tmp_path / "half.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "half.png").read_bytes()[:30_000])
    with pytest.raises(ValueError, match=r"half\.png"):
        read()


def test_links_out_of_the_folder_are_refused(tmp_path, read):
    folder = tmp_path / "set"
    folder.mkdir()
    halves().save(tmp_path / "outside.png")
    (folder / "linked.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(ValueError, match="link to somewhere else"):
        picture_set.read(folder, ["linked.png"], SIZE, "crop", lambda names: names, lambda *_: None)


def test_memory_is_asked_for_before_anything_is_read(tmp_path, read):
    (tmp_path / "bad.png").write_text("")

    def refuse(size, what, turn):
        raise ValueError(f"{size} bytes for {what}; {turn}")

    with pytest.raises(ValueError, match="18432 bytes for 1 pictures of 48 x 32 pixels; lower `count`"):
        read(afford=refuse)


def test_an_empty_folder(tmp_path, read):
    with pytest.raises(ValueError, match="with 0 pictures, expected one at least"):
        read()
