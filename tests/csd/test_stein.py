import pytest
import torch

from collaborative_score_distillation.csd.kernel import RBF, Fixed, Independent, authors_median
from collaborative_score_distillation.csd.stein import NORMALIZATIONS, Seen, Stein, clean, mean, row

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
KERNELS = {"median": RBF(), "authors": RBF(authors_median), "fixed": RBF(Fixed(0.3)), "independent": Independent()}


def normal(n, seed=0, dtype=torch.float32, shape=(4, 6, 5)):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def seen(x):
    """Particles that are compared as they are."""
    return Seen(x, x)


@pytest.fixture(params=sorted(NORMALIZATIONS))
def normalization(request):
    return NORMALIZATIONS[request.param]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_one_particle_takes_the_direction_of_sds_bit_for_bit(normalization, kernel, dtype):
    residual = normal(1, seed=1, dtype=dtype) * 1.37
    direction, gram = Stein(kernel, normalization)(seen(normal(1, dtype=dtype) + 3), residual)
    assert direction.dtype == dtype
    assert torch.equal(direction, residual)
    assert gram.K.tolist() == [[1.0]]


def test_the_direction_is_the_equation_written_out(normalization):
    x_t, residual, n = normal(5, dtype=torch.float64), normal(5, seed=1, dtype=torch.float64), 5
    direction, gram = Stein(RBF(Fixed(40.0)), normalization, repulsion=0.7)(seen(x_t), residual)
    for i in range(n):
        weights = [torch.exp(-(x_t[j] - x_t[i]).square().sum() / 40) for j in range(n)]
        pulled = sum(weights[j] * residual[j] for j in range(n))
        pushed = sum(weights[j] * 2 / 40 * (x_t[j] - x_t[i]) for j in range(n))
        scale = 1 / n if normalization is mean else 1 / sum(weights)
        assert torch.allclose(direction[i], scale * (pulled + 0.7 * pushed), rtol=1e-9, atol=1e-12)
    assert gram.K.shape == (n, n)


def gaps(x):
    return torch.pdist(x.flatten(1))


def test_repulsion_moves_particles_apart_under_descent(normalization):
    x = normal(4, shape=(1, 1, 2))
    direction, _ = Stein(normalization=normalization)(seen(x), torch.zeros_like(x))
    moved = x - 1e-2 * direction
    assert gaps(moved).mean() > gaps(x).mean()
    assert torch.linalg.norm(moved - moved.mean(0)) > torch.linalg.norm(x - x.mean(0))


def test_two_particles_part_along_the_line_between_them(normalization):
    x = torch.tensor([[-1.0, 0.0], [1.0, 0.0]]).reshape(2, 2, 1, 1)
    direction, _ = Stein(normalization=normalization)(seen(x), torch.zeros_like(x))
    moved = (x - 0.1 * direction).reshape(2, 2)
    assert moved[0, 0] < -1 and moved[1, 0] > 1
    assert torch.allclose(moved[:, 1], torch.zeros(2))


def test_strength_scales_the_repulsion(normalization):
    x, residual = normal(4), normal(4, seed=1)

    def direction(strength):
        return Stein(normalization=normalization, repulsion=strength)(seen(x), residual)[0].double()

    full, none = direction(1.0), direction(0.0)
    assert not torch.allclose(full, none)
    assert torch.allclose(direction(0.5), (full + none) / 2, atol=1e-6)


def test_without_strength_or_residual_nothing_moves(normalization):
    x = normal(4)
    assert (Stein(normalization=normalization, repulsion=0.0)(seen(x), torch.zeros_like(x))[0] == 0).all()


def test_row_weights_sum_to_one():
    """A residual that all share comes through unchanged, however many particles there are."""
    for n in (1, 2, 7, 40):
        x, residual = normal(n), normal(1, seed=1).repeat(n, 1, 1, 1)
        direction, gram = Stein(RBF(), row, repulsion=0.0)(seen(x), residual)
        assert torch.allclose(direction, residual, rtol=1e-6, atol=1e-7)
        assert torch.allclose((row(gram.K) * gram.K).sum(1), torch.ones(n, dtype=torch.float64))


def test_mean_weights_shrink_with_the_number_of_particles():
    x, residual = normal(7), normal(1, seed=1).repeat(7, 1, 1, 1)
    direction, gram = Stein(RBF(), mean, repulsion=0.0)(seen(x), residual)
    expected = residual * (gram.K.sum(1) / 7).reshape(7, 1, 1, 1)
    assert torch.allclose(direction.double(), expected, atol=1e-6)


