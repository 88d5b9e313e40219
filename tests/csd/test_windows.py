import math
from dataclasses import replace

import pytest
import torch
from einops import repeat

from collaborative_score_distillation.csd.scene import merge, pulled_back
from collaborative_score_distillation.csd.windows import Windows, cover, feather, grid, positions


def draws(seed):
    generator = torch.Generator().manual_seed(seed)
    return lambda low, high: torch.randint(low, high + 1, (), generator=generator).item()


@pytest.mark.parametrize("wrap", [False, True], ids=["planar", "wrapping"])
@pytest.mark.parametrize("multiple", [1, 4, 8])
def test_every_element_of_any_axis_is_covered_from_multiples(wrap, multiple):
    draw = draws(multiple)
    for _ in range(400):
        length = draw(1, 30) * multiple
        window = draw(1, length // multiple) * multiple
        stride = draw(1, window)
        starts = positions(length, window, stride, wrap, multiple)
        seen = {(start + i) % length for start in starts for i in range(window)}
        setting = (length, window, stride, starts)
        assert seen == set(range(length)), setting
        assert all(start % multiple == 0 for start in starts), setting
        assert starts == sorted(set(starts)), setting
        assert all(start + window <= length for start in starts) or wrap, setting


def test_every_element_of_a_canvas_is_covered():
    windows = cover((29, 101), (16, 20), (9, 13), (False, True), batch=2)
    ones = torch.ones(windows.count, 1, 16, 20)
    assert windows.scatter(ones).shape == (2, 1, 29, 101)
    assert (windows.scatter(ones) >= 1).all()


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((64, 16, 8), [0, 8, 16, 24, 32, 40, 48]),
        ((65, 16, 8), [0, 8, 16, 24, 32, 40, 48, 49]),
        ((16, 16, 8), [0]),
        ((64, 16, 16, True), [0, 16, 32, 48]),
        ((50, 16, 16, True), [0, 12, 25, 37]),
        ((40, 16, 12, False, 8), [0, 8, 24]),
        ((16, 16, 8, True), [0]),
    ],
)
def test_positions(arguments, expected):
    assert positions(*arguments) == expected


def test_wrapping_windows_spread_evenly():
    """No place of the circle is visited by more than one window more than another."""
    starts = positions(100, 24, 7, wrap=True)
    gaps = {(b - a) % 100 for a, b in zip(starts, starts[1:] + starts[:1])}
    assert len(starts) == math.ceil(100 / 7) and max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize("stride", [0, -1, 17])
def test_stride_must_be_one_to_window(stride):
    with pytest.raises(ValueError, match=f"got stride {stride} for a window of 16"):
        positions(64, 16, stride)


@pytest.mark.parametrize("length, window", [(60, 16), (64, 12)])
def test_sizes_must_be_multiples(length, window):
    with pytest.raises(ValueError, match="expected multiples of 8"):
        positions(length, window, 8, multiple=8)


def test_windows_run_row_by_row():
    origins = cover((24, 32), (16, 16), (8, 8)).origins
    assert origins == ((0, 0), (0, 8), (0, 16), (8, 0), (8, 8), (8, 16))


def test_particles_run_canvas_by_canvas():
    windows = cover((4, 8), (4, 4), (4, 4), batch=2)
    theta = torch.arange(2 * 32.0).reshape(2, 1, 4, 8)
    assert windows.count == 4
    expected = torch.stack([theta[0, ..., :4], theta[0, ..., 4:], theta[1, ..., :4], theta[1, ..., 4:]])
    assert torch.equal(windows.split(theta), expected)


def test_a_wrapping_window_runs_over_the_seam():
    theta = torch.arange(6 * 10.0).reshape(1, 1, 6, 10)
    windows = Windows((6, 10), (4, 5), ((4, 8),), (True, True))
    expected = torch.roll(theta, (-4, -8), (-2, -1))[..., :4, :5]
    assert torch.equal(windows.split(theta), expected)


def test_the_seam_is_visited_like_any_other_place():
    windows = cover((8, 64), (8, 16), (8, 4), (False, True))
    coverage = windows.scatter(torch.ones(windows.count, 1, 8, 16))
    assert (coverage == 4).all()


def test_keys_hang_on_the_place_and_not_on_the_order():
    windows = cover((16, 40), (16, 16), (8, 8), batch=2)
    turned = Windows(windows.canvas, windows.window, windows.origins[::-1], batch=2)
    assert windows.keys() != turned.keys()
    assert set(windows.keys()) == set(turned.keys())
    assert windows.theta_keys() == turned.theta_keys()


