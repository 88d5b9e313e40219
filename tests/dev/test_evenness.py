"""What `make demo-evenness` and `make demo-long-range` measure and print."""

import numpy as np
import pytest
from PIL import Image

from collaborative_score_distillation.dev.evaluation import evenness, long_range
from collaborative_score_distillation.dev.evaluation.comparison import Result
from collaborative_score_distillation.dev.evaluation.evenness import FILTER, Asked, figures, more_even, of_size
from collaborative_score_distillation.dev.evaluation.kinds import CSD, SHORT, STARTED

RAMP = np.linspace(0.2, 0.6, 512, dtype=np.float32)[None, :, None] * np.ones((192, 1, 3), np.float32)


@pytest.fixture
def asked():
    return Asked("ramp", "sepia", RAMP, Image.new("RGB", (340, 128)), RAMP + 0.1)


def test_an_even_change_is_even_whatever_its_strength(asked):
    found = figures(RAMP + 0.2, asked, {"filter": asked.filtered})
    assert found["filter"] == pytest.approx(0, abs=1e-6) and found["sky"] == pytest.approx(0, abs=1e-6)
    assert found["strength"] == pytest.approx(2.0, rel=1e-4)


def test_a_tint_in_one_window_is_uneven(asked):
    tinted = RAMP + 0.1
    tinted[:, 384:, 0] += 0.1
    found = figures(tinted, asked, {"filter": asked.filtered})
    assert found["filter"] > 0.02 and found["sky"] > 0


def test_the_filter_is_taken_from_the_picture_itself(tmp_path):
    path = tmp_path / "ramp.png"
    Image.fromarray((RAMP * 255).astype(np.uint8)).resize((1024, 384)).save(path)
    asked = Asked.of(path, "sepia")
    assert asked.picture.shape == asked.filtered.shape == (192, 512, 3)
    assert asked.small.size == (344, 128)
    assert (asked.filtered[..., 0] >= asked.filtered[..., 2]).all()


def test_another_size_keeps_the_mean():
    assert of_size(RAMP, (64, 128)).shape == (64, 128, 3)
    assert of_size(RAMP, (64, 128)).mean() == pytest.approx(RAMP.mean(), abs=1e-6)


LINE = {"other model": 0.02, "same model": 0.02, "filter": 0.01, "sky": -0.01, "strength": 1.0}


def test_the_page_counts_where_the_edit_is_more_even():
    uneven = LINE | {"filter": 0.03}
    one = {CSD: LINE, STARTED: uneven, SHORT: LINE, FILTER: LINE}
    found = {"a": one, "b": one | {CSD: uneven, STARTED: LINE}}
    assert more_even(found, STARTED, "filter") == 1 and more_even(found, SHORT, "filter") == 0
    page = evenness.page({"photographs": found, "looks": ["sepia"], "date": "2024-01-01"})
    assert f"more even than {STARTED} on 0 (other model), 0 (same model), 1 (filter) of 2 photographs" in page
    assert "| b | 0.0300 | 0.0100 | 0.0100 | 0.0100 |" in page


def test_chance_is_what_seeds_do_not_share():
    truth, source = RAMP, RAMP - 0.1
    own, other = truth.copy(), truth.copy()
    own[:, 256:] += 0.05
    other[:, :256] += 0.05
    same = long_range.figures([Result(own[None], [], 8)] * 2, truth, source)
    apart = long_range.figures([Result(own[None], [], 8), Result(other[None], [], 8)], truth, source)
    assert same["chance"] == 0 and same["own"] == pytest.approx(0.025, rel=0.01)
    assert apart["own"] == 0 and apart["chance"] > 0.02
    assert same["psnr"] == pytest.approx(10 * np.log10(2 / 0.05**2), abs=0.1) and same["evaluations"] == 8
