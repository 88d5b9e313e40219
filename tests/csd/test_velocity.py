"""Velocity space: its ends are delta denoising and FlowEdit, and hand-written loops of one particle are replayed."""

import pytest
import torch

from collaborative_score_distillation.csd import (
    IMAGE,
    RBF,
    SGD,
    SOURCE,
    TARGET,
    Distillation,
    Draws,
    Frames,
    Guidance,
    Guided,
    Level,
    PromptScore,
    Remembering,
    SourcePrompt,
    Stein,
    StepSize,
)
from collaborative_score_distillation.csd.guidance import Call
from collaborative_score_distillation.csd.update import ListedSizes
from collaborative_score_distillation.csd.velocity import Constant, Pull, Rising, VelocityScore

TIMES = (0.9, 0.75, 0.6, 0.45, 0.3, 0.15)
LEVELS = [Level.flow(t, t) for t in TIMES]
MEANS = {TARGET: 1.5, SOURCE: -0.5}
WIDTH = {TARGET: 0.3, SOURCE: 0.7}


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def velocity(x_t, branch, t):
    """The exact velocity of a flow from noise to a Gaussian of mean MEANS[branch] and deviation WIDTH[branch]."""
    mean, width = MEANS[branch], WIDTH[branch]
    variance = ((1 - t) * width) ** 2 + t**2
    offset = x_t - (1 - t) * mean
    clean = mean + (1 - t) * width**2 / variance * offset
    return (x_t - clean) / t


def evaluate(x_t, branch, call):
    return call.level.eps_from_velocity(x_t, velocity(x_t, branch, call.level.sigma))


def score(eta, **changes):
    return VelocityScore(Guided(evaluate), Guidance(1.0), Guidance(1.0, prompt=SOURCE), eta, **changes)


def call(level, progress=0.0):
    return Call(level, [0, 1], Frames(2), Draws(0, 0), progress)


X, S, EPS = (normal(2, 3, 4, 4, seed=seed) for seed in (1, 2, 3))


def test_eta_zero_is_the_noise_residual_divided_by_the_signal():
    noise = PromptScore(Guided(evaluate), Guidance(1.0), SourcePrompt())
    for level in LEVELS:
        x_t, residual = noise(X, S, EPS, call(level))
        same_x_t, velocities = score(Constant(0.0))(X, S, EPS, call(level))
        assert torch.allclose(x_t, same_x_t, atol=1e-12)
        assert torch.allclose(velocities, residual / level.alpha, atol=1e-5)


def test_an_unedited_particle_under_one_prompt_has_no_residual():
    same = VelocityScore(Guided(evaluate), Guidance(1.0), Guidance(1.0), Constant(0.5))
    _, residual = same(S, S, EPS, call(LEVELS[2]))
    assert residual.abs().max() < 1e-12


def flow_edit(source, noises):
    """FlowEdit with n_avg 1 and n_min 0, as its Algorithm 1 is printed."""
    edited = source
    for t, following, eps in zip(TIMES, (*TIMES[1:], 0.0), noises):
        source_t = (1 - t) * source + t * eps
        target_t = edited + source_t - source
        edited = edited + (following - t) * (velocity(target_t, TARGET, t) - velocity(source_t, SOURCE, t))
    return edited


def dvrf(source, noises, size):
    """Delta velocity rectified flow: eta = step / steps, plain gradient descent on the delta velocity."""
    edited = source
    for step, (t, eps) in enumerate(zip(TIMES, noises)):
        eta = step / len(TIMES)
        source_t = (1 - t) * source + t * eps
        target_t = (1 - t) * edited + t * eps + eta * t * (edited - source)
        gradient = velocity(target_t, TARGET, t) - velocity(source_t, SOURCE, t) + (1 - eta) * (edited - source)
        edited = edited - size * gradient
    return edited


def flow_align(source, noises, scale, strength):
    """FlowAlign: guidance from the source prompt on the target alone, and a pull between the clean estimates."""
    edited = source
    for t, following, eps in zip(TIMES, (*TIMES[1:], 0.0), noises):
        source_t = (1 - t) * source + t * eps
        target_t = edited + source_t - source
        start, away = velocity(target_t, SOURCE, t), velocity(source_t, SOURCE, t)
        towards = start + scale * (velocity(target_t, TARGET, t) - start)
        clean_source, clean_target = source_t - t * away, target_t - t * towards
        edited = edited + (following - t) * (towards - away) + strength * (clean_source - clean_target)
    return edited


def run(chosen, source, **changes):
    settings = {"couple": Stein(RBF()), "weight": lambda level: 1.0, "seed": 5, **changes}
    *_, state = Distillation(Frames(len(source)), chosen, LEVELS, **settings)(source)
    return state.theta


def noises(source):
    return [Draws(5, step).normal(source.shape[1:], "particle", "0")[None].double() for step in range(len(TIMES))]


def test_one_particle_with_eta_one_is_flow_edit():
    source = normal(1, 3, 4, 4, seed=7)
    sizes = ListedSizes(tuple(a - b for a, b in zip(TIMES, (*TIMES[1:], 0.0))))
    found = run(score(Constant(1.0)), source, update=SGD(sizes))
    assert torch.allclose(found, flow_edit(source, noises(source)), atol=1e-12)


def test_one_particle_with_rising_eta_is_dvrf():
    source = normal(1, 3, 4, 4, seed=7)
    found = run(score(Rising()), source, update=SGD(StepSize(0.4)))
    assert torch.allclose(found, dvrf(source, noises(source), 0.4), atol=1e-12)


