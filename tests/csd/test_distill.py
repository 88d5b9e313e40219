import math

import pytest
import torch

from collaborative_score_distillation.csd.aligned import Aligned, PairRBF, PairUniform
from collaborative_score_distillation.csd.baseline import DrawnNoise, ImageConditional, SourcePrompt
from collaborative_score_distillation.csd.batches import RandomBatch
from collaborative_score_distillation.csd.correspondence import Canvas, Flow, cells, clip_pairs, inside
from collaborative_score_distillation.csd.distill import Distillation, State, Stepped
from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.guidance import SOURCE, TARGET, Call, Guidance, Guided
from collaborative_score_distillation.csd.kernel import RBF, Independent, authors_median
from collaborative_score_distillation.csd.level import Level
from collaborative_score_distillation.csd.noise import MAKERS
from collaborative_score_distillation.csd.reuse import Remembering
from collaborative_score_distillation.csd.score import PromptScore
from collaborative_score_distillation.csd.stein import Seen, Stein, mean, row
from collaborative_score_distillation.csd.timesteps import Random, schedule
from collaborative_score_distillation.csd.update import SGD, Adam, Masked, StepSize
from collaborative_score_distillation.csd.windows import Windows, cover


def level(time):
    return Level.variance_preserving(math.cos(time * math.pi / 2) ** 2, time)


def levels(steps, seed=7, order=Random()):  # noqa: B008
    return schedule(level, order, steps, seed)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


FRAMES = Frames(5, ("a", "b", "c", "d", "e"))
WINDOWS = cover((8, 30), (8, 8), (8, 5), (False, True))
SOURCES = {"frames": (FRAMES, normal(5, 4, 6, 7)), "windows": (WINDOWS, normal(1, 4, 8, 30))}
UPDATES = {"sgd": SGD(StepSize(0.5, 0.9, 2)), "adam": Adam(StepSize(0.05))}


