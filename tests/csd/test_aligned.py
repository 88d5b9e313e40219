import pytest
import torch

from collaborative_score_distillation.csd import aligned as module
from collaborative_score_distillation.csd.aligned import Aligned, AlignedAnew, PairRBF, PairUniform
from collaborative_score_distillation.csd.baseline import DrawnNoise
from collaborative_score_distillation.csd.batches import ListedBatches
from collaborative_score_distillation.csd.correspondence import (
    Canvas,
    Flow,
    Unrelated,
    cells,
    clip_pairs,
    inside,
    pairs_among,
    pull,
)
from collaborative_score_distillation.csd.distill import Distillation
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.guidance import Guidance, Guided
from collaborative_score_distillation.csd.kernel import RBF, Fixed, authors_median
from collaborative_score_distillation.csd.level import Level
from collaborative_score_distillation.csd.scene import merge
from collaborative_score_distillation.csd.score import PromptScore
from collaborative_score_distillation.csd.stein import Seen, Stein, row
from collaborative_score_distillation.csd.windows import cover

SIZE = (6, 8)
KERNELS = [PairUniform(), PairRBF(), PairRBF(authors_median), PairRBF(Fixed(300.0))]


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def panned(count=6, shift=(1.0, 0.0), neighbours=5, anchors=0, order=None):
    """Frames of a pan by `shift` cells a frame; row k shows frame order[k]."""
    order = list(range(count)) if order is None else order
    pairs = clip_pairs(count, neighbours, anchors)
    apart = torch.tensor([order[j] - order[i] for i, j in pairs.tolist()])[:, None, None, None]
    place = cells(SIZE) + apart * torch.tensor(shift)
    return Flow(count, pairs, place, inside(place, SIZE))


def in_place(count, valid=1.0):
    """Particles that show the same things in the same places."""
    pairs = clip_pairs(count, 0, count)
    return Flow(count, pairs, cells(SIZE).expand(len(pairs), *SIZE, 2), torch.full((len(pairs), *SIZE), valid))


def particles(count, seed=0):
    return normal(count, 4, *SIZE, seed=seed), normal(count, 4, *SIZE, seed=seed + 1)


def seen(x):
    """All particles, compared as they are."""
    return Seen(x, x, range(len(x)))


@pytest.fixture(params=KERNELS, ids=["uniform", "rbf", "authors", "fixed"])
def kernel(request):
    return request.param


WINDOWS = cover((23, 31), (12, 16), (5, 6), (False, True), batch=2)


def test_a_uniform_kernel_gives_the_mean_of_what_corresponds():
    """On a canvas that is what merging the windows and splitting them again gives."""
    x, r = (normal(WINDOWS.count, 4, *WINDOWS.window, seed=s) for s in (0, 1))
    direction, _ = Aligned(Canvas(WINDOWS), PairUniform())(seen(x), r)
    assert torch.allclose(direction, WINDOWS.split(merge(WINDOWS, r)), atol=1e-6)


def test_in_place_it_is_the_mean_over_particles():
    x, r = particles(7)
    direction, gram = Aligned(in_place(7), PairUniform())(seen(x), r)
    assert torch.allclose(direction, r.mean(0).expand_as(r), atol=1e-6)
    assert torch.equal(gram.K, torch.ones(7, 7))


def test_what_agrees_is_left_as_it_is(kernel):
    theta = normal(2, 4, *WINDOWS.canvas)
    x = WINDOWS.split(theta)
    direction, _ = Aligned(Canvas(WINDOWS), kernel, repulsion=1.0)(seen(x), x)
    assert torch.allclose(direction, x, atol=1e-5)


@pytest.mark.parametrize("bandwidth", [None, authors_median, Fixed(400.0)], ids=["median", "authors", "fixed"])
@pytest.mark.parametrize("repulsion", [0.0, 1.0, 2.5])
def test_in_place_the_rbf_kernel_is_that_of_stein(bandwidth, repulsion):
    """Same kernel, same bandwidth, same repulsion: where everything corresponds there is no difference."""
    x, r = particles(5)
    settings = () if bandwidth is None else (bandwidth,)
    direction, gram = Aligned(in_place(5), PairRBF(*settings), repulsion)(seen(x), r)
    expected, plain = Stein(RBF(*settings), row, repulsion)(seen(x), r)
    assert torch.allclose(direction, expected, atol=1e-5)
    assert torch.allclose(gram.K.double(), plain.K, atol=1e-5)
    if repulsion:
        assert torch.allclose(gram.repulsion.double(), plain.repulsion, atol=1e-5)


