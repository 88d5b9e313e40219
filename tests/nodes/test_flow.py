"""Correspondence nodes: optical flow against known motion, windows against their overlap."""

import sys
from itertools import product

import pytest
import torch

from .clips import HEIGHT, WIDTH, Clip

COUNT = 13


@pytest.fixture(scope="module")
def clip():
    return Clip(COUNT)


@pytest.fixture(scope="module")
def flow_of(host):
    def run(frames, neighbours=2, anchors=2, accuracy="medium", tolerance=0.05):
        settings = {"neighbours": neighbours, "anchors": anchors, "accuracy": accuracy, "tolerance": tolerance}
        return host.run("CSDOpticalFlow", frames=frames, **settings)[0]

    return run


@pytest.fixture(scope="module")
def flow(flow_of, clip):
    return flow_of(clip.frames)


def against_truth(flow, clip, pairs):
    """Mean and median end-point error in pixels where both say seen; precision and recall of what is seen."""
    sight = flow.look(torch.tensor(pairs), (HEIGHT, WIDTH))
    place, valid = (torch.stack(parts) for parts in zip(*(clip.truth(i, j) for i, j in pairs)))
    found = sight.valid > 0.5
    error = (sight.place - place).norm(dim=-1)[found & valid]
    both = (found & valid).sum()
    return error.mean(), error.median(), both / found.sum(), both / valid.sum()


def at_distance(flow, distance):
    return [pair for pair in flow.pairs.tolist() if abs(pair[0] - pair[1]) == distance]


@pytest.mark.parametrize(
    "distance, mean, median, precision, recall",
    [(1, 0.3, 0.15, 0.98, 0.97), (2, 0.45, 0.2, 0.98, 0.93), (6, 0.6, 0.25, 0.96, 0.9), (9, 0.8, 0.3, 0.96, 0.82)],
)
def test_motion_is_found(flow, clip, distance, mean, median, precision, recall):
    """Measured when this was written: means of 0.20, 0.35, 0.45 and 0.52 pixels."""
    found = against_truth(flow, clip, at_distance(flow, distance))
    assert found[0] < mean and found[1] < median and found[2] > precision and found[3] > recall


def test_walks_find_what_a_single_search_does_not(host, flow_of, clip):
    """30 pixels away: from frame to frame the motion is found, at one go it is not."""
    motion = host.module("media.optical_flow")
    stepping = flow_of(clip.frames, neighbours=0, anchors=2, tolerance=1.0)
    pairs = at_distance(stepping, 9)
    ends = [motion.estimate(clip.frames[pair], torch.tensor([[0, 1]]), tolerance=1.0) for pair in pairs]
    _, _, _, recall = against_truth(stepping, clip, pairs)
    once = torch.stack([end.look(torch.tensor([[0, 1]]), (HEIGHT, WIDTH)).valid[0] > 0.5 for end in ends])
    place = torch.stack([end.look(torch.tensor([[0, 1]]), (HEIGHT, WIDTH)).place[0] for end in ends])
    truth, valid = (torch.stack(parts) for parts in zip(*(clip.truth(i, j) for i, j in pairs)))
    right = once & valid & ((place - truth).norm(dim=-1) < 2)
    assert recall > right.sum() / valid.sum() + 0.03


def test_what_the_disc_hides_is_not_seen(flow, clip):
    """Of the pixels that go behind the disc, few are taken for seen, those at its edge."""
    hidden = taken = 0
    for i, j in at_distance(flow, 6):
        place, valid = clip.truth(i, j)
        behind = ~valid & ((place > 1) & (place < torch.tensor([WIDTH - 2, HEIGHT - 2]))).all(-1)
        seen = flow.look(torch.tensor([[i, j]]), (HEIGHT, WIDTH)).valid[0] > 0.5
        hidden, taken = hidden + behind.sum(), taken + (behind & seen).sum()
    assert hidden > 800 and taken < hidden / 4