@pytest.fixture
def build(predictor):
    """Makes a CSD-Edit run whose model sees the source as its image condition."""

    def build(scene, source, evaluate=None, steps=4, seed=7, reuse=1, keep=False, **settings):
        predict = Guided(evaluate or predictor(scene.split(source)))
        score = PromptScore(Remembering(predict) if keep else predict, Guidance(3.0, 1.5), ImageConditional())
        return Distillation(scene, score, levels(-(-steps // reuse), seed), steps, seed, reuse=reuse, **settings)

    return build


def last(states):
    *_, state = states
    return state


@pytest.fixture(params=SOURCES)
def example(request):
    return SOURCES[request.param]


def test_states_say_what_a_step_saw(build, example):
    scene, source = example
    run = build(scene, source, batch=RandomBatch(3))
    states = list(run(source))
    assert [state.step for state in states] == [1, 2, 3, 4]
    for step, state in enumerate(states):
        draws = Draws(7, step)
        assert state.theta.shape == source.shape and state.theta.dtype == source.dtype
        assert state.level == level(Random()(step, 4, draws))
        assert list(state.index) == RandomBatch(3)(draws, scene)
        assert state.residual.shape == (3,) and (state.residual > 0).all()
        assert state.gram.K.shape == (3, 3)
    assert len({state.level for state in states}) == 4


def test_the_state_before_the_first_has_seen_nothing(build, example):
    run = build(*example)
    state = run.init(example[1])
    assert state.step == 0 and not isinstance(state, Stepped)
    assert torch.equal(state.theta, example[1])


def test_the_loop_written_out(build):
    """SPLIT, SCORE, COUPLE, MERGE, UPDATE by hand, on windows that overlap."""
    source, everyone, names = SOURCES["windows"][1], list(range(WINDOWS.count)), WINDOWS.keys()
    run = build(WINDOWS, source, couple=Stein(RBF(), mean), update=SGD(StepSize(0.5)))
    theta = source
    for step, state in enumerate(run(source)):
        draws, x = Draws(7, step), WINDOWS.split(theta)
        call = Call(level(Random()(step, 4, draws)), everyone, WINDOWS, draws)
        eps = torch.stack([draws.normal((4, 8, 8), "particle", name) for name in names])
        x_t, residual = run.score(x, WINDOWS.split(source), eps, call)
        direction, _ = Stein(RBF(), mean)(Seen(x, x_t), residual)
        coverage = WINDOWS.scatter(torch.ones_like(x))
        theta = theta - 0.5 * call.level.weight * WINDOWS.scatter(direction) / coverage
        assert torch.allclose(state.theta, theta, atol=1e-5)
        assert torch.allclose(state.residual, residual.flatten(1).square().mean(1).sqrt(), rtol=1e-4)


@pytest.mark.parametrize("normalization", [mean, row])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_one_particle_is_sds(predictor, normalization, dtype):
    """Bit for bit the loop of score distillation with plain gradient descent."""
    source, evaluate = normal(1, 4, 6, 7).to(dtype), predictor(normal(1, 4, 6, 7, seed=1).to(dtype))
    score = PromptScore(Guided(evaluate), Guidance(1.0), DrawnNoise())
    run = Distillation(
        Frames(1), score, levels(6, 3), seed=3, couple=Stein(RBF(), normalization), update=UPDATES["sgd"]
    )
    theta = source
    for step, state in enumerate(run(source)):
        draws = Draws(3, step)
        call = Call(level(Random()(step, 6, draws)), [0], Frames(1), draws)
        eps = draws.normal((4, 6, 7), "particle", "0")[None].to(dtype)
        x_t = call.level.alpha * theta + call.level.sigma * eps
        gradient = call.level.weight * (evaluate(x_t, TARGET, call) - eps)
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

    def final(frames, source):
        noise = MAKERS[field](frames, source)
        return last(build(frames, source, noise=noise, batch=RandomBatch(size))(source)).theta

    expected, found = final(FRAMES, source)[order], final(permuted, source[order])
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("field", ["independent", "canvas", "shared"])
@pytest.mark.parametrize("size", [None, 3])
def test_permuted_windows_have_the_same_result(build, field, size):
    source, order = SOURCES["windows"][1], [3, 0, 5, 1, 4, 2]
    permuted = Windows(WINDOWS.canvas, WINDOWS.window, tuple(WINDOWS.origins[i] for i in order), WINDOWS.wrap)

    def final(windows):
        noise = MAKERS[field](windows, source)
        return last(build(windows, source, noise=noise, batch=RandomBatch(size))(source)).theta

    assert torch.allclose(final(permuted), final(WINDOWS), atol=1e-5)


def panned(count, size, shift=(0.6, -0.3), neighbours=2):
    """Frames of a pan by `shift` cells a frame."""
    pairs = clip_pairs(count, neighbours)
    apart = (pairs[:, 1] - pairs[:, 0])[:, None, None, None]
    place = cells(size) + apart * torch.tensor(shift)
    return Flow(count, pairs, place, inside(place, size))


ALONG = {"frames": panned(5, (6, 7)), "windows": Canvas(WINDOWS)}
COUPLINGS = {
    "stein rbf median row": lambda along: Stein(RBF(), row),
    "stein rbf median mean": lambda along: Stein(RBF(), mean),
    "stein rbf authors row": lambda along: Stein(RBF(authors_median), row),
    "stein rbf authors mean": lambda along: Stein(RBF(authors_median), mean),
    "stein independent row": lambda along: Stein(Independent(), row),
    "stein independent mean": lambda along: Stein(Independent(), mean),
    "aligned rbf": lambda along: Aligned(along, PairRBF(), 1.0),
    "aligned rbf authors, with a rest": lambda along: Aligned(along, PairRBF(authors_median), 0.5, Stein()),
    "aligned uniform": lambda along: Aligned(along, PairUniform()),
}


@pytest.mark.parametrize("reuse", [1, 2])
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("kind", SOURCES)
def test_how_many_are_scored_at_once_changes_nothing(build, kind, coupling, update, reuse):
    """Whatever couples them: a step is one step of all its particles. Down to rounding, in every step."""
    scene, source = SOURCES[kind]
    settings = {"couple": COUPLINGS[coupling](ALONG[kind]), "update": UPDATES[update], "reuse": reuse}
    whole = list(build(scene, source, **settings, at_once=None)(source))
    assert not torch.allclose(whole[-1].theta, source, atol=1e-2)
    for at_once in (1, 2, 5):
        parts = list(build(scene, source, **settings, at_once=at_once, keep=reuse > 1)(source))
        for state, expected in zip(parts, whole, strict=True):
            assert torch.allclose(state.theta, expected.theta, atol=1e-5)
            assert torch.allclose(state.gram.K, expected.gram.K, atol=1e-5)
            assert torch.allclose(state.residual, expected.residual, rtol=1e-5)
            assert list(state.index) == list(expected.index)


@pytest.mark.parametrize("field", MAKERS)
@pytest.mark.parametrize("at_once", [1, 2])
def test_noise_does_not_hang_on_how_many_are_scored_at_once(build, example, field, at_once):
    """Nor does the choice of the particles, of which only some take part here."""
    scene, source = example
    settings = {"noise": MAKERS[field](scene, source), "batch": RandomBatch(3)}
    parts, whole = (last(build(*example, **settings, at_once=n)(source)) for n in (at_once, None))
    assert list(parts.index) == list(whole.index) and torch.allclose(parts.theta, whole.theta, atol=1e-5)


@pytest.mark.parametrize("views, at_once, most", [(2, None, 2), (2, 1, 1), (2, 5, 2), (None, 3, 3), (None, None, 6)])
def test_no_more_are_scored_at_once_than_the_scene_can_show(build, predictor, views, at_once, most):
    asked, source = [], SOURCES["windows"][1]

    class Narrow(Windows):
        views_at_once = views

        def split(self, theta, index=None):
            assert index is None or views is None or len(index) <= views
            return super().split(theta, index)

    def evaluate(x_t, branch, call):
        asked.append(len(x_t))
        return plain(x_t, branch, call)

    plain, narrow = predictor(WINDOWS.split(source)), Narrow(**vars(WINDOWS))
    found = last(build(narrow, source, evaluate, at_once=at_once)(source))
    assert max(asked) == most
    assert torch.allclose(found.theta, last(build(WINDOWS, source)(source)).theta, atol=1e-5)


def test_the_parts_of_each_step_are_handed_to_who_follows(build):
    """Who may stop in the middle of a step; the run goes on from the last whole one."""
    source, followed = SOURCES["frames"][1], []

    def follow(parts):
        for part in parts:
            followed.append(list(part))
            yield part

    list(build(FRAMES, source, follow=follow, at_once=2, steps=2)(source))
    assert followed == [[0, 1], [2, 3], [4]] * 2

    def cancel(parts):
        yield parts[0]
        raise InterruptedError

    whole = list(build(FRAMES, source, at_once=2)(source))
    run = build(FRAMES, source, follow=cancel, at_once=2)
    with pytest.raises(InterruptedError):
        next(run(source, start=whole[1]))
    again = next(build(FRAMES, source, at_once=2)(source, start=whole[1]))
    assert torch.equal(again.theta, whole[2].theta)


class Clip:
    """Twelve frames of a pan, edited along their motion, five of them in the model at once."""

    count, size, at_once, steps = 12, (6, 8), 5, 40
    picture = normal(4, 6, 20, seed=4)

    @property
    def source(self):
        return torch.stack([self.picture[..., self.count - i :][..., :8] for i in range(self.count)])

    def run(self, build, **changes):
        couple = Aligned(panned(self.count, self.size, (1.0, 0.0)), PairUniform())
        settings = {"steps": self.steps, "couple": couple, "update": SGD(StepSize(0.1)), "at_once": self.at_once}
        return build(Frames(self.count), self.source, **{**settings, **changes})


@pytest.mark.parametrize("update", [SGD(StepSize(0.1)), Adam(StepSize(0.02))], ids=["sgd", "adam"])
def test_every_frame_of_a_clip_moves_in_every_step(build, update):
    """No frame is ahead of the others or behind: they share step, level and step size."""
    clip, before = Clip(), Clip().source
    states = list(clip.run(build, update=update)(clip.source))
    assert len(states) == 40
    for state in states:
        moved = (state.theta - before).flatten(1).abs().amax(1)
        assert (moved > 0).all() and moved.max() < 10 * moved.min()
        assert list(state.index) == list(range(12)) and len(state.residual) == 12
        before = state.theta


def test_where_frames_agree_they_keep_agreeing(build):
    """Frames that show one picture, each under noise of its own: none is left at another value."""
    source = Clip().source[:1].expand(12, 4, 6, 8).clone()
    couple = Aligned(panned(12, Clip.size, (0.0, 0.0), neighbours=11), PairUniform())
    run = build(Frames(12), source, steps=40, couple=couple, update=SGD(StepSize(0.1)), at_once=5)
    theta = last(run(source)).theta
    assert (theta - source).abs().max() > 0.1
    assert torch.allclose(theta, theta[:1].expand_as(theta), atol=1e-5)


def test_a_clip_in_parts_is_the_clip_at_once(build):
    parts, whole = (last(Clip().run(build, at_once=n)(Clip().source)).theta for n in (5, None))
    assert torch.allclose(parts, whole, atol=1e-5)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("stop", [1, 2, 3])
@pytest.mark.parametrize("reuse", [1, 2, 3])
def test_a_run_taken_up_again_is_the_same_to_the_bit(build, example, update, stop, reuse):
    """In the middle of a level that several steps share, too."""
    source = example[1]
    settings = {"update": UPDATES[update], "batch": RandomBatch(3), "reuse": reuse}
    whole = list(build(*example, **settings)(source))
    kept = whole[stop - 1]
    saved = State(kept.step, kept.theta.clone(), {name: tensor.clone() for name, tensor in kept.memory.items()})
    resumed = list(build(*example, **settings)(source, start=saved))
    assert [state.step for state in resumed] == [state.step for state in whole[stop:]]
    assert all(torch.equal(a.theta, b.theta) for a, b in zip(resumed, whole[stop:]))


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_run_that_keeps_predictions_is_taken_up_without_them(build, example, stop):
    """They are asked for again, in other company: the same to rounding."""
    settings = {"update": UPDATES["adam"], "batch": RandomBatch(3), "reuse": 2, "keep": True, "at_once": 2}
    whole = list(build(*example, **settings)(example[1]))
    resumed = list(build(*example, **settings)(example[1], start=whole[stop - 1]))
    assert [state.step for state in resumed] == [state.step for state in whole[stop:]]
    assert all(torch.allclose(a.theta, b.theta, atol=1e-6) for a, b in zip(resumed, whole[stop:]))


@pytest.mark.parametrize("at_once", [1, 2, None])
def test_steps_that_share_a_level_ask_about_the_source_once(predictor, at_once):
    """Once for each particle and pair of steps; about the target in every step."""
    source, asked = SOURCES["windows"][1], []
    evaluate = predictor(WINDOWS.split(source))

    def counted(x_t, branch, call):
        asked.extend((branch, call.draws.step, i) for i in call.index)
        return evaluate(x_t, branch, call)

    score = PromptScore(Remembering(Guided(counted)), Guidance(1.0), SourcePrompt())
    list(Distillation(WINDOWS, score, levels(3), reuse=2, at_once=at_once)(source))
    pairs = [(step, i) for step in range(3) for i in range(WINDOWS.count)]
    assert sorted(found[1:] for found in asked if found[0] == SOURCE) == pairs
    assert sorted(found[1:] for found in asked if found[0] == TARGET) == sorted(pairs * 2)


@pytest.mark.parametrize("steps, expected", [(None, 6), (5, 5), (1, 1), (6, 6)])
def test_a_run_has_as_many_steps_as_its_levels_allow(build, steps, expected):
    scene, source = SOURCES["frames"]
    run = Distillation(scene, build(scene, source).score, levels(3), steps, reuse=2)
    states = list(run(source))
    assert len(states) == run.length == expected
    assert [state.level for state in states] == [levels(3)[step // 2] for step in range(expected)]


@pytest.mark.parametrize("steps", [-1, 0, 7])
def test_more_steps_than_levels_allow_or_none_are_refused(steps):
    message = f"got {steps} steps, expected at least one and at most 6, for 3 levels of 2 steps each"
    with pytest.raises(ValueError, match=message):
        Distillation(FRAMES, None, levels(3), steps, reuse=2)


def test_a_run_of_no_levels_is_refused():
    with pytest.raises(ValueError, match="got 0 steps, expected at least one"):
        Distillation(FRAMES, None, [])


def test_a_finished_run_has_nothing_left_to_do(build, example):
    run = build(*example)
    assert list(run(example[1], start=last(run(example[1])))) == []


@pytest.mark.parametrize("update", UPDATES)
def test_nothing_handed_over_is_changed(build, example, update):
    scene, source = example
    before = source.clone()
    run = build(scene, source, update=UPDATES[update])
    start = next(run(source))
    kept = start.theta.clone(), {name: tensor.clone() for name, tensor in start.memory.items()}
    last(run(source, start=start))
    assert torch.equal(source, before) and torch.equal(start.theta, kept[0])
    assert all(torch.equal(start.memory[name], kept[1][name]) for name in kept[1])


def test_only_what_the_particles_of_a_step_cover_moves(build):
    source = SOURCES["windows"][1]
    state = next(build(WINDOWS, source, batch=RandomBatch(1), update=UPDATES["sgd"])(source))
    covered = WINDOWS.scatter(torch.ones(1, 4, 8, 8), state.index) > 0
    assert torch.equal(state.theta != source, covered)


def test_a_mask_limits_a_whole_run(build):
    source, mask = SOURCES["windows"][1], torch.zeros(1, 1, 8, 30)
    mask[..., 10:20] = 1
    theta = last(build(WINDOWS, source, update=Masked(UPDATES["adam"], mask))(source)).theta
    assert torch.equal(theta != source, (mask > 0).expand_as(source))


def test_an_edit_that_asks_for_nothing_changes_nothing(predictor, example):
    """Text guidance 0 is the baseline itself: the residual is zero until something else moves theta."""
    scene, source = example
    score = PromptScore(Guided(predictor(scene.split(source))), Guidance(0.0, 1.5), ImageConditional())
    run = Distillation(scene, score, levels(3), couple=Stein(repulsion=0.0))
    assert torch.equal(last(run(source)).theta, source)