@pytest.mark.parametrize("strength", [0.0, 0.01, 0.2])
def test_one_particle_with_a_pull_is_flow_align(strength):
    source = normal(1, 3, 4, 4, seed=7)
    lengths = {level: a - b for level, a, b in zip(LEVELS, TIMES, (*TIMES[1:], 0.0))}
    chosen = VelocityScore(
        Guided(evaluate, same={IMAGE: SOURCE}),
        Guidance(3.0),
        Guidance(1.0, prompt=SOURCE),
        pull=Pull(strength, lengths),
    )
    found = run(chosen, source, update=SGD(ListedSizes(tuple(lengths.values()))))
    assert torch.allclose(found, flow_align(source, noises(source), 3.0, strength), atol=1e-12)


def test_the_pull_between_gaussians_is_the_known_one():
    """The clean estimate of x_t is its projection on the line between the mean and x_t: linear in both."""
    level = LEVELS[1]
    t, source_t = level.sigma, level.noise(S, EPS)
    target_t = level.noise(X, EPS) + t * (X - S)
    free, pulled = (score(Constant(1.0), pull=lambda _, p=p: p)(X, S, EPS, call(level))[1] for p in (0.0, 0.3))
    apart = 0.0
    for seen, branch, sign in ((target_t, TARGET, 1), (source_t, SOURCE, -1)):
        mean, width = MEANS[branch], WIDTH[branch]
        share = (1 - t) * width**2 / (((1 - t) * width) ** 2 + t**2)
        apart = apart + sign * (share * seen + (1 - share * (1 - t)) * mean)
    assert torch.allclose(pulled - free, 0.3 * apart, atol=1e-12)


def test_the_way_back():
    """With the prompts exchanged the edit leads back to the source; with the pull it ends nearer to it."""
    source, times = normal(1, 3, 8, 8, seed=7), [1 - step / 100 for step in range(1, 100)]
    levels = [Level.flow(t, t) for t in times]
    lengths = {level: a - b for level, a, b in zip(levels, times, (*times[1:], 0.0))}

    def edited(image, towards, away, strength):
        pull, sizes = Pull(strength, lengths), ListedSizes(tuple(lengths.values()))
        chosen = VelocityScore(Guided(evaluate), Guidance(1.0, prompt=towards), Guidance(1.0, prompt=away), pull=pull)
        settings = {"weight": lambda level: 1.0, "seed": 5, "update": SGD(sizes)}
        *_, state = Distillation(Frames(1), chosen, levels, **settings)(image)
        return state.theta

    def lost(strength):
        there = edited(source, TARGET, SOURCE, strength)
        return (edited(there, SOURCE, TARGET, strength) - source).abs().mean() / (there - source).abs().mean()

    assert lost(0.01) < lost(0.0) < 0.3


def test_the_edit_of_a_gaussian_is_the_known_one():
    """FlowEdit in small steps carries one Gaussian onto the other: mean and deviation arrive."""
    source = MEANS[SOURCE] + WIDTH[SOURCE] * normal(1, 1, 64, 64, seed=9)
    times = [1 - step / 200 for step in range(1, 200)]
    sizes = ListedSizes(tuple(a - b for a, b in zip(times, (*times[1:], 0.0))))
    flow = Distillation(
        Frames(1), score(Constant(1.0)), [Level.flow(t, t) for t in times], update=SGD(sizes), weight=lambda level: 1.0
    )
    *_, state = flow(source)
    assert state.theta.mean().item() == pytest.approx(MEANS[TARGET], abs=0.05)


def test_a_larger_eta_edits_more():
    source = normal(1, 3, 4, 4, seed=7)
    runs = [run(score(Constant(eta)), source, update=SGD(StepSize(0.1))) for eta in (0, 0.5, 1)]
    moved = [(edited - source).abs().mean() for edited in runs]
    assert moved[0] < moved[1] < moved[2]


def test_an_anchor_pulls_back():
    source = normal(1, 3, 4, 4, seed=7)
    free, held = (run(score(Constant(1.0), anchor=a), source, update=SGD(StepSize(0.1))) for a in (0.0, 0.5))
    assert (held - source).abs().mean() < (free - source).abs().mean()


def test_without_a_source_it_is_the_error_of_the_velocity():
    alone = VelocityScore(Guided(evaluate), Guidance(1.0), None)
    level = LEVELS[1]
    x_t, residual = alone(X, None, EPS, call(level))
    assert torch.allclose(x_t, level.noise(X, EPS))
    assert torch.allclose(residual, velocity(x_t, TARGET, level.sigma) - (EPS - X), atol=1e-10)


def test_what_recurs_on_the_source_is_asked_once():
    asked = []

    def counted(x_t, branch, call):
        asked.append(branch)
        return evaluate(x_t, branch, call)

    chosen = VelocityScore(Remembering(Guided(counted)), Guidance(1.0), Guidance(1.0, prompt=SOURCE), Constant(0.5))
    source = normal(2, 3, 4, 4, seed=7)
    *_, _ = Distillation(Frames(2), chosen, LEVELS[:2], reuse=3, update=SGD(StepSize(0.1)))(source)
    assert asked.count(TARGET) == 6 and asked.count(SOURCE) == 2


@pytest.mark.parametrize("eta", [-0.1, 1.1, float("nan")])
def test_an_eta_out_of_range_is_refused(eta):
    with pytest.raises(ValueError, match="eta: got"):
        Constant(eta)


def test_other_kinds_of_models_and_missing_sources_are_refused():
    with pytest.raises(ValueError, match="expected a rectified flow model"):
        score(Constant(1.0))(X, S, EPS, call(Level.variance_preserving(0.5, 0.3)))
    with pytest.raises(ValueError, match="got no source to edit"):
        score(Constant(1.0))(X, None, EPS, call(LEVELS[0]))
