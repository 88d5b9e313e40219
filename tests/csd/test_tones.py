"""Tones: averaged over all blocks that look alike, near or far; detail and everything else stays as it is."""

import pytest
import torch

from collaborative_score_distillation.csd import tones as module
from collaborative_score_distillation.csd.aligned import Aligned
from collaborative_score_distillation.csd.correspondence import Canvas
from collaborative_score_distillation.csd.kernel import Independent
from collaborative_score_distillation.csd.stein import Seen, Stein
from collaborative_score_distillation.csd.tones import Tones, shared
from collaborative_score_distillation.csd.windows import cover

ALONE = Stein(Independent())


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seen(x):
    return Seen(x, x, range(len(x)))


def skies(count=5, noise=0.0):
    """Particles whose upper half looks alike in all of them, and whose lower halves look alike too."""
    x = torch.zeros(count, 3, 8, 8, dtype=torch.float64)
    x[:, :, 4:] = 5.0
    return x + noise * normal(*x.shape, seed=7)


def test_the_mean_is_the_equation_written_out():
    looks, tones = normal(7, 3), normal(7, 2, seed=1)
    apart = torch.stack([(looks - one).square().sum(1) for one in looks])
    median = apart[~torch.eye(7, dtype=torch.bool)].median()
    weights = torch.exp(-apart / (0.5**2 * median))
    expected = weights @ tones / weights.sum(1, keepdim=True)
    assert torch.allclose(shared(tones, looks, 0.5), expected, rtol=1e-9, atol=1e-12)


def test_one_sky_gets_one_tone_however_far_apart_its_windows_are():
    x, residual = skies(), torch.zeros(5, 3, 8, 8, dtype=torch.float64)
    residual[:, :, :4] = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0], dtype=torch.float64).reshape(5, 1, 1, 1)
    direction, _ = Tones(ALONE)(seen(x), residual)
    inside = direction[:, :, :3], direction[:, :, 5:]  # between the two, the change is interpolated
    assert torch.allclose(inside[0], torch.tensor(3.0, dtype=torch.float64))
    assert torch.allclose(inside[1], torch.tensor(0.0, dtype=torch.float64), atol=1e-9)


def test_what_is_the_same_everywhere_stays():
    residual = torch.full((4, 3, 8, 8), 0.7, dtype=torch.float64)
    direction, _ = Tones(ALONE)(seen(normal(4, 3, 8, 8)), residual)
    assert torch.allclose(direction, residual)


def test_detail_inside_a_block_stays():
    x = normal(4, 3, 8, 8)
    detail = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64).repeat(4, 4).expand(4, 3, 8, 8)
    assert torch.allclose(Tones(ALONE, block=2)(seen(x), detail)[0], detail)


def test_the_chance_of_a_tone_averages_out():
    """Particles that look alike everywhere get one mean, so what chance adds falls with the number of particles."""
    error = normal(40, 3, 8, 8, seed=3)
    direction, _ = Tones(ALONE)(seen(torch.zeros_like(error)), error)
    assert torch.allclose(direction.mean((2, 3)), error.mean((0, 2, 3)).expand(40, 3))


@pytest.mark.parametrize("couple", [ALONE, Stein()], ids=["independent", "rbf"])
def test_without_strength_it_is_the_other_coupling(couple):
    x, residual = normal(4, 3, 8, 8), normal(4, 3, 8, 8, seed=1)
    direction, gram = Tones(couple, strength=0.0)(seen(x), residual)
    expected, expected_gram = couple(seen(x), residual)
    assert torch.equal(direction, expected)
    assert torch.equal(gram.K, expected_gram.K)


def test_a_narrow_spread_leaves_every_block_its_own_tone():
    x, residual = normal(4, 3, 8, 8), normal(4, 3, 8, 8, seed=1)
    assert torch.allclose(Tones(ALONE, spread=1e-4)(seen(x), residual)[0], residual)


@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (3, 4, 7, 5), (3, 4, 1, 1), (2, 4, 2, 6, 9)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_any_shape_comes_back_in_its_type(shape, dtype):
    x, residual = normal(*shape).to(dtype), normal(*shape, seed=1).to(dtype)
    direction, _ = Tones(ALONE)(seen(x), residual)
    assert (direction.shape, direction.dtype) == (residual.shape, dtype)
    assert direction.isfinite().all()


def test_the_order_of_particles_makes_no_difference():
    x, residual, order = skies(noise=0.5), normal(5, 3, 8, 8, seed=1), [3, 0, 4, 1, 2]
    direction, permuted = Tones(ALONE)(seen(x), residual)[0], Tones(ALONE)(seen(x[order]), residual[order])[0]
    assert torch.allclose(permuted, direction[order])


def test_in_parts_it_is_the_same(monkeypatch):
    tones, looks = normal(33, 2), normal(33, 3, seed=1)
    whole = shared(tones, looks, 0.3)
    monkeypatch.setattr(module, "AT_ONCE", 100)
    assert torch.allclose(shared(tones, looks, 0.3), whole)


def test_a_large_set_gets_larger_blocks(monkeypatch):
    values = normal(4, 3, 8, 8)
    assert Tones(ALONE, block=2)._blocks(values).shape == (4, 3, 4, 4)
    monkeypatch.setattr(module, "MOST", 16)
    assert Tones(ALONE, block=2)._blocks(values).shape == (4, 3, 2, 2)


def test_it_couples_along_the_correspondence_of_the_other_coupling():
    canvas = Canvas(cover((8, 16), (8, 8), (8, 4)))
    assert Tones(Aligned(canvas)).correspondence is canvas
    assert Tones().correspondence is None


@pytest.mark.parametrize("wrong", [{"strength": 1.1}, {"spread": 0.0}, {"spread": float("nan")}, {"block": 0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="Tones: got strength .* expected"):
        Tones(**wrong)