def test_the_direction_is_the_equation_written_out():
    x, r = particles(4)
    flow, h = panned(4, (0.7, -0.4)), 300.0
    direction, gram = Aligned(flow, PairRBF(Fixed(h)), repulsion=0.6)(seen(x), r)
    for i in range(4):
        total, mass, push = r[i].clone(), torch.ones(SIZE), torch.zeros_like(r[i])
        for j in range(4):
            if j == i:
                continue
            sight = flow.look(torch.tensor([[i, j]]), SIZE)
            v, moved_x, moved_r = sight.valid[0], pull(x[j : j + 1], sight)[0], pull(r[j : j + 1], sight)[0]
            d = ((moved_x - x[i]).square() * v).sum() / v.sum() * v.numel()
            k = torch.exp(-d / h)
            total += k * v * moved_r
            push += 2 / h * k * v * (moved_x - x[i])
            mass += k * v
            assert gram.K[i, j].item() == pytest.approx((k * v.mean()).item(), rel=1e-4)
        assert torch.allclose(direction[i], (total + 0.6 * push) / mass, atol=1e-5)


def test_the_median_is_that_of_the_pairs():
    """Pairs that are not coupled have no distance, and do not enter the bandwidth."""
    x, r = particles(5)
    near = Aligned(panned(5, (0.0, 0.0), neighbours=1), PairRBF())
    _, gram = near(seen(x), r)
    gaps = torch.stack([(x[k] - x[k + 1]).square().sum() for k in range(4)])
    h = gaps.median() / torch.log(torch.tensor(6.0))
    assert torch.allclose(gram.K.diagonal(1), torch.exp(-gaps / h), atol=1e-5)
    assert gram.K[0, 2] == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
def test_where_nothing_corresponds_residuals_stay_as_they_are(kernel, dtype):
    x, r = (t.to(dtype) for t in particles(4))
    for correspondence in (Unrelated(4), in_place(4, 0.0)):
        direction, gram = Aligned(correspondence, kernel, 1.0)(seen(x), r)
        assert torch.equal(direction, r)
        assert torch.equal(gram.K, torch.eye(4).to(gram.K))


def test_where_nothing_corresponds_the_rest_takes_over(kernel):
    """Unrelated particles are coupled by the plain kernel, bit for bit."""
    x, r = particles(4)
    plain, _ = Stein()(seen(x), r)
    assert torch.equal(Aligned(Unrelated(4), kernel, 1.0, rest=Stein())(seen(x), r)[0], plain)
    half = in_place(4)
    half.valid[:, :, :4] = 0
    direction, _ = Aligned(half, kernel, 1.0, rest=Stein())(seen(x), r)
    alone, _ = Aligned(half, kernel, 1.0)(seen(x), r)
    assert torch.allclose(direction[..., :4], plain[..., :4])
    assert torch.allclose(direction[..., 4:], alone[..., 4:])


def levels(steps):
    return [Level.variance_preserving(1 - 0.9 * time, time) for time in torch.linspace(0.5, 0.1, steps).tolist()]


def test_a_run_without_correspondence_is_a_run_of_the_plain_kernel(predictor):
    source = normal(4, 4, *SIZE)

    def final(couple):
        score = PromptScore(Guided(predictor(source)), Guidance(5.0, 1.5), DrawnNoise())
        return list(Distillation(Frames(4), score, levels(5), seed=3, couple=couple)(source))[-1].theta

    plain = final(Stein())
    assert torch.equal(final(Aligned(Unrelated(4), rest=Stein())), plain)
    assert not torch.allclose(final(Aligned(panned(4), rest=Stein())), plain)


