import math

import pytest
import torch

from collaborative_score_distillation.csd import noise
from collaborative_score_distillation.csd.bank import Bank
from collaborative_score_distillation.csd.baseline import DrawnNoise, ImageConditional
from collaborative_score_distillation.csd.batches import ListedBatches, RandomBatch
from collaborative_score_distillation.csd.distill import Distillation, State
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.guidance import TARGET, Guidance, Guided
from collaborative_score_distillation.csd.kernel import RBF, Independent
from collaborative_score_distillation.csd.level import Level
from collaborative_score_distillation.csd.noise import Draws
from collaborative_score_distillation.csd.score import PromptScore
from collaborative_score_distillation.csd.stein import Stein, mean, row
from collaborative_score_distillation.csd.timesteps import Listed, Random
from collaborative_score_distillation.csd.update import SGD, Adam, Masked, StepSize
from collaborative_score_distillation.csd.windows import Windows, cover


def levels(time):
    return Level.variance_preserving(math.cos(time * math.pi / 2) ** 2, time)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


FRAMES = Frames(5, ("a", "b", "c", "d", "e"))
WINDOWS = cover((8, 30), (8, 8), (8, 5), (False, True))
SOURCES = {"frames": (FRAMES, normal(5, 4, 6, 7)), "windows": (WINDOWS, normal(1, 4, 8, 30))}
UPDATES = {"sgd": SGD(StepSize(0.5, 0.9, 2)), "adam": Adam(StepSize(0.05))}


@pytest.fixture
def build(predictor):
    """Makes a CSD-Edit run whose model sees the source as its image condition."""

    def build(parameterization, source, evaluate=None, **settings):
        evaluate = evaluate or predictor(parameterization.split(source))
        score = PromptScore(Guided(evaluate), Guidance(3.0, 1.5), ImageConditional())
        return Distillation(parameterization, score, levels, **{"steps": 4, "seed": 7, **settings})

    return build


def last(states):
    *_, state = states
    return state


@pytest.fixture(params=SOURCES)
def example(request):
    return SOURCES[request.param]


def test_states_say_what_a_step_saw(build, example):
    parameterization, source = example
    run = build(parameterization, source, batches=RandomBatch(3))
    states = list(run(source))
    assert [state.step for state in states] == [1, 2, 3, 4]
    for step, state in enumerate(states):
        draws = Draws(7, step)
        assert state.theta.shape == source.shape and state.theta.dtype == source.dtype
        assert state.level == levels(Random()(step, 4, draws))
        assert list(state.index) == RandomBatch(3)(draws, parameterization)
        assert state.residual.shape == (3,) and (state.residual > 0).all()
        assert state.gram.K.shape == (3, 3)
    assert len({state.level for state in states}) == 4


def test_the_state_before_the_first_has_seen_nothing(build, example):
    run = build(*example)
    state = run.init(example[1])
    assert (state.step, state.level, state.residual, state.gram) == (0, None, None, None)
    assert torch.equal(state.theta, example[1])


def test_the_loop_written_out(build):
    """SPLIT, SCORE, COUPLE, MERGE, UPDATE by hand, on windows that overlap."""
    source, everyone = SOURCES["windows"][1], list(range(WINDOWS.count))
    run = build(WINDOWS, source, couple=Stein(RBF(), mean), update=SGD(StepSize(0.5)))
    theta = source
    for step, state in enumerate(run(source)):
        draws = Draws(7, step)
        level, x = levels(Random()(step, 4, draws)), WINDOWS.split(theta)
        eps = noise.independent(draws, theta, x, WINDOWS, everyone)
        x_t, residual = run.score(x, WINDOWS.split(source), eps, level, everyone)
        direction, _ = Stein(RBF(), mean)(x_t, residual)
        coverage = WINDOWS.scatter(torch.ones_like(x))
        theta = theta - 0.5 * level.weight * WINDOWS.scatter(direction) / coverage
        assert torch.allclose(state.theta, theta, atol=1e-5)
        assert torch.allclose(state.residual, residual.flatten(1).square().mean(1).sqrt(), rtol=1e-4)


