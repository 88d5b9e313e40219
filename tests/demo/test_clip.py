"""Painted clips: the same motion in every look, known exactly, smooth, as long as wanted."""

import numpy as np
import pytest
import torch

from collaborative_score_distillation.csd.correspondence import clip_pairs
from collaborative_score_distillation.demo.motion import true_motion
from collaborative_score_distillation.demo.painter import LOOKS, SOURCE
from collaborative_score_distillation.demo.painter.clip import LONGEST, SPEEDS, Clip, paint_clip
from collaborative_score_distillation.dev.evaluation.consistency import differences, disagreement, neighbours

SEED, FRAMES = 1_000_000, 10
PAIRS = torch.tensor([(0, 1), (1, 0), (0, 8), (9, 2)])


@pytest.fixture(scope="module", params=[SEED, SEED + 3], ids=["balloon", "cart"])
def clip(request) -> Clip:
    return Clip(request.param, FRAMES)


@pytest.fixture(scope="module")
def motion(clip):
    return true_motion(clip, PAIRS)


@pytest.mark.parametrize("look", LOOKS)
def test_true_motion_takes_frames_onto_each_other(clip, motion, look):
    """What is left is what bilinear interpolation does to edges a pixel wide, and the moon behind thin clouds."""
    frames = np.stack(list(clip.paint(look)))
    errors, valid = differences(frames, motion, PAIRS)
    still = np.abs(frames[PAIRS[:, 0]] - frames[PAIRS[:, 1]]).mean(-1)
    for moved, seen, unmoved in zip(errors, valid, still):
        assert (moved * seen).sum() / seen.sum() < 0.004
        assert (moved * seen).sum() < 0.2 * (unmoved * seen).sum()
        assert (moved[seen > 0.99] < 0.05).mean() > 0.985


def test_most_of_a_frame_is_seen_in_the_next_and_less_in_a_far_one(clip, motion):
    seen = motion.look(PAIRS, (clip.height, clip.width)).valid.mean((1, 2))
    assert seen[0] > 0.93 and seen[1] > 0.93
    assert 0.7 < seen[2] < seen[0]


def test_a_wrong_motion_is_seen(clip, motion):
    """The motion to a frame is not that to the one after it."""
    frames = np.stack(list(clip.paint(SOURCE)))
    late = frames[[0, 2, *range(2, FRAMES)]]
    right, wrong = (disagreement(some, motion, PAIRS[:1]) for some in (frames, late))
    assert wrong > 4 * right


def test_what_is_hidden_later_is_not_valid(clip):
    """What the traveller hides in frame 8 and not in frame 0."""
    number = [plane.layer.name in ("balloon", "cart") for plane in clip.planes].index(True)
    first, later = clip.shares(0), clip.shares(8)
    x, y = (
        np.clip(np.rint(clip.carry(0, 8, first.argmax(0))), 0, (clip.width - 1, clip.height - 1))
        .astype(int)
        .transpose(2, 0, 1)
    )
    hidden = (later[number][y, x] > 0.99) & (first[number] < 0.01)
    assert hidden.sum() > 10
    valid = true_motion(clip, torch.tensor([(0, 8)])).look(torch.tensor([(0, 8)]), first.shape[1:]).valid[0].numpy()
    assert (valid[hidden] == 0).all()


def test_shares_cover_every_pixel_once(clip):
    assert np.allclose(clip.shares(4).sum(0), 1, atol=1e-4)


def test_layers_move_by_their_distance(clip):
    shifts = {plane.layer.name: np.ptp(plane.shift[:, 1]) for plane in clip.planes}
    land = [shifts[name] for name in SPEEDS if name != "clouds"]
    assert land == sorted(land) and land[0] < 0.1 * land[-1]
    step = np.abs(np.diff(clip.planes[-1].shift[:, 1])).max()
    assert step < 0.05 * clip.height


def test_a_longer_clip_begins_with_the_shorter_one():
    size = (64, 96)
    short, _ = paint_clip(5, "night", 3, *size)
    longer, _ = paint_clip(5, "night", 9, *size)
    assert short.shape == (3, *size, 3) and short.dtype == np.float32
    assert np.array_equal(short, longer[:3])
    assert short.min() >= 0 and short.max() <= 1


def test_the_longest_clip_never_leaves_the_world():
    clip = Clip(SEED + 5, LONGEST, 64, 96)
    for plane in (plane for plane in clip.planes if plane.layer.name in SPEEDS):
        far = clip.focus[1] / clip.zoom
        assert (plane.shift[:, 1] - far).min() > 0
        assert (plane.shift[:, 1] + far).max() < plane.layer.coverage.shape[1] / 2
    for frame in (0, 400, 999):
        assert np.allclose(clip.shares(frame).sum(0), 1, atol=1e-4)


def test_light_and_seed_matter():
    size = (64, 96)
    plain, _ = paint_clip(1, "sunset", 1, *size)
    assert np.abs(paint_clip(1, "sunset", 1, *size, light=0.8)[0] - plain).mean() > 0.01
    assert np.abs(paint_clip(2, "sunset", 1, *size)[0] - plain).mean() > 0.02


@pytest.mark.parametrize("frames", [0, LONGEST + 1])
def test_lengths_out_of_range_are_named(frames):
    with pytest.raises(ValueError, match=f"{frames} frames"):
        Clip(1, frames)


def test_the_node(host):
    frames, rate, motion = host.run(
        "CSDDemoClip", seed=7, look="winter", frames=4, width=96, height=64, rate=12.5, neighbours=1, anchors=1
    )
    assert frames.shape == (4, 64, 96, 3) and rate == 12.5 and motion.count == 4
    assert [list(motion.partners(i)) for i in range(4)] == [[2, 1], [2, 0], [1, 3], [2]]
    assert torch.equal(motion.pairs, clip_pairs(4, 1, 1))
    assert disagreement(frames.numpy(), motion, neighbours(4)) < 0.004