@pytest.mark.parametrize(
    "arguments",
    [
        ((16, 16), (17, 16), ((0, 0),)),
        ((16, 16), (8, 8), ()),
        ((16, 16), (8, 8), ((0, 9),)),
        ((16, 16), (8, 8), ((-1, 0),)),
        ((16, 16), (8, 8), ((0, 16),), (True, True)),
        ((16, 16), (8, 8), ((9, 0),), (False, True)),
        ((16, 16), (8, 8), ((0, 0),), (False, False), 0),
    ],
    ids=["too large", "none", "right of it", "above it", "past the seam", "planar in y", "no canvas"],
)
def test_windows_off_the_canvas_are_refused(arguments):
    with pytest.raises(ValueError, match="Windows: "):
        Windows(*arguments)


@pytest.mark.parametrize("shape", [(1, 4, 16, 31), (1, 4, 17, 32), (2, 4, 16, 32)])
def test_another_canvas_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(1, 16, 32\)"):
        cover((16, 32), (16, 16), (8, 8)).split(torch.zeros(shape))


def test_rescaled_windows_see_the_same_places():
    pixels = cover((64, 160), (64, 64), (64, 24), (False, True), multiple=8)
    latents = pixels.rescaled((8, 8))
    theta = torch.randn(1, 4, 8, 20, generator=torch.Generator().manual_seed(0))

    def enlarged(x):
        return repeat(x, "b c h w -> b c (h y) (w x)", y=8, x=8)

    assert (latents.canvas, latents.window) == ((8, 20), (8, 8))
    assert torch.equal(pixels.split(enlarged(theta)), enlarged(latents.split(theta)))
    assert latents.rescaled((64, 64)) == pixels


def test_rescaling_may_differ_by_axis():
    assert cover((32, 64), (16, 32), (16, 32)).rescaled((4, 4)).origins == ((0, 0), (0, 4), (4, 0), (4, 4))


@pytest.mark.parametrize("canvas, stride", [((64, 100), (64, 36)), ((64, 96), (64, 12))], ids=["canvas", "origins"])
def test_rescaling_to_fractions_is_refused(canvas, stride):
    with pytest.raises(ValueError, match="does not rescale"):
        cover(canvas, (64, 64), stride).rescaled((8, 8))


@pytest.mark.parametrize("canvas, count", [((64, 240), 12), ((80, 112), 8), ((64, 128), 5), ((70, 130), 5)])
def test_grid_has_the_windows_of_the_authors_code(canvas, count):
    assert grid(canvas, (64, 64), (16, 16)).count == count


@pytest.mark.parametrize("window", [(1, 1), (4, 4), (5, 8), (1, 9)])
def test_feather_falls_off_from_the_middle(window):
    weights = feather(window)
    assert weights.shape == window
    assert (weights > 0).all() and (weights <= 1).all()
    assert torch.allclose(weights, weights.flip(0, 1))
    assert weights.max() == weights[window[0] // 2, window[1] // 2]
    assert weights.min() == weights[0, 0]


def test_feather_is_linear_along_each_axis():
    expected = torch.tensor([1, 2, 3, 2, 1]) / 3
    assert torch.allclose(feather((5, 5)), expected[:, None] * expected)


SOFT = replace(cover((24, 40), (16, 16), (8, 12)), soft=True)


def test_soft_windows_average_by_their_feather():
    """A step of the whole set: the same as merging the directions with these weights."""
    theta, direction = torch.randn(1, 3, 24, 40), torch.randn(SOFT.count, 3, 16, 16)
    gradient = pulled_back(SOFT, theta, direction, range(SOFT.count))
    assert torch.allclose(gradient, merge(SOFT, direction, weight=feather((16, 16))), atol=1e-6)
    assert not torch.allclose(gradient, merge(SOFT, direction), atol=1e-2)


def test_windows_that_agree_are_not_changed_by_softness():
    theta = torch.randn(1, 2, 24, 40)
    gradient = pulled_back(SOFT, theta, SOFT.split(theta), range(SOFT.count))
    assert torch.allclose(gradient, theta, atol=1e-6)


def test_no_step_shows_at_the_edge_of_a_soft_window():
    """One window differs by a constant. At its edge the canvas jumps by a half with windows that count alike."""

    def step_at_edge(windows):
        direction = torch.zeros(windows.count, 1, 16, 16)
        direction[1] = 1
        canvas = pulled_back(windows, torch.zeros(1, 1, 16, 40), direction, range(windows.count))
        return float(canvas.diff(dim=-1).abs().max())

    hard = cover((16, 40), (16, 16), (16, 8))
    assert step_at_edge(hard) == 0.5
    assert step_at_edge(replace(hard, soft=True)) < 0.15
