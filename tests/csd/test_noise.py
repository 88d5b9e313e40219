import pytest
import torch

from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.noise import FIELDS, Draws
from collaborative_score_distillation.csd.parameterization import merge
from collaborative_score_distillation.csd.windows import Windows, cover


def field(name, parameterization, index=None, seed=3, step=5, dtype=torch.float32):
    """Noise of `index`, drawn for a theta of 4 channels."""
    index = list(range(parameterization.count)) if index is None else index
    if isinstance(parameterization, Frames):
        theta = torch.zeros(parameterization.count, 4, 8, 8, dtype=dtype)
    else:
        theta = torch.zeros(parameterization.batch, 4, *parameterization.canvas, dtype=dtype)
    x = parameterization.split(theta, index)
    return FIELDS[name](Draws(seed, step), theta, x, parameterization, index)


@pytest.fixture(params=["frames", "windows"])
def parameterization(request):
    windows = cover((16, 40), (16, 16), (8, 6), (False, True), batch=2)
    return Frames(6) if request.param == "frames" else windows


@pytest.fixture(params=sorted(FIELDS))
def name(request):
    return request.param


def test_the_same_seed_gives_the_same_numbers(name, parameterization):
    assert torch.equal(field(name, parameterization), field(name, parameterization))


@pytest.mark.parametrize("change", [{"seed": 4}, {"step": 6}, {"seed": 35, "step": 0}], ids=str)
def test_another_seed_or_step_gives_other_numbers(name, parameterization, change):
    a, b = field(name, parameterization), field(name, parameterization, **change)
    assert not torch.isclose(a, b).flatten(1).all(1).any()


def test_noise_does_not_hang_on_order_or_company(name, parameterization):
    everyone = field(name, parameterization)
    index = [3, 0, 5]
    assert torch.equal(field(name, parameterization, index), everyone[index])
    assert torch.equal(field(name, parameterization, [4]), everyone[[4]])


def test_noise_follows_the_name_of_a_frame(name):
    ordered = field(name, Frames(3, ("a", "b", "c")))
    assert torch.equal(field(name, Frames(3, ("c", "a", "b"))), ordered[[2, 0, 1]])


def test_noise_follows_the_origin_of_a_window(name):
    windows = cover((16, 40), (16, 16), (8, 8))
    order = list(reversed(range(windows.count)))
    turned = Windows(windows.canvas, windows.window, tuple(windows.origins[i] for i in order))
    assert torch.equal(field(name, turned), field(name, windows)[order])


def test_noise_has_unit_variance(name):
    noise = field(name, cover((64, 128), (64, 64), (64, 64))).double()
    count = noise[0].numel()
    assert abs(noise.mean().item()) < 4 / count**0.5
    assert abs(noise.var().item() - 1) < 4 * (2 / count) ** 0.5


def test_noise_takes_the_type_of_the_particles(name, parameterization):
    noise = field(name, parameterization, dtype=torch.float16)
    assert noise.dtype == torch.float16
    assert torch.equal(noise, field(name, parameterization).half())


def correlation(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


def test_independent_noise_is_uncorrelated_between_particles():
    noise = field("independent", Frames(6))
    assert max(abs(correlation(noise[i], noise[j])) for i in range(6) for j in range(i)) < 4 / 256**0.5


def test_shared_noise_is_equal_for_all(parameterization):
    noise = field("shared", parameterization)
    assert (noise == noise[:1]).all()


@pytest.mark.parametrize("wrap", [(False, False), (True, True)], ids=["planar", "wrapping"])
def test_canvas_noise_agrees_where_windows_overlap(wrap):
    """Only what agrees on overlaps, the seam included, is unchanged by averaging."""
    windows = cover((20, 45), (12, 16), (5, 6), wrap, batch=2)
    noise = field("canvas", windows)
    assert torch.equal(windows.split(merge(windows, noise)), noise)
    apart = field("independent", windows)
    assert not torch.allclose(windows.split(merge(windows, apart)), apart)


def test_canvas_noise_agrees_across_the_seam():
    windows = Windows((8, 32), (8, 8), ((0, 28), (0, 0)), (False, True))
    noise = field("canvas", windows)
    assert torch.equal(noise[0, ..., 4:], noise[1, ..., :4])


def test_canvases_have_noise_of_their_own():
    noise = field("canvas", cover((8, 16), (8, 8), (8, 8), batch=2))
    assert abs(correlation(noise[0], noise[2])) < 4 / 256**0.5


def test_draws_with_different_keys_differ():
    draws = Draws(0, 0)
    rows = [draws.normal((64,), *key) for key in [("a",), ("b",), ("a", "b"), ("a", 1), ()]]
    assert len({tuple(row.tolist()) for row in rows}) == len(rows)


def test_seed_and_step_do_not_run_into_one_another():
    assert not torch.equal(Draws(1, 11).normal((8,)), Draws(11, 1).normal((8,)))


@pytest.mark.parametrize("seed", [0, -7, 2**64 - 1])
def test_any_integer_is_a_seed(seed):
    assert torch.isfinite(Draws(seed, 0).normal((8,), "a")).all()


def test_uniform_draws_fill_the_unit_interval():
    numbers = [Draws(seed, 0).uniform("a") for seed in range(2000)]
    assert min(numbers) >= 0 and max(numbers) < 1
    assert min(numbers) < 0.01 and max(numbers) > 0.99
    assert abs(sum(numbers) / 2000 - 0.5) < 4 * (1 / 12 / 2000) ** 0.5


def test_drawing_leaves_the_global_generator_alone(name, parameterization):
    before = torch.get_rng_state()
    field(name, parameterization)
    assert torch.equal(torch.get_rng_state(), before)
