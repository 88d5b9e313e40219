"""Contenders take turns, and peaks belong to who made them."""

import math

from collaborative_score_distillation.dev.benchmarks.coupling import COPIES, SHAPE, fits, measure, memory
from collaborative_score_distillation.dev.benchmarks.timing import alternate, apart, ratio


def test_contenders_take_turns_in_alternating_order():
    calls = []
    times = alternate({name: lambda name=name: calls.append(name) for name in "ab"}, 3)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert [len(found) for found in times.values()] == [3, 3]


def test_ratios_are_medians_over_the_rounds():
    assert ratio([2.0, 30.0, 8.0], [1.0, 10.0, 2.0]) == 3.0


def test_the_authors_tensor_is_seen_in_the_memory_of_a_process_of_its_own():
    n = 48
    tensor = n * n * math.prod(SHAPE) * 4
    theirs, ours = (apart(memory, name, n) for name in ("authors", "ours"))
    assert tensor < theirs < (COPIES + 1) * tensor
    assert ours < tensor / 2


def test_both_contenders_find_the_same_direction():
    row = measure(6, 1)
    assert row["difference"] < 1e-5 and row["times faster"] > 0


def test_what_does_not_fit_is_not_tried():
    assert fits(128) and not fits(1024)
