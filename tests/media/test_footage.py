"""Videos whose time stamps, lengths and shapes are out of bounds."""

import time
from fractions import Fraction

import av
import pytest
import torch

from collaborative_score_distillation.media.footage import LONGEST_GAP, File, Pictures, upright
from collaborative_score_distillation.media.framing import framed
from collaborative_score_distillation.media.video_range import taken
from collaborative_score_distillation.tests.nodes import videos

HOUR = 3_600_000  # milliseconds


class Cancelled(Exception):
    pass


class Watch:
    """Follows work, and remembers the longest time between two looks; may stop it after some seconds."""

    def __init__(self, stops_after=None):
        self.begun = self.last = time.process_time()
        self.longest, self.stops_after = 0.0, stops_after

    def __call__(self, items):
        for item in items:
            now = time.process_time()
            self.longest, self.last = max(self.longest, now - self.last), now
            if self.stops_after is not None and now - self.begun > self.stops_after:
                raise Cancelled
            yield item


def as_it_is(size):
    return framed(size, "source", 512, "pad", 8)


@pytest.fixture
def gap(tmp_path):
    """Two frames, and a third one an hour later: less than a kilobyte."""
    return File(str(videos.write(tmp_path / "gap.mkv", frames=3, size=(16, 16), times=[0, 40, HOUR], rate=25)))


def refusing(limit):
    """A budget of so many bytes."""

    def afford(size, what, turn):
        if size > limit:
            raise ValueError(f"got {what}, expected less; {turn}.")

    return afford


def test_a_gap_of_an_hour_is_refused_in_time(gap):
    begun = time.process_time()
    with pytest.raises(ValueError, match=r"got 3,600.0 seconds without .* after second 0.0, expected at most 600; set"):
        taken(gap, 0, 1, 0, as_it_is)
    assert time.process_time() - begun < 10


def test_a_gap_is_counted_and_skipped_in_time(gap):
    for go in (lambda: gap.count(), lambda: list(gap.frames(10**7))):
        with pytest.raises(ValueError, match="seconds without a new frame"):
            go()


def test_what_comes_before_a_gap_can_be_taken(gap):
    frames, _ = taken(gap, 0, 1, 20, as_it_is)
    assert videos.reds(frames[:2]) == [0, 1] and videos.reds(frames[2:]) == [1] * 18


def test_a_frame_may_stay_for_minutes(tmp_path):
    """A talk with one picture a minute is a good video; the picture is converted once."""
    path = videos.write(tmp_path / "talk.mkv", frames=3, size=(16, 16), times=[0, 60_000, 120_000], rate=25)
    source = File(str(path))
    frames = list(source.frames(0))
    assert len(frames) >= 3000 and len({id(frame) for frame in frames}) == 3
    assert videos.reds(taken(source, 0, 750, 0, as_it_is)[0])[:4] == [0, 0, 1, 1]


def test_the_gap_ends_at_the_limit(gap):
    seen = []
    with pytest.raises(ValueError):
        seen.extend(gap.frames(0))
    assert len(seen) == pytest.approx((LONGEST_GAP + 0.04) * gap.rate, abs=2)


def test_going_through_a_gap_can_be_left(gap):
    for go in (lambda w: gap.count(w), lambda w: list(gap.frames(10**7, w)), lambda w: list(gap.frames(0, w))):
        with pytest.raises((Cancelled, ValueError)):
            go(Watch(stops_after=0.0))


def test_a_long_clip_is_weighed_before_it_is_read(tmp_path):
    """By what the file says of its length; nothing but the first frame is decoded."""
    path = videos.write(tmp_path / "long.mkv", frames=4, size=(16, 16), times=[0, 40, 80, HOUR], rate=25)
    watch = Watch()
    with pytest.raises(
        ValueError, match="got 9000[0-9] frames of 16 x 16 pixels, expected less; lower `count` or `side`"
    ):
        taken(File(str(path)), 0, 1, 0, as_it_is, watch, refusing(2**26))
    assert watch.longest < 1 and time.process_time() - watch.begun < 2


def test_a_file_that_holds_more_than_it_says_is_weighed_on_the_way(tmp_path):
    class Liar(Pictures):
        def about(self):
            return 1

    images = torch.zeros(1000, 8, 8, 3)
    with pytest.raises(ValueError, match="got (129|193) frames of 8 x 8 pixels, expected less"):
        taken(Liar(images, Fraction(25)), 0, 1, 0, as_it_is, iter, refusing(64 * 24 + 100 * 8 * 8 * 12))


def test_pixels_that_are_thousands_of_times_as_wide(tmp_path):
    """Some formats say how wide a pixel is: a frame of 64 x 64 would become one of 3,840,000 x 64."""
    with av.open(str(videos.write(tmp_path / "a.mkv", frames=1, size=(64, 64), codec="ffv1"))) as container:
        frame = next(container.decode(video=0))
    with pytest.raises(ValueError, match="got pictures of 3840000 x 64 pixels, expected at most 134 million"):
        upright(frame, frame, Fraction(60_000))


def test_sound_is_no_longer_than_the_file(tmp_path):
    """A range may be said to last for years: 0.01 frames a second, every thousandth of them."""
    path = videos.write(tmp_path / "a.mkv", frames=24, codec="ffv1", sound=2)
    asked = []
    sound = File(str(path)).sound(Fraction(0), Fraction(10**9), iter, lambda size, *_: asked.append(size))
    assert sound["waveform"].shape[-1] / sound["sample_rate"] == pytest.approx(0.8, abs=0.1)
    assert 0 < max(asked) < 2**20


def test_no_step_of_a_clip_takes_long(tmp_path):
    path, watch = videos.write(tmp_path / "a.mp4", frames=60, size=(640, 480), sound=2), Watch()
    source = File(str(path))
    taken(source, 3, 2, 0, as_it_is, watch)
    source.sound(Fraction(0), Fraction(2), watch)
    assert watch.longest < 1


def test_a_title_that_is_no_text(tmp_path):
    """Bytes that are no UTF-8 in what a file says of itself have nothing to do with its pictures."""
    path = tmp_path / "titled.mkv"
    with av.open(str(path), "w") as out:
        out.metadata["title"] = "t" * 16
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "bgr0"
        for number in range(3):
            picture = videos.picture(number, 16, 16)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    content = path.read_bytes()
    assert content.count(b"t" * 16) == 1
    path.write_bytes(content.replace(b"t" * 16, b"\xba" * 16))
    assert File(str(path)).count() == 3