def test_a_run_takes_some_of_the_particles_in_a_step(predictor):
    source = normal(6, 4, *SIZE)
    score = PromptScore(Guided(predictor(source)), Guidance(5.0, 1.5), DrawnNoise())
    batch = ListedBatches(((0, 1, 2), (5, 3, 4), (2, 0, 4), (1, 2, 3)))
    run = Distillation(Frames(6), score, levels(4), couple=Aligned(panned(6)), batch=batch)
    assert all(torch.isfinite(state.theta).all() and state.gram.K.shape == (3, 3) for state in run(source))


@pytest.mark.parametrize("index", [[0], [2, 5], [4, 1, 3], [5, 4, 3, 2, 1, 0]], ids=str)
def test_only_the_particles_of_the_step_are_coupled(kernel, index):
    """As if the others did not exist."""
    x, r = particles(6)
    direction, gram = Aligned(panned(6), kernel, 1.0)(Seen(x[index], x[index], index), r[index])
    few = Aligned(panned(len(index), order=index), kernel, 1.0)
    expected, expected_gram = few(seen(x[index]), r[index])
    assert torch.allclose(direction, expected, atol=1e-6)
    assert torch.allclose(gram.K, expected_gram.K, atol=1e-6)


def test_permuted_particles_have_permuted_directions(kernel):
    x, r = particles(6)
    order = [3, 5, 0, 1, 4, 2]
    coupling = Aligned(panned(6, (0.6, 0.3)), kernel, 1.0)
    direction, gram = coupling(seen(x), r)
    permuted, permuted_gram = coupling(Seen(x[order], x[order], order), r[order])
    assert torch.allclose(permuted, direction[order], atol=1e-6)
    assert torch.allclose(permuted_gram.K, gram.K[order][:, order], atol=1e-6)


@pytest.mark.parametrize("chunk", [1, 500, 2000])
def test_pairs_may_be_taken_a_few_at_a_time(kernel, chunk, monkeypatch):
    x, r = particles(6)
    expected, expected_gram = Aligned(panned(6), kernel, 1.0)(seen(x), r)
    monkeypatch.setattr(module, "CHUNK", chunk)
    direction, gram = Aligned(panned(6), kernel, 1.0)(seen(x), r)
    assert torch.allclose(direction, expected, atol=1e-6)
    assert torch.allclose(gram.K, expected_gram.K, atol=1e-6)


@pytest.mark.parametrize("count", [10, 20, 40])
def test_work_is_linear_in_the_pairs_and_memory_bounded(kernel, count, monkeypatch):
    """Each pair is moved once to be compared and once to be mixed, never more than a chunk of them together."""
    moved = []

    def watched(values, sight, rows):
        moved.append(len(rows))
        return pull(values, sight, rows)

    monkeypatch.setattr(module, "pull", watched)
    monkeypatch.setattr(module, "CHUNK", 10 * 4 * 48)
    x, r = particles(count)
    flow = panned(count, neighbours=2)
    Aligned(flow, kernel)(seen(x), r)
    assert sum(moved) == len(flow.pairs) * (1 + kernel.measured)
    assert max(moved) <= 10


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_particles_do(kernel, count):
    x, r = particles(count)
    direction, gram = Aligned(panned(count), kernel, 1.0)(seen(x), r)
    assert torch.isfinite(direction).all() and torch.isfinite(gram.K).all()
    if count == 1:
        assert torch.equal(direction, r) and gram.K.tolist() == [[1.0]]


@pytest.mark.parametrize("count", [2, 5])
def test_identical_particles_share_their_mean_residual(kernel, count):
    x, r = particles(count)
    direction, _ = Aligned(in_place(count), kernel, 1.0)(seen(x[:1].expand_as(x)), r)
    assert torch.allclose(direction, r.mean(0).expand_as(r), atol=1e-6)


def test_some_pairs_may_see_nothing(kernel):
    x, r = particles(6)
    flow = panned(6, (3.0, 0.0))
    assert (flow.valid.flatten(1).sum(1) == 0).any() and flow.valid.any()
    direction, gram = Aligned(flow, kernel, 1.0)(seen(x), r)
    assert torch.isfinite(direction).all() and torch.isfinite(gram.K).all() and torch.isfinite(gram.repulsion).all()


