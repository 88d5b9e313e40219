"""Figures of consistency measure what they say."""

import numpy as np
import pytest
import torch

from collaborative_score_distillation.csd.correspondence import Flow
from collaborative_score_distillation.dev.evaluation.consistency import (
    above_floor,
    differences,
    disagreement,
    heat,
    neighbours,
)

SIZE, SHIFT = (6, 20), 3
PANORAMA = np.random.default_rng(0).random((SIZE[0], 40, 3)).astype(np.float32)
FRAMES = np.stack([PANORAMA[:, k * SHIFT : k * SHIFT + SIZE[1]] for k in range(4)])


@pytest.fixture
def motion() -> Flow:
    """Everything goes SHIFT pixels to the left from frame to frame."""
    pairs = neighbours(4)
    place = torch.zeros(len(pairs), *SIZE, 2)
    place[..., 0] = -SHIFT
    valid = (torch.arange(SIZE[1]) >= SHIFT).float().expand(len(pairs), *SIZE)
    return Flow(4, pairs, place, valid, relative=True)


def test_neighbours():
    assert neighbours(3).tolist() == [[0, 1], [1, 2]]
    assert neighbours(1).shape == (0, 2)


def test_true_motion_leaves_no_flicker(motion):
    assert disagreement(FRAMES, motion, neighbours(4)) == 0


def test_frames_of_different_tone_flicker_by_the_difference(motion):
    tones = np.array([0.0, 0.1, 0.0, 0.1], np.float32)[:, None, None, None]
    assert disagreement(FRAMES + tones, motion, neighbours(4)) == pytest.approx(0.1, abs=1e-6)
    assert above_floor(FRAMES + tones, FRAMES + tones / 2, motion, neighbours(4)) == pytest.approx(0.05, abs=1e-6)


def test_what_is_hidden_does_not_count(motion):
    spoilt = FRAMES.copy()
    spoilt[0, :, :SHIFT] = 0
    errors, valid = differences(spoilt, motion, neighbours(4))
    assert (errors[0, :, :SHIFT] > 0).any() and not valid[0, :, :SHIFT].any()
    assert disagreement(spoilt, motion, neighbours(4)) == 0


def test_nothing_in_common_is_an_error(motion):
    nothing = Flow(4, motion.pairs, motion.place, torch.zeros_like(motion.valid), relative=True)
    with pytest.raises(ValueError, match="in common"):
        disagreement(FRAMES, nothing, neighbours(4))


def test_maps_are_black_where_pictures_agree_and_grey_where_unknown():
    picture = heat(np.array([[0.0, 0.03, 0.5, 0.5]]), np.array([[1.0, 1.0, 1.0, 0.0]]))
    assert picture.shape == (1, 4, 3)
    assert (picture[0, 0] == 0).all() and picture[0, 1, 0] > 0.5 and (picture[0, 1, 1:] == 0).all()
    assert (picture[0, 2] == 1).all() and np.allclose(picture[0, 3], 0.35)
