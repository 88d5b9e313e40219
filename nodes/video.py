"""CSD Video Frame Batch and CSD Video Restore: frames of a video, and edited frames as a video again."""

import logging
from fractions import Fraction

from ..host.budget import afford
from ..host.io import custom, io, schema
from ..host.node import Node
from ..host.progress import steps
from ..media.footage import Footage, Pictures
from ..media.framing import SIZES, framed
from ..media.video_range import VideoRange, taken

RangeType = custom("CSD_CLIP", VideoRange)


class VideoFrameBatch(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDVideoFrameBatch",
            "CSD Video Frame Batch",
            "Takes a stretch of frames from a video, in a size that the model can edit. CSD Video Restore brings the "
            "edited frames back to the size, the speed and the sound of the source.",
            [
                io.MultiType.Input(
                    "video", [io.Video, io.Image], tooltip="The video, from Load Video. Or frames as an IMAGE batch."
                ),
                io.Float.Input(
                    "rate",
                    default=24.0,
                    min=0.01,
                    max=1000.0,
                    step=0.01,
                    tooltip="Frames per second of an IMAGE batch. A VIDEO brings its own rate, and this has no effect.",
                ),
                io.Int.Input(
                    "start", default=0, min=0, max=10_000_000, tooltip="First frame of the stretch, counted from 0."
                ),
                io.Int.Input(
                    "stride",
                    default=1,
                    min=1,
                    max=1000,
                    tooltip="Takes only every n-th frame. Higher: fewer frames to edit. The restored video lasts as "
                    "long, with fewer frames per second.",
                ),
                io.Int.Input(
                    "count", default=0, min=0, max=10_000_000, tooltip="How many frames to take. 0 takes all."
                ),
                io.Combo.Input(
                    "size",
                    options=[*SIZES, "source"],
                    tooltip="Which side may measure at most `side` pixels. Larger frames are scaled down, never "
                    "stretched. source keeps the size.",
                ),
                io.Int.Input(
                    "side",
                    default=512,
                    min=8,
                    max=16384,
                    step=8,
                    tooltip="Largest length of that side in pixels. Take the size that the model was trained at.",
                ),
                io.Combo.Input(
                    "edge",
                    options=["pad", "crop"],
                    tooltip="How sides are brought to a multiple of `multiple`. pad: repeats the pixels at the edge; "
                    "CSD Video Restore cuts them off. crop: cuts pixels off; CSD Video Restore fills them in by "
                    "repeating the edge.",
                ),
                io.Int.Input(
                    "multiple",
                    default=8,
                    min=1,
                    max=64,
                    tooltip="Sides become multiples of this many pixels. 8 for most models, 16 or 32 for some.",
                ),
            ],
            [
                io.Image.Output("frames", display_name="frames", tooltip="The frames to edit, one batch."),
                io.Float.Output("pace", display_name="rate", tooltip="Frames per second of the batch."),
                io.Audio.Output(
                    "audio", display_name="audio", tooltip="The sound of the stretch. Empty if there is none."
                ),
                RangeType.Output(
                    "clip", display_name="range", tooltip="Size, rate and place of the stretch, for CSD Video Restore."
                ),
            ],
            search_aliases=["load video frames", "video to images", "video edit"],
            group="Video",
        )

    @classmethod
    def run(cls, video, rate, start, stride, count, size, side, edge, multiple):
        from ..host.video import footage

        source = footage(video, afford) if hasattr(video, "get_components") else _pictures(video, rate)
        frames, shape = taken(
            source, start, stride, count, lambda first: framed(first, size, side, edge, multiple), steps, afford
        )
        found = _range(source, shape, start, stride, len(frames))
        return io.NodeOutput(frames, float(found.pace), found.audio, found)


def _pictures(images, rate: float) -> Pictures:
    if images.shape[-1] > 3:
        logging.warning("CSD Video Frame Batch: got frames with transparency, which is left out.")
    return Pictures(images, Fraction(rate).limit_denominator(100_000))


def _range(source: Footage, shape, start: int, stride: int, count: int) -> VideoRange:
    rate = source.rate
    audio = source.sound(start / rate, (start + count * stride) / rate, steps, afford)
    if audio is not None and not audio["waveform"].shape[-1]:
        audio = None
    return VideoRange(shape, rate, start, stride, count, audio)


class VideoRestore(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDVideoRestore",
            "CSD Video Restore",
            "Brings edited frames back to the size of the video they came from. Connect it to Create Video and Save "
            "Video: the file then has the source's size, speed, duration and sound.",
            [
                io.Image.Input(
                    "frames",
                    tooltip="The edited frames, all of them. They may be larger than before, if all grew alike.",
                ),
                RangeType.Input(
                    "clip",
                    display_name="range",
                    tooltip="Size, rate and place of the stretch, from the CSD Video Frame Batch that made the frames.",
                ),
            ],
            [
                io.Image.Output(
                    "restored", display_name="frames", tooltip="The frames in the size of the source, for Create Video."
                ),
                io.Float.Output("rate", display_name="rate", tooltip="Frames per second, for `fps` of Create Video."),
                io.Audio.Output("audio", display_name="audio", tooltip="The sound of the stretch, for Create Video."),
                io.String.Output(
                    "report",
                    display_name="report",
                    tooltip="Size, rate, duration and any padding of the video, in words.",
                ),
            ],
            search_aliases=["frames to video", "restore video size"],
            group="Video",
        )

    @classmethod
    def run(cls, frames, clip):
        restored = clip.restored(frames, steps, afford)
        logging.info("CSD Video Restore: %s", clip.report())
        return io.NodeOutput(restored, float(clip.pace), clip.audio, clip.report())
