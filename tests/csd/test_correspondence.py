import time

import pytest
import torch

from collaborative_score_distillation.csd.correspondence import (
    Cached,
    Canvas,
    Flow,
    Sight,
    Unrelated,
    cells,
    clip_pairs,
    inside,
    pairs_among,
    pull,
    rescale,
    taps,
)
from collaborative_score_distillation.csd.windows import Windows, cover


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def sight(place):
    return Sight(place, torch.ones(place.shape[:-1]))


def panned(count=5, native=(24, 32), shift=(4.0, -2.0), neighbours=2, anchors=1, **storage):
    pairs = clip_pairs(count, neighbours, anchors)
    apart = (pairs[:, 1] - pairs[:, 0])[:, None, None, None]
    place = cells(native) + apart * torch.tensor(shift)
    return Flow(count, pairs, place, inside(place, native), **storage)


# Places


def test_cells_are_counted_across_and_then_down():
    assert cells((2, 3))[1, 2].tolist() == [2, 1]
    assert cells((2, 3)).shape == (2, 3, 2)


@pytest.mark.parametrize("old, new", [((6, 8), (12, 16)), ((12, 16), (6, 8)), ((6, 8), (9, 20)), ((7, 5), (7, 5))])
def test_rescaling_keeps_places_in_the_picture(old, new):
    place = normal(10, 2) * 5
    scaled = rescale(place, old, new)
    share = [(p + 0.5) / torch.tensor([size[1], size[0]]) for p, size in ((place, old), (scaled, new))]
    assert torch.allclose(*share, atol=1e-6)
    assert torch.allclose(rescale(scaled, new, old), place, atol=1e-5)


def test_the_picture_ends_half_a_cell_beyond_its_outer_centres():
    places = torch.tensor([[-0.5, 0], [-0.51, 0], [7.49, 5.49], [7.5, 0], [0, 5.5], [0, -0.6]])
    assert inside(places, (6, 8)).tolist() == [True, False, True, False, False, False]


@pytest.mark.parametrize("size", [(6, 8), (1, 8), (6, 1), (1, 1), (2, 2)], ids=str)
def test_taps_are_cells_of_the_grid_with_weights_that_sum_to_one(size):
    place = torch.cat([normal(200, 2) * 10, torch.tensor([[float("nan"), 1], [float("inf"), -float("inf")]])])
    numbers, weights = taps(place, size)
    assert numbers.min() >= 0 and numbers.max() < size[0] * size[1]
    assert (weights >= 0).all() and torch.allclose(weights.sum(-1), torch.ones(len(place)), atol=1e-6)


