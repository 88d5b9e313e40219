"""A VIDEO of the host as footage. A file is read frame by frame; other videos are in memory already."""

from fractions import Fraction

from comfy_api.latest import Input

from ..media.footage import File, Footage, Pictures
from ..media.work import Afford, unlimited


def footage(video: Input.Video, afford: Afford = unlimited) -> Footage:
    """The footage. Raises ValueError if the file cannot be read, or if a part of it does not fit into memory."""
    if type(video).get_stream_source is not Input.Video.get_stream_source:  # the base class would encode a file first
        file = File(video.get_stream_source())
        if _is_whole(video, file) and not _is_edited(video):
            return file
        _weigh(video, file, afford)
    parts = video.get_components()
    return Pictures(parts.images, Fraction(parts.frame_rate), None if parts.audio is None else dict(parts.audio))


def _weigh(video: Input.Video, file: File, afford: Afford) -> None:
    """Weighs the memory of a slice or an edited video, which the host reads as a whole."""
    width, height = video.get_dimensions()
    count = int(video.get_duration() * file.rate) + 1
    afford(count * width * height * 12, f"{count} frames of {width} x {height} pixels", "cut the video shorter")


def _is_whole(video: Input.Video, file: File) -> bool:
    """Whether a video is all of its file. Newer hosts have slices of a video, which share its file."""
    duration = file.duration
    return duration is None or abs(video.get_duration() - duration) < 1 / file.rate


def _is_edited(video: Input.Video) -> bool:
    """Whether a video was cropped or resized. Newer hosts do this when it is read, and its file is the unedited one."""
    pending = getattr(video, "has_pending_frame_edits", None)
    return pending is not None and pending()
