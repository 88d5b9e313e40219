import pytest
import torch

from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.parameterization import merge
from collaborative_score_distillation.csd.windows import Windows, cover, feather

DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def wide_range(shape, dtype=torch.float32, seed=0):
    """Numbers of both signs over six decades, so that inexact sums show."""
    generator = torch.Generator().manual_seed(seed)
    exponents = 6 * torch.rand(shape, generator=generator) - 3
    return (torch.randn(shape, generator=generator) * 10**exponents).to(dtype)


def subset(count):
    return sorted(torch.randperm(count, generator=torch.Generator().manual_seed(1)).tolist()[: max(1, count // 2)])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_merge_undoes_split_exactly(case, dtype):
    parameterization, shape = case
    theta = wide_range(shape, dtype)
    merged = merge(parameterization, parameterization.split(theta))
    assert merged.dtype == dtype
    assert torch.equal(merged, theta)


def test_merge_undoes_split_for_windows_in_any_order(case):
    parameterization, shape = case
    theta = wide_range(shape)
    index = list(reversed(range(parameterization.count)))
    assert torch.equal(merge(parameterization, parameterization.split(theta, index), index), theta)


@pytest.mark.parametrize("seed", range(40))
def test_merge_undoes_split_on_random_canvases(seed):
    def draw(low, high):
        return torch.randint(low, high + 1, (), generator=generator).item()

    generator = torch.Generator().manual_seed(seed)
    canvas = draw(1, 40), draw(1, 40)
    window = tuple(draw(1, length) for length in canvas)
    stride = tuple(draw(-(-size // 4), size) for size in window)
    windows = cover(canvas, window, stride, (draw(0, 1) == 1, draw(0, 1) == 1), batch=draw(1, 2))
    theta = wide_range((windows.batch, 2, *canvas), seed=seed)
    assert torch.equal(merge(windows, windows.split(theta)), theta)


def test_weighted_merge_undoes_split_exactly(case):
    parameterization, shape = case
    theta = wide_range(shape)
    x = parameterization.split(theta)
    assert torch.equal(merge(parameterization, x, weight=feather(x.shape[-2:])), theta)


def test_weighted_merge_is_the_weighted_average():
    windows = Windows((1, 3), (1, 2), ((0, 0), (0, 1)))
    x = torch.tensor([[1.0, 2.0], [10.0, 20.0]]).reshape(2, 1, 1, 2)
    merged = merge(windows, x, weight=torch.tensor([1.0, 3.0]))
    assert merged.flatten().tolist() == [1, (3 * 2 + 1 * 10) / 4, 20]


def test_merge_averages_what_overlaps():
    windows = Windows((1, 3), (1, 2), ((0, 0), (0, 1)))
    x = torch.tensor([[1.0, 2.0], [10.0, 20.0]]).reshape(2, 1, 1, 2)
    assert merge(windows, x).flatten().tolist() == [1, 6, 20]


def dot(a, b):
    return (a * b).sum().item()


@pytest.mark.parametrize("some", [False, True], ids=["all", "some"])
def test_scatter_is_the_adjoint_of_split(case, some):
    parameterization, shape = case
    index = subset(parameterization.count) if some else None
    generator = torch.Generator().manual_seed(2)
    theta = torch.randn(shape, generator=generator, dtype=torch.float64)
    seen = parameterization.split(theta, index)
    x = torch.randn(seen.shape, generator=generator, dtype=torch.float64)
    scattered = parameterization.scatter(x, index)
    assert scattered.shape == theta.shape
    assert dot(seen, x) == pytest.approx(dot(theta, scattered), rel=1e-12, abs=1e-10)


def test_some_particles_are_those_rows_of_all(case):
    parameterization, shape = case
    theta, index = wide_range(shape), subset(parameterization.count)
    assert torch.equal(parameterization.split(theta, index), parameterization.split(theta)[index])
    assert parameterization.keys(index) == [parameterization.keys()[i] for i in index]


def test_some_particles_merge_with_their_own_coverage(case):
    parameterization, shape = case
    theta, index = wide_range(shape), subset(parameterization.count)
    merged = merge(parameterization, parameterization.split(theta, index), index)
    seen = parameterization.scatter(torch.ones_like(parameterization.split(theta, index)), index) > 0
    assert torch.equal(merged, torch.where(seen, theta, 0))


def test_what_no_particle_covers_is_zero(bordered):
    theta = torch.full((1, 2, 20, 30), 7.0)
    merged = merge(bordered, bordered.split(theta))
    assert (merged[..., :16, :24] == 7).all()
    assert (merged[..., 16:, :] == 0).all() and (merged[..., 24:] == 0).all()


def test_nothing_handed_over_is_changed(case):
    parameterization, shape = case
    theta = wide_range(shape)
    before = theta.clone()
    x = parameterization.split(theta).clone()
    x_before = x.clone()
    merge(parameterization, x)
    parameterization.scatter(x, list(range(parameterization.count)))
    assert torch.equal(theta, before) and torch.equal(x, x_before)


def test_scatter_refuses_a_number_of_particles_that_does_not_fit():
    windows = cover((8, 16), (8, 8), (4, 4))
    with pytest.raises(ValueError):
        windows.scatter(torch.zeros(windows.count + 1, 1, 8, 8))


def test_keys_name_each_particle_once(case):
    parameterization, shape = case
    assert len(set(parameterization.keys())) == parameterization.count
    assert len(set(parameterization.theta_keys())) == shape[0]


def test_frames_and_windows_of_whole_canvases_agree():
    theta = wide_range((3, 4, 5, 6))
    frames, windows = Frames(3), cover((5, 6), (5, 6), (5, 6), batch=3)
    assert torch.equal(frames.split(theta), windows.split(theta))
    assert torch.equal(frames.scatter(theta), windows.scatter(theta))
