"""CSD Compare: what it hands to the widget on the page."""

import numpy as np
import pytest
import torch
from PIL import Image


@pytest.fixture
def compared(host):
    """What the page gets for two batches."""

    def run(before, after):
        node = host.node("CSDCompare")
        return node.execute(before=before, after=after).ui

    return run


def opened(host, files):
    folder = host.base / "temp"
    return [np.asarray(Image.open(folder / file["subfolder"] / file["filename"])) for file in files]


def test_every_picture_of_both_batches_can_be_seen(host, compared):
    before, after = torch.rand(3, 16, 24, 3), torch.rand(3, 16, 26, 3)
    shown = compared(before, after)
    for name, images in (("csd_before", before), ("csd_after", after)):
        assert {file["type"] for file in shown[name]} == {"temp"}
        pictures = opened(host, shown[name])
        assert len(pictures) == 3
        for picture, image in zip(pictures, images):
            assert np.abs(picture - 255 * image.numpy()).max() <= 1


def test_two_runs_do_not_share_files(compared):
    """The page would show the old pictures of its cache."""
    first, second = (compared(torch.zeros(1, 8, 8, 3), torch.ones(1, 8, 8, 3)) for _ in range(2))
    assert first["csd_before"][0]["filename"] != second["csd_before"][0]["filename"]


def test_it_is_run_for_its_own_sake(host):
    assert host.node("CSDCompare").GET_SCHEMA().is_output_node


def test_only_pictures(compared):
    with pytest.raises(ValueError, match="CSD Compare: before: got .*, expected"):
        compared("picture", torch.zeros(1, 8, 8, 3))