def test_the_pairs_are_those_of_a_clip(flow):
    assert list(flow.partners(6)) == [3, 9, 5, 7, 4, 8] and list(flow.partners(0)) == [3, 9, 1, 2]
    assert flow.count == COUNT and flow.place.dtype == torch.float16 and flow.valid.dtype == torch.bool
    assert tuple(flow.valid.shape[1:]) == (HEIGHT // 2, WIDTH // 2)


def test_other_frames_do_not_matter(flow, flow_of, clip):
    """A pair of neighbours is measured on these two frames alone."""
    few = flow_of(clip.frames[4:7], anchors=0)
    mine, theirs = (f.look(torch.tensor([pair]), (24, 36)) for f, pair in ((few, (0, 1)), (flow, (4, 5))))
    assert torch.equal(mine.place, theirs.place) and torch.equal(mine.valid, theirs.valid)


def test_pictures_that_have_nothing_in_common(flow_of, clip):
    """A cut: hardly anything is taken for seen across it, and on both sides of it all goes on as before."""
    frames = torch.cat([clip.frames[:3], clip.frames[:3].flip(1)])
    flow = flow_of(frames, neighbours=3, anchors=0)
    share = {
        pair: flow.look(torch.tensor([pair]), (24, 36)).valid.mean()
        for pair in product(range(6), range(6))
        if 0 < abs(pair[0] - pair[1]) <= 3
    }
    assert all((valid > 0.8) if (i < 3) == (j < 3) else (valid < 0.15) for (i, j), valid in share.items())


def test_a_still_clip(flow_of, clip):
    flow = flow_of(clip.frames[:1].expand(3, -1, -1, -1))
    assert flow.place.abs().max() < 0.02 and flow.valid.all()


def test_a_brightness_that_changes_needs_a_tolerance(flow_of, clip):
    """Frames that get darker by a fifth: the motion is the same."""
    frames = torch.cat([clip.frames[:1], clip.frames[1:2] * 0.8])
    strict, loose = (flow_of(frames, tolerance=tolerance).valid.float().mean() for tolerance in (0.02, 0.3))
    assert strict < 0.3 and loose > 0.9


@pytest.mark.parametrize("accuracy", ["fast", "accurate"])
def test_accuracies(flow_of, clip, accuracy):
    flow = flow_of(clip.frames[:4], accuracy=accuracy)
    mean, _, precision, recall = against_truth(flow, clip, flow.pairs.tolist())
    assert mean < {"fast": 0.6, "accurate": 0.4}[accuracy] and precision > 0.95 and recall > 0.9


@pytest.mark.parametrize("size", [(17, 31), (33, 16)])
def test_small_and_odd_frames(flow_of, size):
    frames = torch.rand(3, *size, 3, generator=torch.Generator().manual_seed(1))
    flow = flow_of(frames)
    sight = flow.look(flow.pairs, (4, 4))
    assert torch.isfinite(sight.place).all() and tuple(sight.place.shape[1:]) == (4, 4, 2)


def test_a_single_frame_has_no_partners(flow_of, clip):
    flow = flow_of(clip.frames[:1])
    assert flow.count == 1 and list(flow.partners(0)) == []


def test_frames_without_room_for_motion(flow_of):
    with pytest.raises(ValueError, match="CSD Optical Flow: got frames of 32 x 8 pixels, expected sides of at least"):
        flow_of(torch.rand(3, 8, 32, 3))


def test_without_opencv(flow_of, clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match="CSD Optical Flow: got no OpenCV, expected .*; install it"):
        flow_of(clip.frames[:2])


def test_frames_stay_as_they_are(flow_of, clip):
    frames = clip.frames[:3].clone()
    flow_of(frames)
    assert torch.equal(frames, clip.frames[:3])


def test_windows_correspond_where_they_overlap(host):
    image = torch.rand(1, 64, 160, 3, generator=torch.Generator().manual_seed(3))
    settings = {"window_width": 64, "window_height": 64, "overlap": 32, "wrap": "horizontal", "multiple": 8}
    particles, layout = host.run("CSDParticleSplit", whole=image, **settings)
    (canvas,) = host.run("CSDCanvasCorrespondence", layout=layout)
    pull = host.module("csd.correspondence").pull
    pairs = torch.tensor([(i, j) for i in range(canvas.count) for j in canvas.partners(i)])
    sight = canvas.look(pairs, (64, 64))
    channels = particles.movedim(-1, 1)
    same = (pull(channels[pairs[:, 1]], sight) - channels[pairs[:, 0]]).abs().amax(1) * sight.valid
    assert len(pairs) == 2 * canvas.count and same.max() == 0 and 0.4 < sight.valid.mean() < 0.6
