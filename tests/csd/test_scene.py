from dataclasses import dataclass, field

import pytest
import torch

from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.scene import Crops, divided, merge, parts_of, pulled_back
from collaborative_score_distillation.csd.tree import tree_map
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
    scene, shape = case
    theta = wide_range(shape, dtype)
    merged = merge(scene, scene.split(theta))
    assert merged.dtype == dtype
    assert torch.equal(merged, theta)


def test_merge_undoes_split_for_windows_in_any_order(case):
    scene, shape = case
    theta = wide_range(shape)
    index = list(reversed(range(scene.count)))
    assert torch.equal(merge(scene, scene.split(theta, index), index), theta)


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
    scene, shape = case
    theta = wide_range(shape)
    x = scene.split(theta)
    assert torch.equal(merge(scene, x, weight=feather(x.shape[-2:])), theta)


def test_weighted_merge_is_the_weighted_average():
    windows = Windows((1, 3), (1, 2), ((0, 0), (0, 1)))
    x = torch.tensor([[1.0, 2.0], [10.0, 20.0]]).reshape(2, 1, 1, 2)
    merged = merge(windows, x, weight=torch.tensor([1.0, 3.0]))
    assert merged.flatten().tolist() == [1, (3 * 2 + 1 * 10) / 4, 20]


def test_merge_averages_what_overlaps():
    windows = Windows((1, 3), (1, 2), ((0, 0), (0, 1)))
    x = torch.tensor([[1.0, 2.0], [10.0, 20.0]]).reshape(2, 1, 1, 2)
    assert merge(windows, x).flatten().tolist() == [1, 6, 20]


