"""Laws that hold for every scene of crops, whatever its sizes."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from collaborative_score_distillation.csd import (
    RBF,
    Distillation,
    DrawnNoise,
    Frames,
    Guidance,
    Guided,
    Level,
    PromptScore,
    Stein,
    cover,
    mean,
    merge,
    row,
)
from collaborative_score_distillation.csd.kernel import authors_median, median
from collaborative_score_distillation.csd.scene import pulled_back
from collaborative_score_distillation.csd.windows import Windows

FEW = settings(max_examples=60, deadline=None)


@st.composite
def windows(draw):
    """Windows that cover a canvas, planar or wrapping, of one canvas or two."""
    window = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    canvas = tuple(size + draw(st.integers(0, 9)) for size in window)
    stride = tuple(draw(st.integers(1, size)) for size in window)
    return cover(canvas, window, stride, draw(st.tuples(st.booleans(), st.booleans())), batch=draw(st.integers(1, 2)))


scenes = st.one_of(windows(), st.builds(Frames, st.integers(1, 6)))


def theta_of(scene, seed=0, dtype=torch.float64):
    size = (scene.batch, 2, *scene.canvas) if isinstance(scene, Windows) else (scene.count, 2, 3, 4)
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def some_of(scene, data):
    return data.draw(st.lists(st.sampled_from(range(scene.count)), min_size=1, unique=True))


@FEW
@given(scenes, st.data())
def test_the_pullback_is_the_adjoint_of_the_view(scene, data):
    theta, index = theta_of(scene), some_of(scene, data)
    x, pullback = scene.view(theta, index)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    assert math.isclose((x * direction).sum(), (theta * pullback(direction)).sum(), abs_tol=1e-9)


@FEW
@given(scenes)
def test_merging_what_was_split_gives_it_back(scene):
    theta = theta_of(scene, dtype=torch.float32)
    assert torch.equal(merge(scene, scene.split(theta)), theta)


@FEW
@given(windows(), st.data())
def test_where_one_direction_lies_everywhere_the_gradient_is_that_direction(scene, data):
    """Averaging: overlaps do not count twice."""
    theta, index = theta_of(scene), some_of(scene, data)
    gradient = pulled_back(scene, theta, torch.full((len(index), 2, *scene.window), 3.0, dtype=theta.dtype), index)
    covered = scene.coverage(theta, index).expand_as(theta) > 0
    assert torch.equal(gradient, torch.where(covered, 3.0, 0.0).to(theta))


def level(time):
    return Level.variance_preserving(math.cos(time * math.pi / 2) ** 2, time)


def evaluate(x_t, branch, call):
    return torch.tanh(0.7 * x_t) + 0.1 * call.level.time


def distilled(scene, theta, **changes):
    score = PromptScore(Guided(evaluate), Guidance(1.0), DrawnNoise())
    *_, state = Distillation(scene, score, [level(0.5), level(0.2)], seed=4, **changes)(theta)
    return state.theta


@FEW
@given(scenes, st.integers(1, 5), st.sampled_from([mean, row]), st.sampled_from([median, authors_median]))
def test_how_many_are_scored_at_once_changes_rounding_only(scene, at_once, normalization, bandwidth):
    theta, couple = theta_of(scene), Stein(RBF(bandwidth), normalization)
    whole, parts = (distilled(scene, theta, couple=couple, at_once=n) for n in (None, at_once))
    assert torch.allclose(whole, parts, atol=1e-8)


@FEW
@given(windows(), st.randoms())
def test_the_order_of_windows_makes_no_difference(scene, random):
    order = list(scene.origins)
    random.shuffle(order)
    shuffled = Windows(scene.canvas, scene.window, tuple(order), scene.wrap, scene.batch)
    theta = theta_of(scene)
    assert torch.allclose(distilled(scene, theta), distilled(shuffled, theta), atol=1e-6)


@FEW
@given(st.permutations(range(5)))
def test_permuted_frames_have_permuted_results(order):
    names = tuple("abcde")
    theta = theta_of(Frames(5))
    permuted = distilled(Frames(5, tuple(names[i] for i in order)), theta[list(order)])
    assert torch.allclose(permuted, distilled(Frames(5, names), theta)[list(order)], atol=1e-6)
