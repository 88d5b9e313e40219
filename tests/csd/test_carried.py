import pytest
import torch
from einops import repeat

from collaborative_score_distillation.csd.carried import Carried, turns
from collaborative_score_distillation.csd.correspondence import Canvas, Flow, Unrelated, cells, clip_pairs, inside
from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.scene import merge
from collaborative_score_distillation.csd.windows import cover

LATENT = (12, 16)


def moving(count, place, native=(48, 64), neighbours=2, anchors=1, order=None):
    """Flow of `count` frames, where a point at p in frame i is at place(p, i, j) in frame j, in cells of `native`.

    Row k of the flow is frame order[k].
    """
    order = list(range(count)) if order is None else order
    pairs = clip_pairs(count, neighbours, anchors)
    row = {frame: k for k, frame in enumerate(order)}
    maps = torch.stack([place(cells(native), i, j) for i, j in pairs.tolist()])
    renamed = torch.tensor([[row[i], row[j]] for i, j in pairs.tolist()])
    return Flow(count, renamed, maps, inside(maps, native))


def pan(x, y):
    """The camera moves, so that content moves by (x, y) cells a frame."""
    return lambda p, i, j: p + (j - i) * torch.tensor([x, y])


def zoom(rate, middle=(31.5, 23.5)):
    return lambda p, i, j: (p - torch.tensor(middle)) * rate ** (j - i) + torch.tensor(middle)


def field(correspondence, step=0, index=None, names=(), latent=LATENT, channels=4, subcells=4, dtype=torch.float32):
    frames = Frames(correspondence.count, names)
    index = list(range(frames.count)) if index is None else index
    like = torch.zeros(len(index), channels, *latent, dtype=dtype)
    return Carried(correspondence, frames.keys(), subcells)(Draws(3, step), index, like)


def origins(correspondence, size=(48, 64)):
    return Carried(correspondence, Frames(correspondence.count).keys()).origins(size)


def many(correspondence, rows, latent=LATENT, channels=400):
    """Many channels stand for many draws: the origins do not hang on them."""
    return field(correspondence, index=rows, latent=latent, channels=channels).double()