@pytest.mark.parametrize("normalization", [mean, row])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_one_particle_is_sds(predictor, normalization, dtype):
    """Bit for bit the loop of score distillation with plain gradient descent."""
    source, evaluate = normal(1, 4, 6, 7).to(dtype), predictor(normal(1, 4, 6, 7, seed=1).to(dtype))
    score = PromptScore(Guided(evaluate), Guidance(1.0), DrawnNoise())
    run = Distillation(
        Frames(1), score, levels, steps=6, seed=3, couple=Stein(RBF(), normalization), update=UPDATES["sgd"]
    )
    theta = source
    for step, state in enumerate(run(source)):
        draws = Draws(3, step)
        level = levels(Random()(step, 6, draws))
        eps = draws.normal((4, 6, 7), "particle", "0")[None].to(dtype)
        x_t = level.alpha * theta + level.sigma * eps
        gradient = level.weight * (evaluate(x_t, TARGET, level, [0]) - eps)
        theta = theta - 0.5 * 0.9 ** (step // 2) * gradient
        assert torch.equal(state.theta, theta)


def test_the_same_seed_is_the_same_run(build, example):
    runs = [last(build(*example, seed=seed)(example[1])).theta for seed in (7, 7, 8)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.allclose(runs[0], runs[2])


@pytest.mark.parametrize("field", ["independent", "canvas", "shared"])
@pytest.mark.parametrize("size", [None, 3])
def test_permuted_frames_have_permuted_results(build, field, size):
    source, order = SOURCES["frames"][1], [3, 0, 4, 1, 2]
    permuted = Frames(5, tuple(FRAMES.names[i] for i in order))
    settings = {"noise": noise.FIELDS[field], "batches": RandomBatch(size)}
    expected = last(build(FRAMES, source, **settings)(source)).theta[order]
    found = last(build(permuted, source[order], **settings)(source[order])).theta
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("field", ["independent", "canvas", "shared"])
@pytest.mark.parametrize("size", [None, 3])
def test_permuted_windows_have_the_same_result(build, field, size):
    source, order = SOURCES["windows"][1], [3, 0, 5, 1, 4, 2]
    permuted = Windows(WINDOWS.canvas, WINDOWS.window, tuple(WINDOWS.origins[i] for i in order), WINDOWS.wrap)
    settings = {"noise": noise.FIELDS[field], "batches": RandomBatch(size)}
    expected = last(build(WINDOWS, source, **settings)(source)).theta
    assert torch.allclose(last(build(permuted, source, **settings)(source)).theta, expected, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2])
def test_the_result_does_not_hang_on_how_many_go_through_the_model_at_once(build, predictor, example, size):
    parameterization, source = example
    plain = predictor(parameterization.split(source))

    def chunked(x_t, branch, level, index):
        parts = zip(x_t.split(size), [index[i : i + size] for i in range(0, len(index), size)])
        return torch.cat([plain(part, branch, level, some) for part, some in parts])

    found = last(build(parameterization, source, chunked)(source)).theta
    assert torch.allclose(found, last(build(parameterization, source)(source)).theta, atol=1e-5)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("stop", [1, 3])
def test_a_run_taken_up_again_is_the_same_to_the_bit(build, example, update, stop):
    source = example[1]
    settings = {"update": UPDATES[update], "batches": RandomBatch(3)}
    whole = list(build(*example, **settings)(source))
    kept = whole[stop - 1]
    saved = State(kept.step, kept.theta.clone(), {name: tensor.clone() for name, tensor in kept.memory.items()})
    resumed = list(build(*example, **settings)(source, start=saved))
    assert [state.step for state in resumed] == [state.step for state in whole[stop:]]
    assert all(torch.equal(a.theta, b.theta) for a, b in zip(resumed, whole[stop:]))


def test_a_finished_run_has_nothing_left_to_do(build, example):
    run = build(*example)
    assert list(run(example[1], start=last(run(example[1])))) == []


@pytest.mark.parametrize("update", UPDATES)
def test_nothing_handed_over_is_changed(build, example, update):
    parameterization, source = example
    before = source.clone()
    run = build(parameterization, source, update=UPDATES[update])
    start = next(run(source))
    kept = start.theta.clone(), {name: tensor.clone() for name, tensor in start.memory.items()}
    last(run(source, start=start))
    assert torch.equal(source, before) and torch.equal(start.theta, kept[0])
    assert all(torch.equal(start.memory[name], kept[1][name]) for name in kept[1])


def test_only_what_the_particles_of_a_step_cover_moves(build):
    source = SOURCES["windows"][1]
    state = next(build(WINDOWS, source, batches=RandomBatch(1), update=UPDATES["sgd"])(source))
    covered = WINDOWS.scatter(torch.ones(1, 4, 8, 8), state.index) > 0
    assert torch.equal(state.theta != source, covered)


def test_a_mask_limits_a_whole_run(build):
    source, mask = SOURCES["windows"][1], torch.zeros(1, 1, 8, 30)
    mask[..., 10:20] = 1
    theta = last(build(WINDOWS, source, update=Masked(UPDATES["adam"], mask))(source)).theta
    assert torch.equal(theta != source, (mask > 0).expand_as(source))


def test_an_edit_that_asks_for_nothing_changes_nothing(predictor, example):
    """Text guidance 0 is the baseline itself: the residual is zero until something else moves theta."""
    parameterization, source = example
    score = PromptScore(Guided(predictor(parameterization.split(source))), Guidance(0.0, 1.5), ImageConditional())
    run = Distillation(parameterization, score, levels, 3, couple=Stein(repulsion=0.0))
    assert torch.equal(last(run(source)).theta, source)


@pytest.mark.parametrize("steps", [0, -1])
def test_a_run_of_no_steps_is_refused(build, steps):
    with pytest.raises(ValueError, match=f"got {steps} steps, expected at least one"):
        build(*SOURCES["frames"], steps=steps)


class GaussianMixture:
    """The exact noise prediction of an even mixture of Gaussians of width `width` around `modes` [m, 2]."""

    def __init__(self, modes, width):
        self.modes, self.width = modes, width

    def __call__(self, x_t, branch, level, index):
        variance = (level.alpha * self.width) ** 2 + level.sigma**2
        offsets = x_t[:, None, :, 0, 0] - level.alpha * self.modes
        shares = torch.softmax(-offsets.square().sum(-1) / (2 * variance), 1)
        return level.sigma * (shares[..., None] * offsets).sum(1)[:, :, None, None] / variance


MODES = torch.tensor([[-2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])


def distilled(couple, start, steps=400):
    """Particles [n, 2] after distillation from the mixture, all of them under the same noise."""
    score = PromptScore(Guided(GaussianMixture(MODES, 0.3)), Guidance(1.0), DrawnNoise())
    settings = {"noise": noise.shared, "couple": couple, "update": SGD(StepSize(2.0, 0.9, 40))}
    run = Distillation(Frames(len(start)), score, levels, steps, timesteps=Random(0.05, 0.3), **settings)
    return last(run(start[..., None, None])).theta[..., 0, 0]


@pytest.fixture(scope="module")
def scattered():
    """Thirty particles, ten around each mode."""
    return MODES.repeat_interleave(10, 0) + 0.6 * normal(30, 2)


def spread(particles):
    """Mean distance between particles that belong to the same mode, for each mode."""
    return torch.stack([torch.pdist(group).mean() for group in particles.split(10)])


def centres(particles):
    return torch.stack([group.mean(0) for group in particles.split(10)])


def test_uncoupled_particles_descend_to_the_modes_and_collapse(scattered):
    found = distilled(Stein(Independent(), row), scattered)
    assert (torch.linalg.norm(found - MODES.repeat_interleave(10, 0), dim=1) < 0.15).all()
    assert (spread(found) < 1e-3).all()


def test_coupled_particles_without_repulsion_draw_together_at_the_modes(scattered):
    found = distilled(Stein(repulsion=0.0), scattered)
    assert (torch.linalg.norm(centres(found) - MODES, dim=1) < 0.15).all()
    assert (spread(found) < 0.35 * spread(scattered)).all()


def test_coupled_particles_with_repulsion_stay_apart_around_the_modes(scattered):
    found = distilled(Stein(), scattered)
    assert (torch.linalg.norm(centres(found) - MODES, dim=1) < 0.35).all()
    assert (torch.cdist(found, MODES).argmin(1).bincount() >= 8).all()
    assert (spread(found) > 1.0).all()


def gaussian_score(x, source, eps, level, index):
    """The residual -grad log p of a Gaussian of covariance diag(1, 4), without noise."""
    return x, x / torch.tensor([1.0, 4.0]).reshape(2, 1, 1)


def variances(repulsion):
    start = 0.1 * normal(40, 2, 1, 1) + 1.5
    settings = {"couple": Stein(RBF(), mean, repulsion), "update": SGD(StepSize(1.0)), "weight": lambda level: 1.0}
    theta = last(Distillation(Frames(40), gaussian_score, levels, 700, **settings)(start)).theta
    return theta.flatten(1).mean(0), theta.flatten(1).var(0)


def test_descent_along_the_stein_direction_samples_the_density():
    """SVGD's promise: particles started in a corner end with the density's own mean and variances."""
    average, variance = variances(repulsion=1.0)
    assert average.abs().max() < 0.1
    assert variance[0].item() == pytest.approx(1, rel=0.25)
    assert variance[1].item() == pytest.approx(4, rel=0.25)


def test_without_repulsion_only_the_mode_is_found():
    average, variance = variances(repulsion=0.0)
    assert average.abs().max() < 0.1
    assert variance.max() < 1e-3


def test_witnesses_are_heard_but_move_only_when_their_turn_comes(build):
    parameterization, source = SOURCES["frames"]
    batches = ListedBatches(((1, 2), (2, 3), (3, 4), (4, 0)))
    couple = Stein(RBF(), row)
    alone = list(build(parameterization, source, batches=batches, couple=couple)(source))
    heard = list(build(parameterization, source, batches=batches, couple=couple, witnesses=(0, 3))(source))
    assert [list(state.index) for state in heard] == [[0, 1, 2, 3], [0, 2, 3], [0, 3, 4], [0, 3, 4]]
    before = source
    for state, moved in zip(heard, batches.batches):
        changed = (state.theta != before).flatten(1).any(1)
        assert changed.nonzero().flatten().tolist() == sorted(moved)
        before = state.theta
    assert not torch.equal(alone[0].theta[1], heard[0].theta[1])


def test_without_a_coupling_witnesses_change_nothing(build):
    parameterization, source = SOURCES["frames"]
    settings = {"batches": RandomBatch(2), "couple": Stein(Independent(), row), "noise": noise.independent}
    alone = last(build(parameterization, source, **settings)(source))
    heard = last(build(parameterization, source, **settings, witnesses=(0, 4))(source))
    assert torch.allclose(alone.theta, heard.theta, atol=1e-6)


@pytest.mark.parametrize("update", UPDATES)
def test_a_round_of_parts_is_one_step_of_all(build, update):
    """Uncoupled, with levels and noise that stay for a round; theta moves at the end of each."""
    parameterization, source = SOURCES["frames"]
    bank = Bank(2)
    settings = {"couple": Stein(Independent(), row), "update": UPDATES[update]}
    whole = list(build(parameterization, source, **settings, steps=2, timesteps=Listed((0.4, 0.2)))(source))
    parts = ListedBatches(((4, 1), (0, 2, 3), (3, 0), (1, 2, 4)))
    held = {"timesteps": Listed((0.4, 0.4, 0.2, 0.2)), "noise": bank.noise(noise.independent), "batches": parts}
    states = list(build(parameterization, source, **settings, **held, steps=4, round=2)(source))
    assert torch.equal(states[0].theta, source) and torch.equal(states[2].theta, states[1].theta)
    assert torch.allclose(states[1].theta, whole[0].theta, atol=1e-6)
    assert torch.allclose(states[3].theta, whole[1].theta, atol=1e-6)


def test_the_last_round_moves_theta_even_if_it_is_cut_short(build):
    parameterization, source = SOURCES["frames"]
    states = list(build(parameterization, source, batches=RandomBatch(2), steps=3, round=2)(source))
    assert not torch.equal(states[2].theta, states[1].theta)
