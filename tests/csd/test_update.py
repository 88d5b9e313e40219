import math
import time

import pytest
import torch

from collaborative_score_distillation.csd.tree import named_leaves, tree_map
from collaborative_score_distillation.csd.update import SGD, Adam, Masked, Rates, Regrown, StepSize, times_before


def normal(seed, dtype=torch.float64):
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def run(update, steps, dtype=torch.float64):
    """theta after every step, with gradients that change from step to step."""
    theta = normal(0, dtype)
    memory, path = update.init(theta), []
    for step in range(steps):
        theta, memory = update.step(theta, normal(step + 1, dtype), memory, step)
        path.append(theta)
    return path


def test_step_sizes_decay():
    size = StepSize(2.0, 0.9, 20)
    assert [size(step) for step in (0, 19, 20, 39, 40)] == pytest.approx([2, 2, 1.8, 1.8, 1.62])


def test_step_sizes_stay_without_decay():
    assert {StepSize(0.5)(step) for step in range(100)} == {0.5}


@pytest.mark.parametrize(
    "arguments",
    [(-1,), (math.nan,), (math.inf,), (1, 0), (1, 1.1), (1, -0.5), (1, math.nan), (1, 0.9, 0), (1, 0.9, -5)],
    ids=str,
)
def test_bad_step_sizes_are_refused(arguments):
    with pytest.raises(ValueError, match="StepSize: got size"):
        StepSize(*arguments)


