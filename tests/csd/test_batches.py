from collections import Counter

import pytest

from collaborative_score_distillation.csd.batches import ListedBatches, RandomBatch
from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.csd.frames import Frames


@pytest.mark.parametrize("size", [1, 4, 11])
def test_each_particle_at_most_once(size):
    for step in range(50):
        index = RandomBatch(size)(Draws(0, step), Frames(12))
        assert len(index) == len(set(index)) == size
        assert set(index) <= set(range(12))


@pytest.mark.parametrize("size", [None, 12, 100])
def test_everyone_where_there_is_no_choice(size):
    assert list(RandomBatch(size)(Draws(0, 0), Frames(12))) == list(range(12))


def test_every_particle_is_as_likely():
    counts = Counter(i for step in range(1200) for i in RandomBatch(4)(Draws(0, step), Frames(12)))
    assert all(abs(counts[i] - 400) < 5 * (1200 * 1 / 3 * 2 / 3) ** 0.5 for i in range(12))


def test_the_choice_hangs_on_seed_and_step():
    def choice(seed, step):
        return tuple(RandomBatch(4)(Draws(seed, step), Frames(12)))

    assert choice(0, 0) == choice(0, 0)
    assert len({choice(0, step) for step in range(20)}) > 15
    assert len({choice(seed, 0) for seed in range(20)}) > 15


def test_the_same_particles_are_chosen_in_whatever_order_they_come():
    names = tuple("abcdefghijkl")
    turned = names[5:] + names[:5]
    for step in range(20):
        index = RandomBatch(4)(Draws(0, step), Frames(12, names))
        other = RandomBatch(4)(Draws(0, step), Frames(12, turned))
        assert {names[i] for i in index} == {turned[i] for i in other}


def test_listed_batches_go_by_step():
    batches = ListedBatches(((2, 1), (0,)))
    assert [batches(Draws(0, step), Frames(3)) for step in range(2)] == [(2, 1), (0,)]


@pytest.mark.parametrize("size", [0, -3])
def test_batches_of_nothing_are_refused(size):
    with pytest.raises(ValueError, match=f"got {size} particles per step"):
        RandomBatch(size)
