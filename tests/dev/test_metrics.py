"""The figures of `make demo` and `make demo-quality` measure what they say."""

import numpy as np
import pytest

from collaborative_score_distillation.dev.evaluation.metrics import (
    drift,
    own_and_chance,
    psnr,
    root_mean_square,
    seam,
    sky,
    tones,
)

TRUTH = np.random.default_rng(0).random((64, 512, 3)) * 0.5


def test_psnr_of_a_known_error():
    assert psnr(TRUTH + 0.1, TRUTH) == pytest.approx(20.0)


def test_an_even_error_does_not_drift():
    assert drift(TRUTH + 0.1, TRUTH) == pytest.approx(0.0, abs=1e-12)


def test_windows_of_different_tone_drift():
    """Four tiles of alternating tone: smoothing over 64 pixels leaves most of a deviation of 0.05."""
    tones = np.repeat([0.05, -0.05, 0.05, -0.05], 128)[None, :, None]
    assert 0.03 < drift(TRUTH + tones, TRUTH) < 0.05


def test_detail_does_not_drift():
    stripes = np.tile([0.1, -0.1], 256)[None, :, None]
    assert drift(TRUTH + stripes, TRUTH) < 1e-9


def test_seam_sees_jumps_at_edges_only():
    tones = np.repeat([0.05, -0.05, 0.05, -0.05], 128)[None, :, None]
    noise = np.random.default_rng(1).normal(0, 0.01, (1, 512, 1))
    assert seam(TRUTH + tones + noise, TRUTH, [128, 256, 384]) > 5
    assert seam(TRUTH + noise, TRUTH, [128, 256, 384]) == pytest.approx(1, abs=0.9)
    assert seam(TRUTH + tones + noise, TRUTH, [64, 192, 320]) < 1


def test_tones_see_what_changes_along_x_in_every_row_of_squares():
    error = np.zeros((128, 256, 3))
    error[64:, :128], error[:64] = 0.1, 0.7
    found = tones(error)
    assert found.shape == (2, 4, 3)
    assert np.allclose(found[0], 0) and np.allclose(found[1, :, 0], [0.05, 0.05, -0.05, -0.05])
    assert root_mean_square(found[1]) == pytest.approx(0.05)


def test_squares_that_do_not_fit_cover_the_picture():
    assert tones(np.zeros((192, 344, 3))).shape == (3, 6, 3)


def test_an_error_of_many_seeds_falls_into_its_own_part_and_chance():
    rng = np.random.default_rng(0)
    own, noise = rng.normal(0, 0.03, (1, 40, 40, 3)), rng.normal(0, 0.02, (4, 40, 40, 3))
    common, chance = own_and_chance(own + noise)
    assert common == pytest.approx(0.03, rel=0.05) and chance == pytest.approx(0.02, rel=0.05)
    assert own_and_chance(np.repeat(own, 3, axis=0))[1] < 1e-9


def test_an_even_sky_has_no_spread():
    picture = np.full((64, 512, 3), 0.5)
    picture[32:] = np.random.default_rng(0).random((32, 512, 3))
    assert sky(picture) == 0
    picture[:16, :256] = 0.7
    assert sky(picture) == pytest.approx(0.1)