def test_sgd_descends_with_a_decaying_step():
    theta = normal(0)
    for step, found in enumerate(run(SGD(StepSize(2.0, 0.5, 2)), 5)):
        theta = theta - 2.0 * 0.5 ** (step // 2) * normal(step + 1)
        assert torch.allclose(found, theta, rtol=1e-14)


def test_sgd_agrees_with_torch():
    parameter = normal(0).clone().requires_grad_()
    optimizer = torch.optim.SGD([parameter], lr=0.3)
    for step, found in enumerate(run(SGD(StepSize(0.3)), 5)):
        parameter.grad = normal(step + 1)
        optimizer.step()
        assert torch.allclose(found, parameter.detach(), rtol=1e-12)


@pytest.mark.parametrize("betas, epsilon", [((0.9, 0.99), 1e-8), ((0.5, 0.999), 1e-2), ((0.0, 0.9), 1e-8)])
def test_adam_agrees_with_torch(betas, epsilon):
    parameter = normal(0).clone().requires_grad_()
    optimizer = torch.optim.Adam([parameter], lr=0.1, betas=betas, eps=epsilon)
    for step, found in enumerate(run(Adam(StepSize(0.1), *betas, epsilon), 12)):
        parameter.grad = normal(step + 1)
        optimizer.step()
        assert torch.allclose(found, parameter.detach(), rtol=1e-11, atol=1e-12)


def test_adam_moves_by_its_step_size_at_first():
    moved = run(Adam(StepSize(0.1)), 1)[0] - normal(0)
    assert torch.allclose(moved, -0.1 * normal(1).sign(), rtol=1e-4)


MASK = torch.zeros(1, 1, 4, 5)
MASK[..., 1:3, 2:] = 1


@pytest.mark.parametrize("inner", [SGD(StepSize(0.7)), Adam(StepSize(0.1))], ids=["sgd", "adam"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_masked_updates_leave_the_outside_alone(inner, dtype):
    inside = MASK.bool().expand(2, 3, 4, 5)
    masked, free = run(Masked(inner, MASK), 6, dtype)[-1], run(inner, 6, dtype)[-1]
    assert masked.dtype == dtype
    assert torch.equal(masked[~inside], normal(0, dtype)[~inside])
    assert torch.equal(masked[inside], free[inside])
    assert not torch.equal(masked[inside], normal(0, dtype)[inside])


def test_half_a_mask_is_half_a_step():
    half = run(Masked(SGD(StepSize(0.7)), torch.full((1, 1, 1, 1), 0.5)), 1)[0]
    assert torch.allclose(half, (normal(0) + run(SGD(StepSize(0.7)), 1)[0]) / 2)


@pytest.mark.parametrize("update", [SGD(), Adam(), Masked(Adam(), MASK)], ids=["sgd", "adam", "masked"])
def test_nothing_handed_over_is_changed(update):
    theta, gradient = normal(0), normal(1)
    _, memory = update.step(theta, gradient, update.init(theta), 0)
    before = {name: tensor.clone() for name, tensor in memory.items()}
    mask = MASK.clone()
    update.step(theta, gradient, memory, 1)
    assert torch.equal(theta, normal(0)) and torch.equal(gradient, normal(1)) and torch.equal(MASK, mask)
    assert memory.keys() == before.keys() and all(torch.equal(memory[name], before[name]) for name in memory)


@pytest.mark.parametrize("update", [SGD(), Adam(), Masked(SGD(), MASK)], ids=["sgd", "adam", "masked"])
def test_no_gradient_is_no_step(update):
    theta = normal(0)
    moved, _ = update.step(theta, torch.zeros_like(theta), update.init(theta), 0)
    assert torch.equal(moved, theta)


def test_adam_stays_finite_where_squares_underflow_in_half_precision():
    theta, gradient = normal(0, torch.float16), normal(1, torch.float16) * 1e-4
    adam = Adam(StepSize(0.1))
    moved, memory = adam.step(theta, gradient, adam.init(theta), 0)
    exact, _ = adam.step(theta.double(), gradient.double(), adam.init(theta.double()), 0)
    assert moved.dtype == torch.float16 and memory["second"].dtype == torch.float32
    assert torch.allclose(moved.double(), exact, atol=2e-3)


def test_the_outside_of_a_mask_stays_even_where_the_gradient_is_broken():
    theta, gradient = normal(0), torch.where(MASK > 0, normal(1), math.inf)
    moved, _ = Masked(SGD(), MASK).step(theta, gradient, {}, 0)
    assert torch.isfinite(moved).all()


# Theta in more than one tensor


def nested(seed, rows=3, dtype=torch.float64):
    def part(number, *shape):
        generator = torch.Generator().manual_seed(10 * seed + number)
        return torch.randn(rows, *shape, generator=generator, dtype=dtype)

    return {"place": part(0, 2), "look": (part(1, 3, 4), {"opacity": part(2)})}


def leaves(theta):
    return dict(named_leaves(theta))


def nested_run(update, steps, gradient=nested):
    theta = nested(0)
    memory = update.init(theta)
    for step in range(steps):
        theta, memory = update.step(theta, gradient(step + 1), memory, step)
    return theta, memory


@pytest.mark.parametrize("update", [SGD(StepSize(0.3, 0.5, 2)), Adam(StepSize(0.1))], ids=["sgd", "adam"])
def test_each_tensor_of_theta_moves_as_if_it_were_alone(update):
    theta, _ = nested_run(update, 4)
    assert leaves(theta).keys() == {"place", "look.0", "look.1.opacity"}
    for name, found in leaves(theta).items():
        alone, memory = leaves(nested(0))[name], update.init(leaves(nested(0))[name])
        for step in range(4):
            alone, memory = update.step(alone, leaves(nested(step + 1))[name], memory, step)
        assert torch.equal(found, alone)


def test_the_moments_of_adam_have_the_structure_of_theta():
    memory = Adam().init(nested(0, dtype=torch.float16))
    assert set(memory) == {"first", "second"}
    for moment in memory.values():
        tree_map(lambda zero, like: torch.testing.assert_close(zero, torch.zeros_like(like).float()), moment, nested(0))


@pytest.mark.parametrize("inner", [SGD(StepSize(0.7)), Adam(StepSize(0.1))], ids=["sgd", "adam"])
def test_a_mask_lets_some_of_the_tensors_move(inner):
    rows = torch.tensor([0.0, 1.0, 0.0])
    mask = {"place": torch.zeros(1, 1), "look": (rows.reshape(3, 1, 1), {"opacity": torch.ones(3)})}
    masked, free = leaves(nested_run(Masked(inner, mask), 5)[0]), leaves(nested_run(inner, 5)[0])
    start = leaves(nested(0))
    assert torch.equal(masked["place"], start["place"])
    assert torch.equal(masked["look.0"][[0, 2]], start["look.0"][[0, 2]])
    assert torch.equal(masked["look.0"][1], free["look.0"][1])
    assert not torch.equal(free["look.0"][1], start["look.0"][1])
    assert torch.equal(masked["look.1.opacity"], free["look.1.opacity"])


RATES = {"place": 0.0, "look": (1.0, {"opacity": 0.25})}


@pytest.mark.parametrize("inner", [SGD(StepSize(0.7)), Adam(StepSize(0.1))], ids=["sgd", "adam"])
def test_every_part_moves_at_its_own_rate(inner):
    start, free = (leaves(theta) for theta in (nested(0), nested_run(inner, 1)[0]))
    rated = leaves(nested_run(Rates(inner, RATES), 1)[0])
    for name, rate in {"place": 0.0, "look.0": 1.0, "look.1.opacity": 0.25}.items():
        assert torch.allclose(rated[name] - start[name], rate * (free[name] - start[name]), atol=1e-12)
    assert torch.equal(leaves(nested_run(Rates(inner, RATES), 9)[0])["place"], start["place"])


# Rows that are copied and dropped


def test_rows_settle_after_they_were_chosen():
    def settle(theta, rows):
        assert rows.tolist() == [2, 0, 2]
        return tree_map(lambda part: part + 1, theta)

    grown = Regrown(SGD(), lambda theta, gradient, step: torch.tensor([2, 0, 2]), settle)
    found, plain = leaves(nested_run(grown, 1)[0]), leaves(nested_run(SGD(), 1)[0])
    assert all(torch.equal(found[name], plain[name][[2, 0, 2]] + 1) for name in plain)


def test_copies_are_counted():
    assert times_before(torch.tensor([2, 0, 2, 2, 0, 1])).tolist() == [0, 0, 1, 2, 1, 0]
    assert times_before(torch.tensor([], dtype=torch.long)).tolist() == []


def test_a_hundred_thousand_rows_are_chosen_quickly():
    rows, theta = torch.arange(100_000).repeat(2), {"place": torch.zeros(100_000, 3)}
    grown = Regrown(Adam(), lambda theta, gradient, step: rows)
    begun = time.process_time()
    grown.step(theta, theta, grown.init(theta), 0)
    assert time.process_time() - begun < 5


def regrown(update, steps=3, at=1, rows=(2, 0, 2)):
    """A run whose rows are chosen anew after step `at`, with gradients of as many rows as theta has."""
    grown = Regrown(update, lambda theta, gradient, step: torch.tensor(rows) if step == at else None)
    return nested_run(grown, steps, lambda number: nested(number, 3 if number <= at + 1 else len(rows)))


@pytest.mark.parametrize("update", [SGD(StepSize(0.3)), Adam(StepSize(0.1))], ids=["sgd", "adam"])
def test_rows_go_on_after_the_step_that_moved_them(update):
    found, plain = leaves(regrown(update, 2)[0]), leaves(nested_run(update, 2)[0])
    assert all(torch.equal(found[name], plain[name][[2, 0, 2]]) for name in plain)


@pytest.mark.parametrize("rows", [(1,), (2, 0, 2), (0, 1, 2, 2, 2), (2, 1, 0)], ids=str)
def test_memory_follows_its_rows_and_copies_begin_without(rows):
    _, memory = regrown(Adam(StepSize(0.1)), 2, rows=rows)
    _, plain = nested_run(Adam(StepSize(0.1)), 2)
    first = [row not in rows[:place] for place, row in enumerate(rows)]
    for name in ("first", "second"):
        for leaf, found in leaves(memory[name]).items():
            assert len(found) == len(rows)
            for place, row in enumerate(rows):
                expected = leaves(plain[name])[leaf][row] if first[place] else torch.zeros_like(found[place])
                assert torch.equal(found[place], expected)


def test_first_copies_of_many_rows_are_found_in_time():
    rows = torch.randint(200_000, (400_000,), generator=torch.Generator().manual_seed(3))
    first = {}
    for place, row in enumerate(rows.tolist()):
        first.setdefault(row, place)
    start = time.process_time()
    found = times_before(rows) == 0
    assert time.process_time() - start < 5
    assert found.nonzero().flatten().tolist() == list(first.values())


def test_rows_that_stay_are_as_if_nothing_had_happened():
    adam = Adam(StepSize(0.1))
    (theta, memory), (plain, kept) = regrown(adam, rows=(0, 1, 2)), nested_run(adam, 3)
    tree_map(torch.testing.assert_close, theta, plain)
    assert all(torch.equal(a, b) for a, b in zip(leaves(memory).values(), leaves(kept).values(), strict=True))


def test_nothing_is_chosen_in_most_steps():
    seen = []

    def choose(theta, gradient, step):
        seen.append((step, len(theta["place"]), len(gradient["place"])))
        return torch.tensor([0, 0, 1, 2]) if step == 0 else None

    nested_run(Regrown(SGD(), choose), 3, lambda number: nested(number, 3 if number == 1 else 4))
    assert seen == [(0, 3, 3), (1, 4, 4), (2, 4, 4)]


def test_a_chooser_sees_theta_as_it_has_moved():
    moved = {}

    def choose(theta, gradient, step):
        moved.update(leaves(theta))

    theta, _ = nested_run(Regrown(SGD(StepSize(0.3)), choose), 1)
    assert all(torch.equal(part, moved[name]) for name, part in leaves(theta).items())


def test_regrowing_changes_nothing_handed_over():
    theta, gradient, adam = nested(0), nested(1), Adam(StepSize(0.1))
    _, memory = adam.step(theta, gradient, adam.init(theta), 0)
    before = {name: part.clone() for name, part in leaves(memory).items()}
    Regrown(adam, lambda *seen: torch.tensor([1, 1, 0])).step(theta, gradient, memory, 1)
    tree_map(torch.testing.assert_close, theta, nested(0))
    tree_map(torch.testing.assert_close, gradient, nested(1))
    assert all(torch.equal(part, before[name]) for name, part in leaves(memory).items())


def test_a_single_tensor_regrows_too():
    theta = normal(0)
    grown, memory = Regrown(Adam(), lambda *seen: torch.tensor([1, 1, 0])).step(theta, normal(1), Adam().init(theta), 0)
    assert grown.shape == memory["first"].shape == (3, 3, 4, 5)
    assert torch.equal(grown[0], grown[1]) and (memory["first"][1] == 0).all() and (memory["first"][0] != 0).all()
