from collections import Counter

import pytest

from collaborative_score_distillation.csd.batches import ListedBatches, RandomBatch, Stretches
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.noise import Draws


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


def stretch(size, anchors, step=0, count=40, seed=0):
    return Stretches(size, anchors)(Draws(seed, step), Frames(count))


@pytest.mark.parametrize("size, anchors", [(1, 0), (8, 0), (8, 3), (8, 7), (39, 5)])
def test_a_stretch_and_its_anchors_are_as_many_as_asked_for(size, anchors):
    for step in range(50):
        index = stretch(size, anchors, step)
        assert len(set(index)) == len(index) == size
        assert index == sorted(index) and set(index) <= set(range(40))


def runs(index, count):
    """Lengths of the runs of frames that follow one another around the circle."""
    starts = [i for i in index if (i - 1) % count not in index]
    return sorted(next(k for k in range(1, count + 1) if (i + k) % count not in index) for i in starts)


def test_a_stretch_is_contiguous_and_its_anchors_are_far():
    for step in range(50):
        assert runs(stretch(8, 0, step), 40) == [8]
        index = stretch(8, 3, step)
        assert runs(index, 40) == [1, 1, 1, 5]
        gaps = [(b - a) % 40 for a, b in zip(index, index[1:] + index[:1])]
        assert min(gap for gap in gaps if gap > 1) >= 5


def test_every_frame_is_as_likely_in_a_stretch():
    """Anchors too: over all places where a stretch may begin each frame is seen as often."""
    drawn = [tuple(stretch(8, 3, step)) for step in range(2000)]
    assert len(set(drawn)) == 40
    assert set(Counter(i for index in set(drawn) for i in index).values()) == {8}
    counts = Counter(drawn)
    assert all(abs(n - 50) < 5 * 50**0.5 for n in counts.values())


def test_stretches_hang_on_seed_and_step():
    assert stretch(8, 3, 5) == stretch(8, 3, 5)
    assert len({tuple(stretch(8, 3, step)) for step in range(20)}) > 10
    assert len({tuple(stretch(8, 3, seed=seed)) for seed in range(20)}) > 10


@pytest.mark.parametrize("size", [5, 8])
def test_a_short_clip_is_one_stretch(size):
    assert list(stretch(size, 2, count=5)) == list(range(5))


@pytest.mark.parametrize("size, anchors", [(0, 0), (4, 4), (4, -1)])
def test_impossible_stretches_are_refused(size, anchors):
    with pytest.raises(ValueError, match=f"got {anchors} anchors among {size} particles"):
        Stretches(size, anchors)
