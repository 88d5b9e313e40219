"""Kernels on features: the repulsion is carried back by the network, or left out."""

import pytest
import torch

from collaborative_score_distillation.csd.features import Features
from collaborative_score_distillation.csd.kernel import RBF, Fixed, Independent, median
from collaborative_score_distillation.csd.stein import Seen, Stein, row

SHAPE = (2, 3, 4)


def normal(n, seed=0, shape=SHAPE, dtype=torch.float64):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


WEIGHT = normal(5, seed=7, shape=(24,))


def net(x):
    """A nonlinear net from 24 numbers to 5, smooth for finite differences."""
    return torch.tanh(0.3 * x.flatten(1) @ WEIGHT.T.to(x)) + 0.1 * x.flatten(1)[:, :5].square()


def pooled(x):
    """Features with axes of their own."""
    return torch.sin(x).mean(3, keepdim=True)


NETS = {"tanh": net, "pooled": pooled, "itself": lambda x: x}


@pytest.fixture(params=NETS)
def network(request):
    return NETS[request.param]


def attraction(moving, fixed, network, h):
    """sum_ij k(f(x_j), f(x_i)) for moving x_i and x_j that stay."""
    distances = (network(fixed).flatten(1)[:, None] - network(moving).flatten(1)[None]).square().sum(-1)
    return torch.exp(-distances / h).sum()


@pytest.mark.parametrize("n", [1, 2, 4])
def test_repulsion_is_the_gradient_of_the_kernel_by_finite_differences(network, n):
    """sum_j d k(f(x_j), f(x_i)) / d x_i, number by number, in double precision."""
    x, h, small = normal(n), 0.7, 1e-6
    gram = Features(network, RBF(Fixed(h)))(x)
    assert gram.repulsion.shape == x.shape and gram.repulsion.dtype == torch.float64
    flat = x.reshape(-1)
    for number in range(len(flat)):
        step = torch.zeros_like(flat)
        step[number] = small
        up, down = (attraction((flat + sign * step).reshape(x.shape), x, network, h) for sign in (1, -1))
        assert gram.repulsion.reshape(-1)[number].item() == pytest.approx(((up - down) / (2 * small)).item(), abs=1e-8)


def test_the_kernel_is_that_of_the_features(network):
    x = normal(5)
    assert torch.equal(Features(network, RBF(median))(x).K, RBF(median)(network(x)).K)


def test_features_that_are_the_particles_change_nothing():
    x = normal(5)
    found, plain = Features(lambda x: x, RBF())(x), RBF()(x)
    assert torch.equal(found.K, plain.K) and torch.equal(found.repulsion, plain.repulsion)


def test_particles_part_in_their_features():
    x = normal(4)
    moved = x - 1e-3 * Features(net, RBF())(x).repulsion
    assert torch.pdist(net(moved)).mean() > torch.pdist(net(x)).mean()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_the_network_runs_in_the_type_of_the_particles(dtype):
    seen, x = [], normal(4, dtype=dtype)

    def watched(x):
        seen.append(x.dtype)
        return pooled(x)

    gram = Features(watched, RBF())(x)
    exact = Features(pooled, RBF())(x.double())
    assert set(seen) == {dtype} and gram.K.dtype == gram.repulsion.dtype == torch.float64
    assert torch.allclose(gram.K, exact.K, atol=20 * torch.finfo(dtype).eps)
    assert torch.allclose(gram.repulsion, exact.repulsion, rtol=0.02, atol=30 * torch.finfo(dtype).eps)


def test_repulsion_may_be_left_out():
    """Then the network is asked once, and nothing is carried back."""
    x, grad = normal(4), []

    def watched(x):
        grad.append(x.requires_grad)
        return net(x)

    found = Features(watched, RBF(), repels=False)(x)
    assert (found.repulsion == 0).all() and found.repulsion.shape == x.shape and grad == [False]
    assert torch.equal(found.K, Features(net, RBF())(x).K)


class Reading(torch.autograd.Function):
    """Passes numbers on, and fails where it is asked to go back."""

    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        raise RuntimeError("went back")


def test_what_does_not_repel_needs_no_way_back():
    x = normal(3)
    Features(Reading.apply, RBF(), repels=False)(x)
    with pytest.raises(RuntimeError, match="went back"):
        Features(Reading.apply, RBF())(x)


@pytest.mark.parametrize("repels", [True, False])
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_it_works_in_any_mode_and_leaves_it(mode, repels):
    """Samplers of the host run in inference mode, whose tensors autograd does not take."""
    expected = Features(net, RBF(), repels)(normal(4))
    with mode():
        x = normal(4)
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        gram = Features(net, RBF(), repels)(x)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
        direction, _ = Stein(Features(net, RBF(), repels))(Seen(x, x), x)
    assert torch.equal(gram.K, expected.K) and torch.equal(gram.repulsion, expected.repulsion)
    assert torch.isfinite(direction).all()


@pytest.mark.parametrize("repels", [True, False])
def test_no_graph_is_left_behind(repels):
    """Nor one of the network's weights, where these take part in training elsewhere."""
    layer = torch.nn.Linear(24, 5).double()
    gram = Features(lambda x: layer(x.flatten(1)), RBF(), repels)(normal(4))
    assert not (gram.K.requires_grad or gram.repulsion.requires_grad)
    assert all(parameter.grad is None for parameter in layer.parameters())


def test_stein_couples_by_features():
    """The equation written out, with the repulsion carried back."""
    x, residual = normal(4), normal(4, seed=1)
    gram = Features(net, RBF(Fixed(0.7)))(x)
    direction, found = Stein(Features(net, RBF(Fixed(0.7))), row, 0.5)(Seen(x, x), residual)
    pulled = torch.einsum("ij,jchw->ichw", gram.K, residual)
    expected = (pulled + 0.5 * gram.repulsion) * row(gram.K)[:, :, None, None]
    assert torch.equal(found.K, gram.K) and torch.allclose(direction, expected, rtol=1e-12)


def test_independent_features_carry_nothing_back():
    gram = Features(net, Independent())(normal(4))
    assert torch.equal(gram.K, torch.eye(4, dtype=torch.float64)) and (gram.repulsion == 0).all()
