import math

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from collaborative_score_distillation.csd.kernel import (
    RBF,
    Fixed,
    Independent,
    authors_median,
    median,
    squared_distances,
)

BANDWIDTHS = {"median": median, "authors' median": authors_median, "fixed": Fixed(3.0)}


def particles(n, size, seed=0, dtype=torch.float32):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def brute_distances(x):
    x = x.double()
    return (x[:, None] - x[None, :]).square().sum(-1)


def pairs(distances):
    return torch.stack([distances[i, j] for i in range(len(distances)) for j in range(len(distances)) if i != j])


@pytest.mark.parametrize("n, size", [(1, 5), (2, 1), (7, 12), (20, 300)])
def test_distances(n, size):
    x = particles(n, size)
    assert torch.allclose(squared_distances(x), brute_distances(x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("offset", [0, 1e3, -1e3])
def test_close_particles_keep_their_distance_far_from_the_origin(offset):
    """Without centring in float64 these would be off by more than they measure."""
    x = particles(6, 4096) * 1e-3 + offset
    exact = brute_distances(x)
    assert pairs(exact).min() > 0
    assert torch.allclose(squared_distances(x), exact, rtol=1e-6, atol=0)


def test_a_close_pair_keeps_its_distance_beside_a_far_particle():
    x = particles(3, 4096)
    x[1] = x[0] + 1e-4 * particles(1, 4096, seed=1)[0]
    x[2] += 10
    assert torch.allclose(squared_distances(x), brute_distances(x), rtol=1e-3, atol=0)


@pytest.mark.parametrize("n, size", [(3, 64), (10, 1024), (10, 16384), (40, 16384)])
def test_equal_particles_have_distance_zero(n, size):
    """Rounding must not make up a distance, which the median heuristic would then magnify."""
    x = particles(1, size).repeat(n, 1)
    x[-1] = particles(1, size, seed=1)
    distances = squared_distances(x)
    assert (distances[:-1, :-1] == 0).all()
    assert (distances[-1, :-1] > size / 2).all()


@pytest.mark.parametrize("name", BANDWIDTHS)
@pytest.mark.parametrize("n, size", [(2, 3), (5, 17), (12, 64)])
def test_repulsion_is_the_gradient_of_the_kernel(name, n, size):
    """sum_j d k(x_j, x_i) / d x_i by autograd, the bandwidth held constant and x_j fixed."""
    x = particles(n, size, dtype=torch.float64)
    h = BANDWIDTHS[name](brute_distances(x))
    moving = x.clone().requires_grad_()
    K = torch.exp(-(x[:, None] - moving[None, :]).square().sum(-1) / h)
    (gradient,) = torch.autograd.grad(K.sum(), moving)
    gram = RBF(BANDWIDTHS[name])(x)
    assert torch.allclose(gram.K, K.detach(), rtol=1e-10, atol=1e-14)
    assert torch.allclose(gram.repulsion, gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kernel", [RBF(), Independent()], ids=["rbf", "independent"])
def test_repulsion_has_the_shape_of_the_particles(kernel):
    x = particles(5, 24)
    flat, deep = kernel(x), kernel(x.unflatten(1, (2, 3, 4)))
    assert deep.repulsion.shape == (5, 2, 3, 4)
    assert torch.equal(deep.repulsion.flatten(1), flat.repulsion) and torch.equal(deep.K, flat.K)


def test_a_kernel_matrix_is_symmetric_with_ones_on_its_diagonal():
    K = RBF()(particles(9, 40)).K
    assert torch.equal(K.diagonal(), torch.ones(9, dtype=torch.float64))
    assert torch.allclose(K, K.T, rtol=1e-12)
    assert (K > 0).all() and (K <= 1).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_kernels_are_computed_in_float64_whatever_the_type(dtype):
    x = particles(5, 500).to(dtype)
    for kernel in (RBF(), Independent()):
        gram = kernel(x)
        exact = kernel(x.double())
        assert gram.K.dtype == gram.repulsion.dtype == torch.float64
        assert torch.equal(gram.K, exact.K) and torch.equal(gram.repulsion, exact.repulsion)


@pytest.mark.parametrize("n", [2, 3, 4, 7, 12])
def test_the_median_is_over_pairs_of_different_particles(n):
    distances = brute_distances(particles(n, 6))
    assert median(distances) == pytest.approx(pairs(distances).median().item() / math.log(n + 1))


@pytest.mark.parametrize("n", [3, 4, 5, 12])
def test_the_authors_median_counts_the_diagonal(n):
    distances = brute_distances(particles(n, 6))
    assert authors_median(distances) == pytest.approx(torch.median(distances).item() / math.log(n + 1))
    assert authors_median(distances) <= median(distances)


def test_two_particles_have_the_bandwidth_of_their_distance():
    """The authors' median would be zero here."""
    distances = torch.tensor([[0.0, 9.0], [9.0, 0.0]])
    assert median(distances) == authors_median(distances) == pytest.approx(9 / math.log(3))


@pytest.mark.parametrize("bandwidth", [median, authors_median])
def test_a_bandwidth_leaves_out_pairs_that_have_no_distance(bandwidth):
    """Two particles that do not correspond have NaN for a distance."""
    distances = brute_distances(particles(6, 12))
    known = torch.ones(6, 6, dtype=torch.bool).triu(-1).tril(1)
    kept = distances[known] if bandwidth is authors_median else distances[known & ~torch.eye(6, dtype=torch.bool)]
    h = bandwidth(torch.where(known, distances, torch.nan))
    assert h == pytest.approx(kept.median().item() / math.log(7))


@pytest.mark.parametrize("bandwidth", [median, authors_median])
def test_a_bandwidth_without_any_distance_is_one(bandwidth):
    assert bandwidth(torch.full((4, 4), torch.nan).fill_diagonal_(0)) == 1
    assert bandwidth(torch.full((4, 4), torch.nan)) == 1


@pytest.mark.parametrize("heuristic", [median, authors_median])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_identical_particles_have_a_bandwidth(heuristic, n):
    assert heuristic(torch.zeros(n, n)) == 1


@pytest.mark.parametrize("heuristic", [median, authors_median])
def test_mostly_identical_particles_have_the_mean_distance_for_a_bandwidth(heuristic):
    distances = torch.zeros(6, 6)
    distances[0, 1:] = distances[1:, 0] = 9.0
    assert heuristic(distances) == pytest.approx(9 * 10 / 30 / math.log(7))


@pytest.mark.parametrize("heuristic", [median, authors_median])
@pytest.mark.parametrize("n, different", [(1, 0), (2, 0), (2, 1), (8, 0), (8, 1), (8, 2)])
def test_few_or_equal_particles_are_finite(heuristic, n, different):
    x = particles(1, 3000).repeat(n, 1)
    x[n - different :] = particles(different, 3000, seed=1)
    K, repulsion = RBF(heuristic)(x)
    assert torch.isfinite(K).all() and torch.isfinite(repulsion).all()
    assert (K[: n - different, : n - different] == 1).all()
    # equal particles are pushed alike, and nobody is pushed where all are equal
    assert torch.allclose(repulsion[: n - different], repulsion[:1], atol=1e-4)
    assert different or repulsion.abs().max() < 1e-9


@pytest.mark.parametrize("h", [0, -1, math.nan, math.inf])
def test_bandwidths_must_be_above_zero(h):
    with pytest.raises(ValueError, match="finite number above zero"):
        Fixed(h)


def test_the_independent_kernel_leaves_everyone_alone():
    K, repulsion = Independent()(particles(4, 7))
    assert torch.equal(K, torch.eye(4, dtype=torch.float64))
    assert repulsion.shape == (4, 7) and (repulsion == 0).all()


class Largest(TorchDispatchMode):
    """Notes the size of the largest tensor that any operation returns."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


def test_memory_is_that_of_two_matrix_products():
    """Nothing of n x n x D elements is ever made, sixty-four times as much as the particles here."""
    n, size = 64, 4096
    x = particles(n, size)
    with Largest() as largest:
        RBF()(x)
    assert largest.elements == n * size


def test_the_watch_on_memory_sees_an_outer_difference():
    x = particles(8, 16)
    with Largest() as largest:
        brute_distances(x)
    assert largest.elements == 8 * 8 * 16
