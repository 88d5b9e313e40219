"""Pairs of noise level and noise that several steps share, and guidance at some of the levels."""

import pytest
import torch

from collaborative_score_distillation.csd import noise
from collaborative_score_distillation.csd.bank import Bank, Remembering
from collaborative_score_distillation.csd.baseline import ImageConditional
from collaborative_score_distillation.csd.batches import RandomBatch
from collaborative_score_distillation.csd.distill import Distillation
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.guidance import Guidance, Guided, Interval
from collaborative_score_distillation.csd.level import Level
from collaborative_score_distillation.csd.noise import Draws
from collaborative_score_distillation.csd.score import PromptScore
from collaborative_score_distillation.csd.timesteps import Descending, Random

SOURCE = torch.randn(4, 4, 2, 2, generator=torch.Generator().manual_seed(1))


def level(time):
    return Level.variance_preserving(1 - time, time)


def run(predictor, bank, remember=True, interval=Interval(), steps=6, size=None):  # noqa: B008
    """States of a run, and the branches that were evaluated for how many particles."""
    evaluated = []

    def count(x_t, branch, *rest):
        evaluated.extend([branch] * len(x_t))
        return evaluate(x_t, branch, *rest)

    evaluate = predictor(SOURCE)
    predict = Remembering(Guided(count)) if remember else Guided(count)
    score = PromptScore(predict, Guidance(7.5, 1.5), ImageConditional(), interval)
    stages = {"timesteps": bank.timesteps(Descending(0.1, 0.6)), "noise": bank.noise(noise.independent)}
    loop = Distillation(Frames(4), score, level, steps, batches=RandomBatch(size), **stages)
    return list(loop(SOURCE)), len(evaluated)


@pytest.mark.parametrize("order", [Descending(0.1, 0.6), Random(0.1, 0.6)])
def test_steps_share_level_and_noise(order):
    bank, frames = Bank(3), Frames(4)
    times = [bank.timesteps(order)(step, 7, Draws(5, step)) for step in range(7)]
    assert times[0] == times[2] != times[3] == times[5] != times[6]
    field = bank.noise(noise.independent)
    drawn = [field(Draws(5, step), SOURCE, SOURCE, frames, range(4)) for step in range(4)]
    assert torch.equal(drawn[0], drawn[2]) and not torch.equal(drawn[2], drawn[3])


def test_the_range_is_still_visited_from_end_to_end():
    times = [Bank(3).timesteps(Descending(0.1, 0.6))(step, 7, Draws(5, step)) for step in range(7)]
    assert times[0] == 0.6 and times[-1] == pytest.approx(0.1)


def test_one_use_is_no_bank(predictor):
    plain, once = (run(predictor, Bank(1), remember)[0] for remember in (False, True))
    assert all(torch.equal(a.theta, b.theta) for a, b in zip(plain, once))
    predict = Guided(predictor(SOURCE))
    assert Bank(1).predict(predict) is predict


@pytest.mark.parametrize("size", [None, 2])
def test_remembering_changes_nothing(predictor, size):
    (asked, many), (remembered, few) = (run(predictor, Bank(3), remember, size=size) for remember in (False, True))
    assert few < many
    assert all(torch.allclose(a.theta, b.theta, atol=1e-5) for a, b in zip(asked, remembered))


def test_the_source_is_evaluated_once_for_a_pair(predictor):
    """Three evaluations of the target in each step; two of the source for each pair, and the first shares them."""
    _, evaluations = run(predictor, Bank(3))
    assert evaluations == 4 * (6 * 3 + 2)
    assert run(predictor, Bank(1))[1] == 4 * (3 + 5 * 5)


def test_a_bank_changes_the_result(predictor):
    assert not torch.allclose(run(predictor, Bank(3))[0][-1].theta, run(predictor, Bank(1))[0][-1].theta, atol=1e-3)


def test_no_use_is_refused():
    with pytest.raises(ValueError, match="Bank: got 0 uses"):
        Bank(0)


def test_guidance_acts_within_the_interval(predictor):
    guidance = Guidance(7.5, 1.5)
    interval = Interval(0.2, 0.4)
    assert interval.scales(guidance, level(0.3)) is guidance
    assert interval.scales(guidance, level(0.5)) == interval.scales(guidance, level(0.1)) == Guidance(1.0, 1.0)
    states, evaluations = run(predictor, Bank(1), interval=interval)
    guided = [state.level.time for state in states if 0.2 <= state.level.time <= 0.4]
    assert len(guided) == 2 and evaluations == 4 * (2 * 5 + 4 * 2)


def test_an_interval_upside_down_is_refused():
    with pytest.raises(ValueError, match="Interval: got 0.5 ... 0.2"):
        Interval(0.5, 0.2)
