"""A VIDEO of the host as footage: read from its file frame by frame where it is one, from memory where not."""

from fractions import Fraction

from comfy_api.latest import Input

from ..media.footage import File, Footage, Pictures
from ..media.work import Afford, unlimited


def footage(video: Input.Video, afford: Afford = unlimited) -> Footage:
    """Raises ValueError where the file cannot be read, or where a slice of it is more than memory holds."""
    if type(video).get_stream_source is not Input.Video.get_stream_source:  # else it would be encoded for the asking
        file = File(video.get_stream_source())
        if _is_whole(video, file):
            return file
        _weigh(video, file, afford)
    parts = video.get_components()
    return Pictures(parts.images, Fraction(parts.frame_rate), None if parts.audio is None else dict(parts.audio))


def _weigh(video: Input.Video, file: File, afford: Afford) -> None:
    """The host reads a slice into memory as a whole."""
    width, height = video.get_dimensions()
    count = int(video.get_duration() * file.rate) + 1
    afford(count * width * height * 12, f"{count} frames of {width} x {height} pixels", "cut the video shorter")


def _is_whole(video: Input.Video, file: File) -> bool:
    """Whether a video shows all of its file; newer hosts have slices, which share the file of the whole."""
    duration = file.duration
    return duration is None or abs(video.get_duration() - duration) < 1 / file.rate