def test_the_independent_kernel_couples_nothing():
    x, residual = normal(5), normal(5, seed=1)
    assert torch.equal(Stein(Independent(), row)(seen(x), residual)[0], residual)
    assert torch.allclose(Stein(Independent(), mean)(seen(x), residual)[0], residual / 5, rtol=1e-6)


@pytest.mark.parametrize("n", [2, 3, 9])
@pytest.mark.parametrize("kernel", [RBF(), RBF(authors_median)], ids=["median", "authors"])
def test_identical_particles_share_their_mean_residual(normalization, kernel, n):
    residual = normal(n, seed=1)
    direction, _ = Stein(kernel, normalization)(seen(normal(1).repeat(n, 1, 1, 1)), residual)
    assert torch.isfinite(direction).all()
    assert torch.allclose(direction, residual.mean(0).expand_as(residual), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_goes_in_and_comes_out(normalization, dtype):
    x, residual = normal(6, dtype=dtype), normal(6, seed=1, dtype=dtype)
    stein = Stein(normalization=normalization)
    direction, _ = stein(seen(x), residual)
    exact, _ = stein(seen(x.double()), residual.double())
    assert direction.dtype == dtype
    assert torch.equal(direction, exact.to(dtype))


def test_half_precision_does_not_overflow(normalization):
    """|x|^2 is far above the largest float16 here."""
    x = (normal(4) * 1000).half()
    assert torch.isfinite(Stein(normalization=normalization)(seen(x), x)[0]).all()


def test_particles_may_have_further_axes(normalization):
    x, residual = normal(4), normal(4, seed=1)
    flat, _ = Stein(normalization=normalization)(seen(x), residual)
    deep, _ = Stein(normalization=normalization)(seen(x.unflatten(2, (3, 2))), residual.unflatten(2, (3, 2)))
    assert deep.shape == (4, 4, 3, 2, 5)
    assert torch.allclose(deep.flatten(2, 3), flat)


def test_permuted_particles_have_permuted_directions(normalization):
    x, residual, order = normal(6), normal(6, seed=1), [3, 5, 0, 1, 4, 2]
    stein = Stein(normalization=normalization)
    direction, gram = stein(seen(x), residual)
    permuted, permuted_gram = stein(seen(x[order]), residual[order])
    assert torch.allclose(permuted, direction[order], atol=1e-6)
    assert torch.allclose(permuted_gram.K, gram.K[order][:, order])


def test_nothing_handed_over_is_changed():
    x, residual = normal(4), normal(4, seed=1)
    Stein()(seen(x), residual)
    assert torch.equal(x, normal(4)) and torch.equal(residual, normal(4, seed=1))


# What is compared


@pytest.mark.parametrize("compare, at", [(None, 1), (clean, 0)], ids=["noised", "clean"])
def test_the_kernel_is_on_what_is_compared(normalization, compare, at):
    x, x_t, residual = normal(5), normal(5, seed=2), normal(5, seed=1)
    settings = {} if compare is None else {"compare": compare}
    direction, gram = Stein(RBF(), normalization, **settings)(Seen(x, x_t), residual)
    expected, plain = Stein(RBF(), normalization)(seen((x, x_t)[at]), residual)
    other, _ = Stein(RBF(), normalization)(seen((x, x_t)[1 - at]), residual)
    assert torch.equal(direction, expected) and torch.equal(gram.repulsion, plain.repulsion)
    assert not torch.allclose(direction, other)


def test_anything_made_of_what_is_seen_may_be_compared_without_repulsion():
    """Here theta, and which particles there are."""
    theta, residual = normal(9, shape=(7,)), normal(3, seed=1)

    def compare(seen):
        return seen.theta[list(seen.index)]

    direction, gram = Stein(repulsion=0.0, compare=compare)(Seen(residual, residual, [8, 0, 3], theta), residual)
    K = RBF()(theta[[8, 0, 3]]).K
    assert torch.equal(gram.K, K)
    expected = torch.einsum("ij,jchw->ichw", K * row(K), residual.double())
    assert torch.allclose(direction.double(), expected, atol=1e-6)


def test_a_repulsion_between_tensors_of_another_shape_is_refused():
    x = normal(3)
    message = r"compares tensors of shape \(3, 4\), expected the shape of the particles, \(3, 4, 6, 5\); set repulsion"
    with pytest.raises(ValueError, match=message):
        Stein(compare=lambda seen: seen.x.mean((2, 3)))(seen(x), x)


def test_whole_particles_are_coupled_without_a_correspondence():
    assert Stein().correspondence is None
