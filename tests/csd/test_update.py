import math

import pytest
import torch

from collaborative_score_distillation.csd.update import SGD, Adam, Masked, StepSize


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