def test_half_precision_is_computed_in_single(kernel):
    x, r = (t.half() for t in particles(5))
    direction, _ = Aligned(panned(5), kernel, 1.0)(seen(x), r)
    exact, _ = Aligned(panned(5), kernel, 1.0)(seen(x.float()), r.float())
    assert direction.dtype == torch.float16 and torch.equal(direction, exact.half())


def test_half_precision_does_not_overflow(kernel):
    x = (particles(4)[0] * 1000).half()
    assert torch.isfinite(Aligned(panned(4), kernel, 1.0)(seen(x), x)[0]).all()


def test_particles_may_have_further_axes(kernel):
    x, r = particles(5)
    flat, _ = Aligned(panned(5), kernel, 1.0, rest=Stein())(seen(x), r)
    x, r = (t.unflatten(1, (2, 2)) for t in (x, r))
    deep, _ = Aligned(panned(5), kernel, 1.0, rest=Stein())(seen(x), r)
    assert deep.shape == (5, 2, 2, *SIZE) and torch.allclose(deep.flatten(1, 2), flat, atol=1e-6)


def test_repulsion_parts_what_corresponds():
    """Two particles that show the same, moved by a cell, part cell by cell under descent."""
    flow, x = panned(2), particles(2)[0] * 0.1
    sight = flow.look(torch.tensor([[0, 1]]), SIZE)
    direction, _ = Aligned(flow, PairRBF(), 1.0)(seen(x), torch.zeros_like(x))
    moved = x - 1e-2 * direction

    def gap(x):
        return ((pull(x[1:], sight) - x[:1]).square() * sight.valid[:, None]).sum()

    assert gap(moved) > gap(x)
    assert (direction[0][..., 7] == 0).all() and (direction[1][..., 0] == 0).all()


def test_nothing_handed_over_is_changed(kernel):
    x, r = particles(4)
    Aligned(panned(4), kernel, 1.0, rest=Stein())(seen(x), r)
    assert torch.equal(x, particles(4)[0]) and torch.equal(r, particles(4)[1])


def test_coupling_along_a_pan_takes_the_flicker_away():
    """Residuals that are the same picture moved along, each with errors of its own: the errors average out."""
    picture, errors = normal(4, 6, 40, seed=5), normal(8, 4, *SIZE, seed=6)
    frames = torch.stack([picture[:, :, 20 - k : 28 - k] for k in range(8)])
    flow = panned(8, neighbours=7)
    pairs = pairs_among(flow, range(8))
    sight = flow.look(pairs, SIZE)

    def flicker(r):
        return ((pull(r, sight, pairs[:, 1]) - r[pairs[:, 0]]).abs() * sight.valid[:, None]).sum() / sight.valid.sum()

    r = frames + errors
    direction, _ = Aligned(flow, PairUniform())(seen(frames), r)
    assert flicker(direction) < 1e-4 * flicker(r)
    assert (direction - frames).square().mean() < 0.4 * errors.square().mean()


# Along a correspondence that is found anew


def test_a_correspondence_of_other_particles_is_refused():
    message = "coupling: got a correspondence of 5 particles for 6; make it from the same frames"
    with pytest.raises(ValueError, match=message):
        Distillation(Frames(6), None, levels(2), couple=Aligned(panned(5)))


@pytest.mark.parametrize("settings", [{}, {"kernel": PairUniform(), "rest": Stein()}], ids=["rbf", "uniform"])
def test_a_correspondence_may_be_found_of_theta_in_each_step(settings):
    x, r = particles(4)

    def find(theta):
        return panned(4, tuple(theta["shift"].tolist()))

    anew = AlignedAnew(find, lambda found: Aligned(found, **settings))
    for shift in ((1.0, 0.0), (0.5, 2.0)):
        here = Seen(x, x, range(4), {"shift": torch.tensor(shift)})
        direction, gram = anew(here, r)
        expected, plain = Aligned(panned(4, shift), **settings)(here, r)
        assert torch.equal(direction, expected) and torch.equal(gram.K, plain.K)


def test_what_is_found_in_each_step_is_not_known_before():
    anew = AlignedAnew(lambda theta: panned(4))
    assert anew.correspondence is None and Aligned(panned(4)).correspondence.count == 4
    Distillation(Frames(6), None, levels(2), couple=anew)  # refused, if at all, once it is found
