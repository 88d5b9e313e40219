"""VideoFrameBatch and its way back: a range of a video as a batch of frames, and edited frames as a video again."""

import logging
from fractions import Fraction
from itertools import islice

from ..host.errors import named
from ..host.io import io, schema
from ..media.footage import Footage, Pictures
from ..media.framing import SIZES, framed
from ..media.video_range import VideoRange, batched

RangeType = io.Custom("CSD_CLIP")


class VideoFrameBatch(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDVideoFrameBatch",
            "VideoFrameBatch",
            "A range of a video as a batch of frames of a size that the model likes. VideoRestore brings the edited "
            "frames back to the size, the pace and the sound of the source.",
            [
                io.MultiType.Input("video", [io.Video, io.Image], tooltip="A VIDEO, or frames as an IMAGE batch."),
                io.Float.Input(
                    "rate",
                    default=24.0,
                    min=0.01,
                    max=1000.0,
                    step=0.01,
                    tooltip="Frames a second of an IMAGE batch. A VIDEO brings its own.",
                ),
                io.Int.Input("start", default=0, min=0, max=10_000_000, tooltip="First frame of the range, from 0."),
                io.Int.Input(
                    "stride",
                    default=1,
                    min=1,
                    max=1000,
                    tooltip="Take every n-th frame. The restored video lasts as long, with fewer frames a second.",
                ),
                io.Int.Input("count", default=0, min=0, max=10_000_000, tooltip="Frames to take; 0 takes all."),
                io.Combo.Input(
                    "size",
                    options=[*SIZES, "source"],
                    tooltip="Which side measures at most `side` pixels. Frames are made smaller, never stretched.",
                ),
                io.Int.Input("side", default=512, min=8, max=16384, step=8, tooltip="Pixels."),
                io.Combo.Input(
                    "edge",
                    options=["pad", "crop"],
                    tooltip="How sides become multiples: the edge is repeated and cut off again at the end, or what "
                    "is too much is cut off and filled with the edge at the end.",
                ),
                io.Int.Input("multiple", default=8, min=1, max=64, tooltip="Pixels; 8 for most models, 16 for some."),
            ],
            [
                io.Image.Output("frames", display_name="frames"),
                io.Float.Output("pace", display_name="rate", tooltip="Frames a second of the batch."),
                io.Audio.Output("audio", display_name="audio", tooltip="The sound of the range, nothing if silent."),
                RangeType.Output("clip", display_name="range", tooltip="What VideoRestore needs."),
            ],
            search_aliases=["load video frames", "video to images", "video edit"],
        )

    @classmethod
    def execute(cls, video, rate, start, stride, count, size, side, edge, multiple):
        from ..host.video import footage

        with named("VideoFrameBatch"):
            _check(start, stride, count)
            source = footage(video) if hasattr(video, "get_components") else _pictures(video, rate)
            frames, shape = _take(source, start, stride, count, lambda first: framed(first, size, side, edge, multiple))
            taken = _range(source, shape, start, stride, len(frames))
        return io.NodeOutput(frames, float(taken.pace), taken.audio, taken)


def _check(start: int, stride: int, count: int) -> None:
    if start < 0 or stride < 1 or count < 0:
        raise ValueError(
            f"got start {start}, stride {stride} and count {count}, expected a start of at least 0, a stride of at "
            "least 1 and a count of at least 0 (all)."
        )


def _pictures(images, rate: float) -> Pictures:
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"got images of shape {tuple(images.shape)}, expected at least one frame with pixels.")
    if not rate > 0:
        raise ValueError(f"got a rate of {rate}, expected frames a second above zero.")
    return Pictures(images, Fraction(rate).limit_denominator(100_000))


def _take(source: Footage, start: int, stride: int, count: int, shape):
    """Every `stride`-th frame as a batch, and the framing that `shape` gives for the size of the first."""
    taken, chosen = [], None
    for picture in islice(source.frames(start), 0, (count - 1) * stride + 1 if count else None, stride):
        chosen = chosen or shape(tuple(picture.shape[:2]))
        taken.append(chosen.apply(picture))
    if not taken:
        length = sum(1 for _ in source.frames(0))
        raise ValueError(
            f"got start {start} in a video of {length} frames, expected 0 to {length - 1}; choose an earlier start."
        )
    return batched(taken), chosen


def _range(source: Footage, shape, start: int, stride: int, count: int) -> VideoRange:
    rate = source.rate
    audio = source.sound(start / rate, (start + count * stride) / rate)
    if audio is not None and not audio["waveform"].shape[-1]:
        audio = None
    return VideoRange(shape, rate, start, stride, count, audio)


class VideoRestore(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDVideoRestore",
            "VideoRestore",
            "Brings edited frames back to the size of the video that they came from. Create Video and Save Video "
            "make a file of them with the source's size, pace, duration and sound.",
            [
                io.Image.Input("frames", tooltip="As VideoFrameBatch gave them, edited; or all enlarged alike."),
                RangeType.Input("clip", display_name="range", tooltip="From the VideoFrameBatch that made the frames."),
            ],
            [
                io.Image.Output("restored", display_name="frames"),
                io.Float.Output("rate", display_name="rate", tooltip="For `fps` of Create Video."),
                io.Audio.Output("audio", display_name="audio"),
                io.String.Output("report", display_name="report", tooltip="Size, rate, duration, and any padding."),
            ],
            search_aliases=["frames to video", "restore video size"],
        )

    @classmethod
    def execute(cls, frames, clip):
        with named("VideoRestore"):
            restored = clip.restored(frames)
        logging.info("VideoRestore: %s", clip.report())
        return io.NodeOutput(restored, float(clip.pace), clip.audio, clip.report())
