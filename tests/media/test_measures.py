"""Figures of an edit that need no truth."""

import pytest
import torch

from collaborative_score_distillation.media import measures


@pytest.fixture
def before():
    return torch.rand(3, 8, 40, 3, generator=torch.Generator().manual_seed(1))


def test_an_edit_that_is_the_same_everywhere_is_even(before):
    after = before + torch.tensor([0.3, 0.0, -0.3])
    assert measures.change(before, after) == pytest.approx((0.18 / 3) ** 0.5, rel=1e-5)
    varies = measures.unevenness(before, after, 5), measures.flicker(before, after), measures.spread(before, after)
    for figure in varies:
        assert figure < 1e-6


def test_a_tint_on_one_half_is_uneven(before):
    after = before.clone()
    after[:, :, 20:] += 0.2
    assert measures.unevenness(before, after, 4) == pytest.approx(0.1, rel=1e-5)
    assert measures.flicker(before, after) < 1e-6


def test_one_frame_that_is_brighter_flickers(before):
    after = before.clone()
    after[1] += 0.2
    assert measures.flicker(before, after) == pytest.approx(0.2, rel=1e-5)
    assert measures.spread(before, after) == pytest.approx(0.2 * 2**0.5 / 3, rel=1e-5)
    assert measures.unevenness(before, after, 4) < 1e-6