def test_merge_in_parts_is_merge(case):
    scene, shape = case
    x = wide_range(scene.split(wide_range(shape)).shape, torch.float64)
    parts = [range(start, min(start + 2, len(x))) for start in range(0, len(x), 2)]
    assert torch.allclose(merge(scene, x, parts=parts), merge(scene, x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("change", [-1, 1])
def test_merge_refuses_a_number_of_particles_that_does_not_fit(change):
    windows = cover((8, 16), (8, 8), (4, 4))
    with pytest.raises(ValueError, match=f"got {windows.count + change} particles, expected {windows.count}"):
        merge(windows, torch.zeros(windows.count + change, 1, 8, 8))


def dot(a, b):
    return (a * b).sum().item()


@pytest.mark.parametrize("some", [False, True], ids=["all", "some"])
def test_scatter_is_the_adjoint_of_split(case, some):
    scene, shape = case
    index = subset(scene.count) if some else None
    generator = torch.Generator().manual_seed(2)
    theta = torch.randn(shape, generator=generator, dtype=torch.float64)
    seen = scene.split(theta, index)
    x = torch.randn(seen.shape, generator=generator, dtype=torch.float64)
    scattered = scene.scatter(x, index)
    assert scattered.shape == theta.shape
    assert dot(seen, x) == pytest.approx(dot(theta, scattered), rel=1e-12, abs=1e-10)


def test_some_particles_are_those_rows_of_all(case):
    scene, shape = case
    theta, index = wide_range(shape), subset(scene.count)
    assert torch.equal(scene.split(theta, index), scene.split(theta)[index])
    assert scene.keys(index) == [scene.keys()[i] for i in index]


def test_some_particles_merge_with_their_own_coverage(case):
    scene, shape = case
    theta, index = wide_range(shape), subset(scene.count)
    merged = merge(scene, scene.split(theta, index), index)
    seen = scene.scatter(torch.ones_like(scene.split(theta, index)), index) > 0
    assert torch.equal(merged, torch.where(seen, theta, 0))


def test_what_no_particle_covers_is_zero(bordered):
    theta = torch.full((1, 2, 20, 30), 7.0)
    merged = merge(bordered, bordered.split(theta))
    assert (merged[..., :16, :24] == 7).all()
    assert (merged[..., 16:, :] == 0).all() and (merged[..., 24:] == 0).all()


def test_nothing_handed_over_is_changed(case):
    scene, shape = case
    theta = wide_range(shape)
    before = theta.clone()
    x = scene.split(theta).clone()
    x_before = x.clone()
    merge(scene, x)
    scene.scatter(x, list(range(scene.count)))
    assert torch.equal(theta, before) and torch.equal(x, x_before)


def test_scatter_refuses_a_number_of_particles_that_does_not_fit():
    windows = cover((8, 16), (8, 8), (4, 4))
    with pytest.raises(ValueError):
        windows.scatter(torch.zeros(windows.count + 1, 1, 8, 8))


def test_keys_name_each_particle_once(case):
    scene, shape = case
    assert len(set(scene.keys())) == scene.count
    assert len(set(scene.theta_keys())) == shape[0]


def test_frames_and_windows_of_whole_canvases_agree():
    theta = wide_range((3, 4, 5, 6))
    frames, windows = Frames(3), cover((5, 6), (5, 6), (5, 6), batch=3)
    assert torch.equal(frames.split(theta), windows.split(theta))
    assert torch.equal(frames.scatter(theta), windows.scatter(theta))


# Views, and directions carried back


def test_frames_and_windows_are_crops(case):
    """Which are the same in every step, and can be viewed any number at a time."""
    scene, _ = case
    assert isinstance(scene, Crops)
    assert scene.at(Draws(3, 4)) is scene and scene.views_at_once is None


def test_crops_are_viewed_as_they_are_split(case):
    scene, shape = case
    theta, index = wide_range(shape), subset(scene.count)
    x, pullback = scene.view(theta, index)
    assert torch.equal(x, scene.split(theta, index))
    assert torch.equal(pullback(x), scene.scatter(x, index))


def test_a_step_averages_where_its_particles_overlap(case):
    """The gradient of a step is the merge of its directions."""
    scene, shape = case
    index = subset(scene.count)
    direction = wide_range(scene.split(torch.zeros(shape), index).shape, seed=3)
    gradient = pulled_back(scene, torch.zeros(shape), direction, index)
    assert torch.equal(gradient, merge(scene, direction, index))


def test_coverage_counts_the_windows_that_show_an_element():
    windows = Windows((2, 5), (2, 3), ((0, 0), (0, 1)), batch=2)
    assert windows.coverage(torch.zeros(2, 4, 2, 5), [0, 1, 3]).shape == (2, 1, 2, 5)
    rows = windows.coverage(torch.zeros(2, 4, 2, 5), [0, 1, 3])[:, 0, 0]
    assert rows.tolist() == [[1, 2, 2, 1, 0], [0, 1, 1, 1, 0]]
    assert windows.coverage(torch.zeros(2, 4, 7, 2, 5), [0]).shape == (2, 1, 1, 2, 5)
    assert Frames(3).coverage(torch.zeros(3, 4, 2, 5), [0, 1]) is None


@dataclass
class Few:
    """Another scene of which only so many particles can be viewed at once; notes how many they were."""

    of: Crops
    views_at_once: int | None
    viewed: list[int] = field(default_factory=list)

    @property
    def count(self):
        return self.of.count

    def view(self, theta, index):
        self.viewed.append(len(index))
        return self.of.view(theta, index)

    def coverage(self, theta, index):
        return self.of.coverage(theta, index)


@pytest.mark.parametrize("views_at_once", [1, 2, 4, 100])
def test_the_gradient_does_not_hang_on_how_many_are_viewed_at_once(case, views_at_once):
    """Sums and coverage are taken over the whole step before they are divided."""
    scene, shape = case
    theta, index = wide_range(shape), list(reversed(subset(scene.count)))
    generator = torch.Generator().manual_seed(3)
    direction = torch.randn(scene.split(theta, index).shape, generator=generator)
    few = Few(scene, views_at_once)
    found, expected = (pulled_back(s, theta, direction, index) for s in (few, scene))
    assert max(few.viewed) <= views_at_once and sum(few.viewed) == len(index)
    assert found.dtype == theta.dtype and torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_gradients_take_the_type_of_theta_and_are_summed_wide(dtype):
    """Forty windows of 1e-3 beside one of 1: summed in half precision they would be lost."""
    windows = Windows((1, 1), (1, 1), ((0, 0),) * 41)
    direction = torch.full((41, 1, 1, 1), 1e-3, dtype=dtype)
    direction[0] = 1
    gradient = pulled_back(windows, torch.zeros(1, 1, 1, 1, dtype=dtype), direction, range(41))
    assert gradient.dtype == dtype
    assert torch.equal(gradient.flatten(), direction.double().mean().to(dtype).reshape(1))


class Pair:
    """Two pictures that every particle is the difference of: theta {"a": [1, h, w], "rest": ([1, h, w],)}."""

    count, views_at_once = 3, 2

    def view(self, theta, index):
        x = torch.stack([(i + 1) * theta["a"] - theta["rest"][0] for i in index])
        rows = torch.tensor([i + 1.0 for i in index], dtype=torch.float64).reshape(-1, 1, 1, 1)
        return x, lambda d: {"a": (rows * d).sum(0), "rest": (-d.sum(0),)}

    def coverage(self, theta, index):
        return None


def test_the_gradient_has_the_structure_of_theta():
    """Without a coverage pullbacks add up."""
    theta = {"a": torch.ones(1, 2, 2), "rest": (torch.ones(1, 2, 2, dtype=torch.float16),)}
    direction = torch.tensor([1.0, 10.0, 100.0]).reshape(3, 1, 1, 1).expand(3, 1, 2, 2)
    gradient = pulled_back(Pair(), theta, direction, [0, 1, 2])
    tree_map(lambda found, like: torch.testing.assert_close(found.to(like), found), gradient, theta)
    assert (gradient["a"] == 321).all() and (gradient["rest"][0] == -111).all()
    assert gradient["a"].dtype == torch.float32 and gradient["rest"][0].dtype == torch.float16


def test_what_is_not_covered_is_divided_to_zero():
    total, coverage = torch.tensor([6.0, 5.0, 0.0]), torch.tensor([3, 0, 2])
    assert divided(total, coverage).tolist() == [2, 0, 0]


@pytest.mark.parametrize(
    "at_once, expected",
    [(1, [[4], [1], [3]]), (2, [[4, 1], [3]]), (5, [[4, 1, 3]]), (None, [[4, 1, 3]])],
)
def test_parts_keep_the_order(at_once, expected):
    assert parts_of([4, 1, 3], at_once) == expected


def test_no_particles_are_no_parts():
    assert parts_of([], None) == parts_of([], 2) == []
