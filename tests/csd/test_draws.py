"""Random numbers by key."""

import hashlib

import pytest
import torch

from collaborative_score_distillation.csd.draws import Draws


def test_draws_with_different_keys_differ():
    draws = Draws(0, 0)
    rows = [draws.normal((64,), *key) for key in [("a",), ("b",), ("a", "b"), ("a", 1), ()]]
    assert len({tuple(row.tolist()) for row in rows}) == len(rows)


def test_seed_and_step_do_not_run_into_one_another():
    assert not torch.equal(Draws(1, 11).normal((8,)), Draws(11, 1).normal((8,)))


@pytest.mark.parametrize("seed", [0, -7, 2**64 - 1])
def test_any_integer_is_a_seed(seed):
    assert torch.isfinite(Draws(seed, 0).normal((8,), "a")).all()


def test_uniform_draws_fill_the_unit_interval():
    numbers = [Draws(seed, 0).uniform("a") for seed in range(2000)]
    assert min(numbers) >= 0 and max(numbers) < 1
    assert min(numbers) < 0.01 and max(numbers) > 0.99
    assert abs(sum(numbers) / 2000 - 0.5) < 4 * (1 / 12 / 2000) ** 0.5


def test_the_same_key_gives_the_same_numbers_in_whatever_order():
    first = {key: Draws(3, 5).normal((4, 2), key) for key in "abc"}
    again = {key: Draws(3, 5).normal((4, 2), key) for key in "cab"}
    assert all(torch.equal(first[key], again[key]) for key in "abc")


def test_keys_are_hashed_the_same_everywhere():
    """Python's own hash differs from process to process; a state that was kept has to go on in another one."""
    digest = hashlib.blake2b(b"3/5/a/1", digest_size=8).digest()
    assert Draws(3, 5).generator("a", 1).initial_seed() == int.from_bytes(digest, "little") // 2 == 7567418071127987339


def test_equal_draws_are_one_key():
    """What is kept for a step is found again by its draws."""
    assert len({Draws(0, 1), Draws(0, 1), Draws(1, 0), Draws(0, 2)}) == 3


def test_normal_numbers_are_single_precision_with_mean_zero_and_variance_one():
    numbers = Draws(0, 0).normal((100, 100), "a")
    assert numbers.dtype == torch.float32 and numbers.device.type == "cpu"
    assert abs(numbers.mean().item()) < 4 / 100
    assert abs(numbers.var().item() - 1) < 4 * (2 / 10_000) ** 0.5


def test_drawing_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    Draws(0, 0).normal((8,), "a"), Draws(0, 0).uniform("a")
    assert torch.equal(torch.get_rng_state(), before)