@pytest.mark.parametrize("size", [(6, 8), (1, 8), (6, 1)], ids=str)
def test_a_linear_picture_is_interpolated_exactly(size):
    place = torch.rand(50, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([size[1] - 1, size[0] - 1])
    numbers, weights = taps(place, size)
    assert torch.allclose((cells(size).flatten(0, 1)[numbers] * weights[..., None]).sum(-2), place, atol=1e-5)


# Pulling


def test_whole_places_give_exact_copies():
    values = normal(3, 4, 6, 8)
    x, y = torch.randint(8, (3, 6, 8)), torch.randint(6, (3, 6, 8))
    pulled = pull(values, sight(torch.stack([x, y], -1).float()))
    for k in range(3):
        assert torch.equal(pulled[k], values[k][:, y[k], x[k]])


def test_places_between_are_mixed_and_those_outside_take_the_edge():
    values = torch.arange(6.0).reshape(1, 1, 2, 3)
    place = torch.tensor([[[[0.5, 0.0], [1.0, 0.5], [0.25, 1.0], [-3.0, 0.0], [9.0, 9.0]]]])
    assert pull(values, sight(place)).flatten().tolist() == [0.5, 2.5, 3.25, 0.0, 5.0]


def test_rows_say_whose_values_a_pair_pulls():
    values, rows = normal(3, 4, 6, 8), torch.tensor([2, 0, 2, 1])
    sights = sight(cells((6, 8)) + normal(4, 6, 8, 2))
    assert torch.equal(pull(values, sights, rows), pull(values[rows], sights))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_values_may_have_further_axes_and_types(dtype):
    values, sights = normal(2, 4, 3, 6, 8, dtype=dtype), sight(cells((6, 8)) + normal(2, 6, 8, 2))
    pulled = pull(values, sights)
    assert pulled.shape == values.shape and pulled.dtype == dtype
    assert torch.equal(pulled[:, :, 1], pull(values[:, :, 1], sights))


def test_a_sight_may_be_finer_than_what_it_looks_at():
    values = normal(1, 2, 6, 8)
    assert pull(values, sight(torch.zeros(1, 12, 16, 2))).shape == (1, 2, 12, 16)


# Pairs


def test_pairs_are_those_among_the_particles_of_the_step():
    flow = panned(6)
    everyone = pairs_among(flow, range(6)).tolist()
    assert everyone == flow.pairs.tolist()
    few = pairs_among(flow, [4, 1, 3]).tolist()
    assert sorted(few) == sorted(pair for pair in everyone if set(pair) <= {1, 3, 4})
    assert [i for i, _ in few] == sorted([i for i, _ in few], key=[4, 1, 3].index)


@pytest.mark.parametrize("index", [[], [3], [0, 1]])
def test_there_may_be_no_pairs(index):
    assert pairs_among(Unrelated(4), index).shape == (0, 2)
    assert pairs_among(panned(6), index[:1]).shape == (0, 2)


def test_unrelated_particles_see_nothing():
    seen = Unrelated(4).look(torch.tensor([[0, 1], [2, 3]]), (6, 8))
    assert seen.place.shape == (2, 6, 8, 2) and not seen.valid.any()


def test_a_clip_looks_at_its_anchors_first_and_then_nearby():
    pairs = clip_pairs(9, neighbours=2, anchors=3)
    partners = [[j for i, j in pairs.tolist() if i == frame] for frame in range(9)]
    assert partners[0] == [1, 4, 7, 2]
    assert partners[4] == [1, 7, 3, 5, 2, 6]
    assert partners[8] == [1, 4, 7, 6]


@pytest.mark.parametrize("arguments", [(1, 3, 0), (1, 0, 4), (5, 0, 0)])
def test_a_clip_may_have_no_pairs(arguments):
    assert clip_pairs(*arguments).shape == (0, 2)


@pytest.mark.parametrize("arguments", [(5, 9, 0), (5, 0, 5), (5, 0, 99), (5, 2, 5)])
def test_a_short_clip_has_every_pair_once(arguments):
    pairs = clip_pairs(*arguments).tolist()
    assert sorted(pairs) == [[i, j] for i in range(5) for j in range(5) if i != j]


def test_pairs_of_a_long_clip_grow_with_its_length():
    assert len(clip_pairs(960, 2, 3)) < 960 * 7


@pytest.mark.parametrize("arguments", [(0, 1, 1), (5, -1, 0), (5, 1, -1)])
def test_impossible_clips_are_refused(arguments):
    with pytest.raises(ValueError, match="clip_pairs: got"):
        clip_pairs(*arguments)


# Windows


CANVASES = {
    "planar": cover((23, 31), (12, 16), (5, 6), batch=2),
    "wrapping in x": cover((12, 50), (12, 16), (12, 7), (False, True)),
    "wrapping in both": cover((23, 31), (12, 16), (5, 6), (True, True), batch=2),
    "wrapping onto itself": Windows((8, 10), (8, 8), ((0, 0), (0, 5), (0, 9)), (False, True)),
}


@pytest.fixture(params=CANVASES, ids=lambda name: name.replace(" ", "_"))
def windows(request):
    return CANVASES[request.param]


def test_windows_of_a_canvas_agree_exactly_where_they_overlap(windows):
    theta = normal(windows.batch, 3, *windows.canvas)
    x, canvas = windows.split(theta), Canvas(windows)
    pairs = pairs_among(canvas, range(canvas.count))
    seen = canvas.look(pairs, windows.window)
    valid = seen.valid.bool()[:, None].expand(-1, 3, -1, -1)
    assert torch.equal(pull(x, seen, pairs[:, 1])[valid], x[pairs[:, 0]][valid])


def test_overlaps_are_complete(windows):
    """Counted element by element: a cell is valid for as many partners as there are other windows that show it."""
    canvas = Canvas(windows)
    pairs = pairs_among(canvas, range(canvas.count))
    valid = canvas.look(pairs, windows.window).valid
    coverage = windows.split(windows.scatter(torch.ones(windows.count, 1, *windows.window)))[:, 0] - 1
    found = torch.zeros_like(coverage).index_add_(0, pairs[:, 0], valid)
    assert torch.equal(found, coverage)
    assert (valid.flatten(1).sum(1) > 0).all()


@pytest.mark.parametrize("factor", [2, 4])
def test_finer_grids_of_windows_agree_too(windows, factor):
    fine = windows.rescaled(tuple(n * factor for n in windows.window))
    x, canvas = fine.split(normal(fine.batch, 2, *fine.canvas)), Canvas(windows)
    pairs = pairs_among(canvas, range(canvas.count))
    seen = canvas.look(pairs, fine.window)
    valid = seen.valid.bool()[:, None].expand(-1, 2, -1, -1)
    assert valid.any() and torch.equal(pull(x, seen, pairs[:, 1])[valid], x[pairs[:, 0]][valid])


def test_partners_of_a_window_share_the_most_first(windows):
    canvas = Canvas(windows)
    for i in range(canvas.count):
        partners = torch.tensor([(i, j) for j in canvas.partners(i)]).reshape(-1, 2)
        shared = canvas.look(partners, windows.window).valid.sum((1, 2))
        assert (shared.diff() <= 0).all()


def test_the_order_of_windows_makes_no_difference(windows):
    order = torch.randperm(len(windows.origins), generator=torch.Generator().manual_seed(1)).tolist()
    origins = tuple(windows.origins[i] for i in order)
    turned = Canvas(Windows(windows.canvas, windows.window, origins, windows.wrap, windows.batch))
    for k, i in enumerate(order):
        assert [order[j] for j in turned.partners(k)] == Canvas(windows).partners(i)


def test_windows_of_other_canvases_are_no_partners():
    canvas = Canvas(CANVASES["planar"])
    one = canvas.count // 2
    assert all(j // one == i // one for i in range(canvas.count) for j in canvas.partners(i))
    assert not canvas.look(torch.tensor([[0, one]]), (12, 16)).valid.any()


# Flow


def test_a_pan_is_read_back(size=(24, 32)):
    flow = panned()
    seen = flow.look(torch.tensor([[1, 3], [2, 0]]), size)
    assert torch.equal(seen.place[0], cells(size) + torch.tensor([8.0, -4.0]))
    assert torch.equal(seen.place[1], cells(size) - torch.tensor([8.0, -4.0]))
    assert seen.valid[0, 4:, :24].all() and not seen.valid[0, :4].any() and not seen.valid[0, :, 24:].any()


@pytest.mark.parametrize("size", [(6, 8), (12, 16), (48, 64), (9, 20)], ids=str)
def test_other_grids_see_the_same_pan(size):
    seen = panned().look(torch.tensor([[1, 3]]), size)
    expected = cells(size) + torch.tensor([8.0 * size[1] / 32, -4.0 * size[0] / 24])
    there = seen.valid[0] > 0.99
    assert there.float().mean() > 0.4
    assert torch.allclose(seen.place[0][there], expected[there], atol=1e-4)
    assert torch.equal(seen.valid[0] > 0.5, inside(expected, size)) or size == (9, 20)


@pytest.mark.parametrize("size", [(6, 8), (24, 32), (48, 64)], ids=str)
def test_a_zoom_is_read_back_on_any_grid(size):
    native, middle = (24, 32), torch.tensor([15.5, 11.5])
    place = (cells(native) - middle) * 1.1 + middle
    flow = Flow(2, torch.tensor([[0, 1]]), place[None], inside(place, native)[None])
    seen = flow.look(torch.tensor([[0, 1]]), size)
    there, centre = seen.valid[0] > 0.99, (torch.tensor([size[1], size[0]]) - 1) / 2
    expected = (cells(size) - centre) * 1.1 + centre
    inner = there & inside(rescale(cells(size), size, native), native)
    border = rescale(cells(size), size, native)
    inner &= ((border >= 0) & (border <= torch.tensor([31.0, 23.0]))).all(-1)
    assert inner.float().mean() > 0.7
    assert torch.allclose(seen.place[0][inner], expected[inner], atol=1e-4)


def test_what_is_not_valid_leaks_into_no_place():
    """Beside a hole full of nonsense the places are those of the valid side alone."""
    flow = panned(2, neighbours=1, anchors=0)
    place, valid = flow.place.clone(), flow.valid.clone()
    place[:, :, 17:] = float("nan")
    place[:, :12, 17:] = 1e5
    valid[:, :, 17:] = False
    seen = Flow(2, flow.pairs, place, valid).look(torch.tensor([[1, 0]]), (48, 64))
    there = seen.valid[0] > 0
    expected = cells((48, 64)) - torch.tensor([8.0, -4.0])
    assert torch.isfinite(seen.place).all()
    assert (seen.place[0] - expected)[there & (cells((48, 64))[..., 0] > 1)].abs().max() < 1e-3


def test_displacements_stay_exact_in_half_precision():
    """Places beyond 256 cells come in quarters of a cell in float16; displacements do not."""
    native = (4, 600)
    place = cells(native)[None] + torch.tensor([1.37, 0.0])
    pair, valid = torch.tensor([[0, 1]]), torch.ones(1, *native, dtype=torch.bool)
    moved = Flow(2, pair, (place - cells(native)).half(), valid, relative=True).look(pair, native).place
    assert (moved - place).abs().max() < 1e-3
    assert (Flow(2, pair, place.half(), valid).look(pair, native).place - place).abs().max() > 0.05
    coarse = Flow(2, pair, (place - cells(native)).half(), valid, relative=True).look(pair, (2, 300)).place
    assert (coarse - cells((2, 300)) - torch.tensor([1.37 / 2, 0.0])).abs().max() < 1e-3


def test_partners_are_in_the_order_of_the_list():
    flow = panned(6)
    assert list(flow.partners(0)) == [3, 1, 2]
    assert list(flow.partners(3)) == [2, 4, 1, 5]


def test_a_pair_without_a_map_is_refused():
    with pytest.raises(ValueError, match=r"got the pair \(0, 4\)"):
        panned(6, anchors=0).look(torch.tensor([[0, 1], [0, 4]]), (6, 8))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"place": torch.zeros(2, 4, 4, 2)}, "expected"),
        ({"valid": torch.zeros(1, 4, 4)}, "expected"),
        ({"pairs": torch.tensor([0, 1])}, "expected"),
        ({"pairs": torch.tensor([[0, 1], [1, 2]])}, "got particles 0 to 2, expected 0 to 1"),
        ({"pairs": torch.tensor([[0, 1], [1, 1]])}, "with itself"),
    ],
    ids=["place", "valid", "pairs", "count", "itself"],
)
def test_impossible_flows_are_refused(change, message):
    fields = {"pairs": torch.tensor([[0, 1], [1, 0]]), "place": torch.zeros(2, 3, 4, 2), "valid": torch.zeros(2, 3, 4)}
    with pytest.raises(ValueError, match=message):
        Flow(2, **{**fields, **change})


