"""The figures of `make demo` and `make demo-quality` measure what they say."""

import numpy as np
import pytest

from collaborative_score_distillation.dev.evaluation.metrics import drift, psnr, seam

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
