"""Consistent Edit with tiny models of the families: each is asked in its own way."""

import pytest
import torch

from ..simple import PANORAMA, SET
from .whole import TINY, whole

SLOW = pytest.mark.slow  # its host node enlarges every picture to a megapixel
EDITORS = ("qwen_image_edit", "flux_kontext", "cosxl_edit", "instruct_pix2pix")
DESCRIBED = tuple(name for name in TINY if name not in EDITORS)


@pytest.fixture(scope="module")
def picture(host):
    return host.run("CSDDemoScene", seed=1, look="summer", width=128, height=64)[0]


def words(name: str) -> dict:
    return {"source": "a river in summer"} if name in DESCRIBED else {}


@pytest.fixture
def tiny(host, comfy):
    return lambda name: tuple(whole(host, comfy, name).values())


EACH = [pytest.param(name, marks=[SLOW] if name == "qwen_image_edit" else []) for name in TINY]


@pytest.mark.parametrize("name", EACH)
def test_a_panorama(consistent, tiny, picture, name):
    edited, _ = consistent(PANORAMA, tiny(name), picture, window=64, **words(name))
    assert edited.shape == picture.shape and not torch.allclose(edited, picture, atol=0.01)


@pytest.mark.parametrize("name", EACH)
def test_a_set(consistent, tiny, picture, name):
    frames = torch.cat([picture[:, :, :64], picture[:, :, 8:72]])
    edited, _ = consistent(SET, tiny(name), frames, **words(name))
    assert edited.shape == frames.shape


@pytest.mark.parametrize("name", ["sdxl", "sd35"])
def test_a_model_that_sees_no_picture_asks_for_words(consistent, tiny, picture, name):
    assert "source: got no description of the source" in consistent(PANORAMA, tiny(name), picture)