def correlation(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


MOTIONS = {
    "still": pan(0.0, 0.0),
    "whole cells": pan(4.0, 0.0),
    "whole sub-cells": pan(1.0, -2.0),
    "fractions": pan(0.37, 0.21),
    "halves": pan(0.5, 0.5),
    "zoom in": zoom(1.03),
    "zoom out": zoom(0.97),
}


@pytest.fixture(params=MOTIONS, ids=lambda name: name.replace(" ", "_"))
def motion(request):
    return MOTIONS[request.param]


@pytest.fixture(params=[(11, [0, 5, 6, 10]), (101, [0, 50, 51, 100])], ids=["11_frames", "101_frames"])
def clip(request):
    """(number of frames, some of them)"""
    return request.param


def test_noise_is_white_in_every_frame(motion, clip):
    """Mean, variance and the correlation with every other cell up to three away, in each frame by itself."""
    count, rows = clip
    for noise in many(moving(count, motion), rows):
        samples = noise.numel()
        assert abs(noise.mean().item()) < 5 / samples**0.5
        assert abs(noise.var().item() - 1) < 5 * (2 / samples) ** 0.5
        assert (noise.square().mean(0) - 1).abs().max() < 6 * (2 / len(noise)) ** 0.5
        for y in range(4):
            for x in range(-3 if y else 1, 4):
                moved = noise.roll((-y, -x), (-2, -1))
                assert abs((noise * moved).mean().item()) < 5 / samples**0.5, (y, x)


def test_no_number_is_used_twice_in_a_frame(motion, clip):
    source = origins(moving(clip[0], motion))
    for row in source[clip[1]]:
        assert len(row.unique()) == len(row)


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("shift", [(4.0, 0.0), (0.0, -4.0), (1.0, 2.0), (0.37, 0.21), (0.5, 0.5)], ids=str)
def test_noise_follows_a_pan(shift, step):
    """Frames agree along the motion, by as much as the moved cells overlap whole ones, and nowhere else."""
    slow = min(abs(s) for s in shift if s) < 4
    i, j = 2, 2 + step * (4 if slow else 1)
    noise = many(moving(15, pan(*shift)), [i, j])
    moved = torch.tensor(shift) * (j - i) / 4
    x, y = (round(v) for v in moved.tolist())
    h, w = LATENT
    first = noise[0][:, max(0, -y) : h - max(0, y), max(0, -x) : w - max(0, x)]
    along = noise[1][:, max(0, y) : h - max(0, -y), max(0, x) : w - max(0, -x)]
    overlap = (1 - abs(moved[0].item() - x)) * (1 - abs(moved[1].item() - y))
    assert correlation(first, along) > overlap - 0.2
    for dy, dx in [(0, 2), (2, 0), (-2, 1), (1, -2)]:
        assert abs(correlation(first, along.roll((dy, dx), (-2, -1)))) < 0.03


@pytest.mark.parametrize("neighbours, anchors", [(1, 0), (2, 0), (2, 1)])
def test_slow_motion_adds_up_over_a_hundred_frames(neighbours, anchors):
    """A tenth of a sub-cell a frame, which rounding by itself would never follow: 2.5 cells after 100 frames."""
    flow = moving(101, pan(0.1, 0.0), neighbours=neighbours, anchors=anchors)
    noise = many(flow, [0, 40, 80, 100])
    assert correlation(noise[0][..., :-1], noise[1][..., 1:]) > 0.95
    assert correlation(noise[0][..., :-2], noise[2][..., 2:]) > 0.95
    halfway = correlation(noise[0][..., :-3], noise[3][..., 2:-1]), correlation(noise[0][..., :-3], noise[3][..., 3:])
    assert min(halfway) > 0.4 and max(halfway) < 0.6
    assert abs(correlation(noise[0], noise[3])) < 0.05


def test_still_frames_share_all_their_noise():
    noise = field(moving(7, pan(0.0, 0.0)))
    assert torch.equal(noise, noise[:1].expand_as(noise))


@pytest.mark.parametrize("rate", [1.05, 0.95])
def test_a_zoom_keeps_what_it_can(rate):
    """Of the numbers of the middle frame, fewer and fewer to both sides; new ones fill what grows or comes in."""
    source = origins(moving(7, zoom(rate)))
    kept = [torch.isin(source[i], source[3]).float().mean().item() for i in range(7)]
    assert kept[3] == 1
    assert kept[0] < kept[1] < kept[2] < 1 and kept[6] < kept[5] < kept[4] < 1
    possible = [min(rate ** (3 - i), rate ** (i - 3)) ** 2 for i in range(7)]
    assert all(share > 0.85 * most for share, most in zip(kept, possible))


def test_noise_agrees_with_the_motion_after_a_zoom():
    """Each number stands within a sub-cell of where the zoom has taken it."""
    source = origins(moving(9, zoom(1.02), neighbours=1, anchors=0))
    own = cells((48, 64)).flatten(0, 1)
    came = source // (48 * 64)
    for i in range(9):
        for j in came[i].unique().tolist():
            here = came[i] == j
            expected = zoom(1.02)(own[source[i, here].long() % (48 * 64)], j, i)
            assert (expected - own[here]).abs().max() < 1.0


def test_what_is_not_valid_gets_numbers_of_its_own():
    flow = moving(2, pan(0.0, 0.0), neighbours=1, anchors=0)
    valid = flow.valid.clone()
    valid[:, :, :32] = False
    noise = many(Flow(2, flow.pairs, flow.place, valid), [0, 1])
    assert torch.equal(noise[0][..., 8:], noise[1][..., 8:])
    assert abs(correlation(noise[0][..., :8], noise[1][..., :8])) < 0.02


def test_unrelated_particles_have_independent_noise():
    noise = many(Unrelated(4), [0, 1, 2, 3])
    assert max(abs(correlation(noise[i], noise[j])) for i in range(4) for j in range(i)) < 0.02


@pytest.mark.parametrize("wrap", [(False, False), (False, True), (True, True)], ids=str)
def test_windows_agree_where_they_overlap(wrap):
    """As with noise drawn on the canvas: only what agrees on overlaps is unchanged by averaging."""
    windows = cover((20, 45), (12, 16), (5, 6), wrap, batch=2)
    like = windows.split(torch.zeros(2, 3, 20, 45))
    noise = Carried(Canvas(windows), windows.keys())(Draws(0, 0), range(windows.count), like)
    assert torch.equal(windows.split(merge(windows, noise)), noise)
    assert abs(noise.var().item() - 1) < 0.1
    assert abs(correlation(noise[: windows.count // 2], noise[windows.count // 2 :])) < 0.05


@pytest.mark.parametrize("latent", [(12, 16), (6, 8), (24, 32), (10, 14)], ids=str)
def test_latents_need_not_have_the_size_of_the_flow(latent):
    """The same pan, a quarter of the picture's width in four frames."""
    flow = moving(5, pan(4.0, 0.0))
    noise = many(flow, [0, 4], latent=latent)
    x = 16 * latent[1] / 64
    whole = int(x)
    along = correlation(noise[0][..., : latent[1] - whole], noise[1][..., whole:])
    assert along > 1 - (x - whole) - 0.15
    assert abs(noise.var().item() - 1) < 0.02


@pytest.mark.parametrize("subcells", [1, 2, 5])
def test_any_number_of_subcells_gives_unit_variance(subcells):
    noise = field(moving(5, pan(3.0, 1.0)), channels=100, subcells=subcells)
    assert abs(noise.var().item() - 1) < 0.02


@pytest.mark.parametrize("place", [pan(0.37, 0.21), zoom(1.03)], ids=["pan", "zoom"])
def test_noise_hangs_on_names_and_not_on_the_order_of_frames(place):
    names, order = tuple("abcdefghi"), [3, 8, 0, 1, 6, 2, 7, 5, 4]
    straight = field(moving(9, place), names=names)
    turned = field(moving(9, place, order=order), names=tuple(names[i] for i in order))
    assert torch.equal(turned, straight[order])
    assert not torch.equal(turned, straight)


def test_noise_does_not_hang_on_order_or_company():
    flow = moving(9, pan(0.7, 0.2))
    everyone = field(flow)
    assert torch.equal(field(flow, index=[7, 2, 4]), everyone[[7, 2, 4]])
    assert torch.equal(torch.cat([field(flow, index=[i]) for i in range(9)]), everyone)


def test_steps_have_noise_of_their_own():
    flow = moving(3, pan(1.0, 0.0))
    assert abs(correlation(field(flow, 0, channels=100), field(flow, 1, channels=100))) < 0.02
    assert torch.equal(field(flow, 1), field(flow, 1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_noise_takes_the_type_of_the_particles(dtype):
    flow = moving(3, pan(1.0, 0.0))
    assert torch.equal(field(flow, dtype=dtype), field(flow).to(dtype))


def test_particles_may_have_further_axes():
    like = torch.zeros(3, 4, 2, *LATENT)
    noise = Carried(moving(3, pan(1.0, 0.0)), "abc")(Draws(0, 0), [0, 1, 2], like)
    assert noise.shape == like.shape
    assert abs(correlation(noise[:, :, 0], noise[:, :, 1])) < 0.1


@pytest.mark.parametrize("count", [1, 2])
def test_few_frames_do(count):
    flow = moving(count, pan(1.0, 0.0), neighbours=1, anchors=0) if count > 1 else Unrelated(1)
    assert torch.isfinite(field(flow)).all()


@pytest.mark.parametrize("anchors", [[], [6], [3, 9]], ids=len)
def test_anchors_come_first_and_the_clip_grows_without_gaps(anchors):
    """What comes into view is handed on at once: the frames taken so far are neighbours of one another."""
    flow = moving(12, pan(0.0, 0.0), neighbours=2, anchors=len(anchors))
    order = turns(flow, [f"{i:02}" for i in range(12)])
    assert order[: len(anchors)] == anchors and sorted(order) == list(range(12))
    grown = order[len(anchors) :]
    assert all(min(abs(i - j) for j in [*grown[:k], *anchors]) <= 2 for k, i in enumerate(grown) if k)


def test_origins_are_found_once():
    calls = []

    class Counting(Unrelated):
        def partners(self, i):
            calls.append(i)
            return ()

    noise, like = Carried(Counting(3), "abc"), torch.zeros(3, 4, *LATENT)
    for step in range(3):
        noise(Draws(0, step), [0, 1, 2], like)
    assert len(calls) == 6


def test_a_correspondence_of_other_particles_is_refused():
    with pytest.raises(ValueError, match="got a correspondence of 3 particles for 4"):
        Carried(Unrelated(3), "abcd")


def test_subcells_must_be_there():
    with pytest.raises(ValueError, match="got 0 sub-cells"):
        Carried(Unrelated(3), "abc", 0)


def test_a_moving_thing_keeps_its_noise_on_a_still_ground():
    """A square of 16 sub-cells moves by one cell a frame; the ground it leaves free is seen again where it was seen."""
    native, count = (48, 64), 4

    def on(frame, p):
        x0 = 8 + 4 * frame
        return (p[..., 0] >= x0) & (p[..., 0] < x0 + 16) & (p[..., 1] >= 16) & (p[..., 1] < 32)

    pairs = clip_pairs(count, 3, 0)
    own = repeat(cells(native), "h w xy -> p h w xy", p=len(pairs))
    place, valid = own.clone(), torch.ones(len(pairs), *native)
    for k, (i, j) in enumerate(pairs.tolist()):
        thing = on(i, own[k])
        place[k][thing] += torch.tensor([4.0 * (j - i), 0.0])
        valid[k][~thing & on(j, own[k])] = 0
    noise = many(Flow(count, pairs, place, valid), range(count))
    for i in range(count):
        for j in range(count):
            thing_i, thing_j = (noise[k][:, 4:8, 2 + k : 6 + k] for k in (i, j))
            assert torch.equal(thing_i, thing_j)
    assert torch.equal(noise[0][:, :4], noise[3][:, :4])
    assert torch.equal(noise[0][:, 4:8, 9:], noise[3][:, 4:8, 9:])
