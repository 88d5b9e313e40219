"""A VIDEO of the host as footage: read from its file frame by frame where it is one, from memory where not."""

from fractions import Fraction

from comfy_api.latest import Input

from ..media.footage import File, Footage, Pictures


def footage(video: Input.Video) -> Footage:
    """Raises ValueError where the file cannot be read."""
    if type(video).get_stream_source is not Input.Video.get_stream_source:  # else it would be encoded for the asking
        file = File(video.get_stream_source())
        if _is_whole(video, file):
            return file
    parts = video.get_components()
    return Pictures(parts.images, Fraction(parts.frame_rate), parts.audio)


def _is_whole(video: Input.Video, file: File) -> bool:
    """Whether a video shows all of its file; newer hosts have slices, which share the file of the whole."""
    duration = file.duration
    return duration is None or abs(video.get_duration() - duration) < 1 / file.rate
