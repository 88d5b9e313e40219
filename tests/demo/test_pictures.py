"""Photographs out of the installed package, styles for any picture, the list of instructions."""

import numpy as np
import pytest
import torch
from einops import rearrange

from collaborative_score_distillation.demo.instructions import INSTRUCTIONS, all_wordings, known_instructions
from collaborative_score_distillation.demo.painter import LOOKS, paint
from collaborative_score_distillation.dev.training.dead_leaves import dead_leaves
from collaborative_score_distillation.dev.training.photographs import NAMES, photo_crop, photograph, photographs_at_hand
from collaborative_score_distillation.dev.training.styles import STYLES, apply_style


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """A photograph and a painted scene ``[2, 3, 96, 96]``."""
    both = np.stack([photo_crop(np.random.default_rng(1), 96), paint(1, "summer", 96, 96)])
    return rearrange(torch.from_numpy(both), "n h w c -> n c h w")


@pytest.mark.parametrize("name", NAMES)
def test_photographs_are_installed(name):
    picture = photograph(next(path for path in photographs_at_hand() if path.name == name))
    assert picture.mode == "RGB" and min(picture.size) >= 256


def test_crops_are_keyed_by_their_generator():
    first, second = (photo_crop(np.random.default_rng(seed), 64) for seed in (3, 3))
    assert np.array_equal(first, second)
    assert first.shape == (64, 64, 3) and first.min() >= 0 and first.max() <= 1


def test_dead_leaves_cover_a_picture():
    first, again, other = (dead_leaves(np.random.default_rng(seed), 64) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert first.shape == (64, 64, 3) and first.dtype == np.float32 and 0 <= first.min() < first.max() <= 1
    quarters = first.reshape(2, 32, 2, 32, 3).std(axis=(1, 3))
    assert quarters.min() > 0.01


@pytest.mark.parametrize("style", STYLES)
def test_styles_change_pictures_and_keep_their_shape(style, pictures):
    before = pictures.clone()
    styled = apply_style(pictures, style)
    assert styled.shape == pictures.shape and torch.equal(pictures, before)
    assert styled.min() >= 0 and styled.max() <= 1
    assert ((styled - pictures).abs().mean(dim=(1, 2, 3)) > 0.03).all()
    assert torch.equal(styled, apply_style(pictures, style))


def test_monochrome_has_no_colour(pictures):
    styled = apply_style(pictures, "monochrome")
    assert (styled.amax(dim=1) - styled.amin(dim=1)).max() < 1e-6


def test_bad_styles_are_named(pictures):
    with pytest.raises(ValueError, match="cubism"):
        apply_style(pictures, "cubism")
    with pytest.raises(ValueError, match="96"):
        apply_style(pictures[0], "sepia")


def test_every_look_and_style_has_instructions():
    assert set(INSTRUCTIONS) == {*LOOKS, *STYLES}
    assert known_instructions() == [wordings[0] for wordings in INSTRUCTIONS.values()]
    assert len(set(all_wordings())) == len(all_wordings())