# Keeping


def test_what_is_kept_is_what_was_seen(windows):
    for of in (Canvas(windows), panned()):
        pairs, kept = pairs_among(of, range(of.count)), Cached(of)
        for size in ((12, 16), (6, 8), (12, 16)):
            for some in (pairs, pairs[3:7], pairs.flip(0)):
                assert all(torch.equal(a, b) for a, b in zip(kept.look(some, size), of.look(some, size)))
        assert kept.count == of.count and list(kept.partners(1)) == list(of.partners(1))


@pytest.mark.parametrize("places, looks", [(2**22, 1), (100, 3)])
def test_sights_are_kept_where_they_are_few(places, looks):
    seen = []

    class Watched(Flow):
        def look(self, pairs, size):
            seen.append(len(pairs))
            return super().look(pairs, size)

    flow = panned()
    kept = Cached(Watched(flow.count, flow.pairs, flow.place, flow.valid), places)
    for _ in range(3):
        kept.look(flow.pairs[:2], (12, 16))
    assert len(seen) == looks


@pytest.mark.parametrize("anchors", [0, 1, 3])
def test_anchors_are_the_frames_that_every_other_is_paired_with(anchors):
    flow = panned(12, neighbours=1, anchors=anchors)
    everywhere = [j for j in range(12) if all(j in flow.partners(i) for i in range(12) if i != j)]
    assert everywhere == [(2 * a + 1) * 12 // (2 * anchors) for a in range(anchors)]


def test_only_what_follows_in_time_says_so(windows):
    assert panned().in_time and Cached(panned()).in_time
    assert not (Canvas(windows).in_time or Unrelated(3).in_time or Cached(Unrelated(3)).in_time)


def test_what_is_kept_has_the_names_of_what_it_keeps():
    class Named(Unrelated):
        names = ("a", "b", "c")

    assert Cached(Named(3)).names == ("a", "b", "c") and Cached(Unrelated(3)).names == ()


def shared(windows, a, b):
    """Elements that two windows have in common, counted one by one."""
    places = [
        {tuple((start + k) % length for start, k, length in zip(origin, cell, windows.canvas)) for cell in in_window}
        for origin, in_window in (
            (o, [(y, x) for y in range(windows.window[0]) for x in range(windows.window[1])]) for o in (a, b)
        )
    ]
    return len(places[0] & places[1])


@pytest.mark.parametrize("wrap", [(False, False), (True, False), (True, True)], ids=str)
def test_partners_of_windows_are_those_that_share_most_then_those_that_come_first(wrap):
    origins = tuple(
        (int(y), int(x)) for y, x in torch.randint(0, 8, (24, 2), generator=torch.Generator().manual_seed(3))
    )
    windows = Windows((14, 14), (6, 6), origins, wrap, batch=2)
    canvas, everyone = Canvas(windows), range(len(origins))
    for i in everyone:
        areas = {j: shared(windows, origins[i], origins[j]) for j in everyone if j != i}
        expected = sorted((j for j in areas if areas[j]), key=lambda j: (-areas[j], origins[j]))
        assert canvas.partners(i) == expected
        assert canvas.partners(len(origins) + i) == [len(origins) + j for j in expected]
    assert canvas.pair_count == sum(len(canvas.partners(i)) for i in range(canvas.count))


def test_partners_of_many_windows_are_found_in_time():
    """Compared each with each in Python they took minutes."""
    windows, begun = cover((134, 134), (8, 8), (1, 1)), time.process_time()
    canvas = Canvas(windows)
    assert windows.count == 16_129 and canvas.pair_count == 3_402_672
    assert canvas.partners(8064)[0] == 7937 and len(canvas.partners(8064)) == 224
    assert time.process_time() - begun < 30
