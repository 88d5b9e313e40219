"""Steps that share a noise level and its noise, and predictions that are asked for again."""

import pytest
import torch

from collaborative_score_distillation.csd.baseline import ImageConditional, SourcePrompt
from collaborative_score_distillation.csd.batches import RandomBatch
from collaborative_score_distillation.csd.distill import Distillation
from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.guidance import IMAGE, NONE, Call, Guidance, Guided, Interval, Request
from collaborative_score_distillation.csd.level import Level
from collaborative_score_distillation.csd.reuse import Remembering
from collaborative_score_distillation.csd.score import PromptScore
from collaborative_score_distillation.csd.timesteps import Descending, Random, schedule


def normal(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


SOURCE = normal(4, 4, 2, 2, seed=1)
ORDERS = [Descending(0.1, 0.6), Random(0.1, 0.6)]


def level(time):
    return Level.variance_preserving(1 - time, time)


def run(predictor, reuse, remember=True, interval=Interval(), steps=6, order=ORDERS[0], **settings):  # noqa: B008
    """States of a run, and how many particles each branch was evaluated for."""
    evaluated = []

    def count(x_t, branch, call):
        evaluated.extend([branch] * len(x_t))
        return evaluate(x_t, branch, call)

    evaluate = predictor(SOURCE)
    predict = Remembering(Guided(count)) if remember else Guided(count)
    score = PromptScore(predict, Guidance(7.5, 1.5), ImageConditional(), interval)
    levels = schedule(level, order, -(-steps // reuse))
    loop = Distillation(Frames(4), score, levels, steps, reuse=reuse, **settings)
    return list(loop(SOURCE)), len(evaluated)


@pytest.mark.parametrize("order", ORDERS)
def test_steps_share_level_and_noise(order):
    seen = []

    def score(x, source, eps, call):
        seen.append((call.level, call.draws, eps))
        return x, x

    list(Distillation(Frames(4), score, schedule(level, order, 3, 5), 7, 5, reuse=3)(SOURCE))
    times = [found.time for found, _, _ in seen]
    assert times[0] == times[2] != times[3] == times[5] != times[6]
    assert [draws for _, draws, _ in seen] == [Draws(5, step // 3) for step in range(7)]
    assert torch.equal(seen[0][2], seen[2][2]) and not torch.equal(seen[2][2], seen[3][2])


def test_the_range_is_still_visited_from_end_to_end(predictor):
    times = [state.level.time for state in run(predictor, 3, steps=7)[0]]
    assert times[0] == 0.6 and times[-1] == pytest.approx(0.1)


def test_one_use_is_as_if_nothing_were_kept(predictor):
    (plain, many), (once, as_many) = (run(predictor, 1, remember) for remember in (False, True))
    assert many == as_many
    assert all(torch.equal(a.theta, b.theta) for a, b in zip(plain, once))


@pytest.mark.parametrize("at_once", [1, 3, None])
@pytest.mark.parametrize("size", [None, 2])
def test_remembering_changes_nothing(predictor, size, at_once):
    settings = {"batch": RandomBatch(size), "at_once": at_once}
    (asked, many), (remembered, few) = (run(predictor, 3, remember, **settings) for remember in (False, True))
    assert few < many
    assert all(torch.allclose(a.theta, b.theta, atol=1e-5) for a, b in zip(asked, remembered))


@pytest.mark.parametrize("at_once", [1, 3, None])
def test_the_source_is_evaluated_once_for_the_steps_that_share_its_noise(predictor, at_once):
    """Three evaluations of the target in each step, and two of the source for each level."""
    assert run(predictor, 2, at_once=at_once)[1] == 4 * (6 * 3 + 3 * 2)
    assert run(predictor, 3, at_once=at_once)[1] == 4 * (6 * 3 + 2 * 2)
    assert run(predictor, 1, at_once=at_once)[1] == 4 * 6 * 5


def test_only_particles_that_were_not_asked_about_are_evaluated(predictor):
    """Two of four a step: those that come again for a level are known."""
    states, evaluations = run(predictor, 3, batch=RandomBatch(2))
    groups = [{i for state in states[start : start + 3] for i in state.index} for start in (0, 3)]
    assert evaluations == 6 * 2 * 3 + sum(map(len, groups)) * 2 < 6 * 2 * 5


def test_reuse_changes_the_result(predictor):
    assert not torch.allclose(run(predictor, 3)[0][-1].theta, run(predictor, 1)[0][-1].theta, atol=1e-3)


def test_a_run_of_shared_levels_is_taken_up_in_the_middle_of_one(predictor):
    """Nothing that is kept is part of the state: it is asked for again."""
    states, _ = run(predictor, 2)
    for stop in (1, 2, 3):
        levels = schedule(level, ORDERS[0], 3)
        score = PromptScore(Remembering(Guided(predictor(SOURCE))), Guidance(7.5, 1.5), ImageConditional())
        again = list(Distillation(Frames(4), score, levels, reuse=2)(SOURCE, states[stop - 1]))
        assert [state.step for state in again] == [state.step for state in states[stop:]]
        assert all(torch.allclose(a.theta, b.theta, atol=1e-6) for a, b in zip(again, states[stop:]))


@pytest.mark.parametrize("reuse", [0, -1])
def test_no_use_is_refused(reuse):
    with pytest.raises(ValueError, match=f"got a reuse of {reuse} steps, expected at least one"):
        Distillation(Frames(4), None, [level(0.5)], reuse=reuse)


def test_guidance_acts_within_the_interval(predictor):
    states, evaluations = run(predictor, 1, interval=Interval(0.2, 0.4))
    guided = [state.level.time for state in states if 0.2 <= state.level.time <= 0.4]
    assert len(guided) == 2 and evaluations == 4 * (2 * 5 + 4 * 2)


# What is kept, and for how long


class Asked:
    """A `Predict` whose answers say what was asked, and which notes (requests, particles) of each call."""

    def __init__(self):
        self.calls = []

    def __call__(self, requests, call):
        self.calls.append(([request.guidance.prompt for request in requests], list(call.index)))
        rows = torch.tensor([float(i) for i in call.index]).reshape(-1, 1, 1, 1)
        return [request.x_t + 100 * rows for request in requests]


def ask(predict, index, step=0, seed=0, x=0.0):
    """A target that has moved to x, and a source that stays."""
    source = torch.tensor([i / 10 for i in index]).reshape(-1, 1, 1, 1)
    requests = [Request(torch.full_like(source, x), Guidance()), Request(source, Guidance(prompt=IMAGE), True)]
    return predict(requests, Call(level(0.5), index, Frames(5), Draws(seed, step)))


def test_a_source_is_asked_about_once_and_a_target_every_time():
    asked = Asked()
    predict = Remembering(asked)
    first, second = ask(predict, [4, 1, 3]), ask(predict, [4, 1, 3], x=7.0)
    assert asked.calls == [(["target", IMAGE], [4, 1, 3]), (["target"], [4, 1, 3])]
    assert torch.equal(second[1], first[1]) and torch.equal(second[0], first[0] + 7)


def test_known_and_new_particles_come_back_in_their_order():
    asked = Asked()
    predict = Remembering(asked)
    ask(predict, [1, 3])
    mixed = ask(predict, [4, 3, 0, 1], x=7.0)
    assert asked.calls[1:] == [(["target", IMAGE], [4, 0]), (["target"], [3, 1])]
    assert all(torch.equal(a, b) for a, b in zip(mixed, ask(Asked(), [4, 3, 0, 1], x=7.0)))


@pytest.mark.parametrize("other", [{"step": 1}, {"seed": 1}], ids=str)
def test_other_noise_is_asked_about_anew(other):
    asked = Asked()
    predict = Remembering(asked)
    ask(predict, [1, 3])
    ask(predict, [1, 3], **other)
    assert asked.calls[1] == (["target", IMAGE], [1, 3])


def test_requests_that_all_recur_are_not_asked_again():
    asked = Asked()
    predict = Remembering(asked)
    call = Call(level(0.5), [2], Frames(5), Draws(0, 0))
    requests = [Request(torch.ones(1, 1, 1, 1), Guidance(prompt=prompt), True) for prompt in (IMAGE, NONE)]
    first, again = predict(requests, call), predict(requests, call)
    assert len(asked.calls) == 1 and all(map(torch.equal, first, again))


def test_scores_that_share_a_memory_get_the_answers_to_their_own_guidance():
    """Two regions, each with its own description of the source."""
    offsets = {"a": 1.0, "b": 2.0, "source a": 10.0, "source b": 20.0}

    def evaluate(x_t, branch, call):
        return x_t + offsets[branch]

    def residuals(predict):
        pairs = (("a", "source a"), ("b", "source b"))
        scores = [PromptScore(predict, Guidance(1.0, 1.0, p), SourcePrompt(prompt=s)) for p, s in pairs]
        x, eps = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2)
        call = Call(Level.flow(0.5, 0.5), [0, 1], Frames(2), Draws(0, 0))
        return [score(x, x, eps, call)[1].mean().item() for score in scores]

    assert residuals(Remembering(Guided(evaluate))) == residuals(Guided(evaluate)) == [-9, -18]
