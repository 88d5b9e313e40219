import math

import pytest

from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.csd.level import Level
from collaborative_score_distillation.csd.timesteps import Descending, Random, schedule, times


def test_random_times_fill_their_range():
    found = times(Random(0.1, 0.3), 1000)
    assert min(found) >= 0.1 and max(found) <= 0.3
    assert min(found) < 0.102 and max(found) > 0.298
    assert sum(found) / 1000 == pytest.approx(0.2, abs=4 * 0.2 / 12**0.5 / 1000**0.5)


def test_random_times_hang_on_seed_and_step():
    assert times(Random(), 5) == times(Random(), 5)
    assert len(set(times(Random(), 20) + times(Random(), 20, seed=1))) == 40


def test_the_default_range_is_the_authors():
    assert (Random().low, Random().high) == (0.02, 0.5)


def test_descending_times_fall_in_equal_steps():
    assert times(Descending(0.1, 0.5), 5) == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1])


def test_one_descending_step_is_taken_at_the_top():
    assert times(Descending(0.1, 0.5), 1) == [0.5]


@pytest.mark.parametrize("order", [Random(0.1, 0.6), Descending(0.1, 0.6)])
def test_times_are_those_of_each_step(order):
    assert times(order, 7, seed=5) == [order(step, 7, Draws(5, step)) for step in range(7)]


@pytest.mark.parametrize("order", [Random(0.1, 0.6), Descending(0.1, 0.6)])
def test_a_schedule_has_the_models_own_level_for_every_step(order):
    def level(time):
        return Level.flow(0.5 * time, time)

    assert schedule(level, order, 7, seed=5) == tuple(map(level, times(order, 7, seed=5)))


@pytest.mark.parametrize("kind", [Random, Descending])
@pytest.mark.parametrize("low, high", [(-0.1, 0.5), (0.5, 0.2), (0, 1.1), (math.nan, 0.5), (0.1, math.nan)])
def test_bad_ranges_are_refused(kind, low, high):
    with pytest.raises(ValueError, match="expected 0 <= low <= high <= 1"):
        kind(low, high)
