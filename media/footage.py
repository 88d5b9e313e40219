"""Reads frames and sound of a video file one by one. Only the current frame is held in memory.

The frames come at a constant rate: frame k is the one that a player shows at (k + 0.5) / rate seconds. Pictures are
turned upright and get square pixels, as the file says. Time stamps cannot be trusted, so no frame is repeated for
longer than `LONGEST_GAP` seconds.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from math import ceil
from typing import Any, Protocol

import av
import numpy as np
import torch
from av.container import InputContainer
from av.error import FFmpegError
from torch import Tensor

from .picture_files import MOST_PIXELS
from .sound import between
from .work import Afford, Follow, unlimited

HALF = Fraction(1, 2)
MARGIN = Fraction(1)  # seconds to seek before the wanted frame, for streams whose index is not exact
LONGEST_GAP = 600  # seconds


class Footage(Protocol):
    """A source of frames, with or without sound."""

    @property
    def rate(self) -> Fraction: ...

    def frames(self, start: int, follow: Follow = iter) -> Iterator[Tensor]:
        """Frames from number `start` on, [H, W, 3] in 0 ... 1, all of one size. A repeated frame is the same tensor."""
        ...

    def count(self, follow: Follow = iter) -> int:
        """How many frames there are. All of them are read for this."""
        ...

    def about(self) -> int | None:
        """About how many frames there are, without reading them; None where that is not known."""
        ...

    def sound(self, since: Fraction, until: Fraction, follow: Follow = iter, afford: Afford = unlimited) -> dict | None:
        """The sound between two times in seconds, as ComfyUI passes it: waveform [1, C, T], sample_rate."""
        ...


@dataclass(frozen=True)
class Pictures:
    """Frames [N, H, W, C] in memory, with the sound [1, C, T] that begins with them, or None."""

    images: Tensor
    rate: Fraction
    audio: dict | None = None

    def frames(self, start: int, follow: Follow = iter) -> Iterator[Tensor]:
        return iter(follow(self.images[start:, ..., :3]))

    def count(self, follow: Follow = iter) -> int:
        return len(self.images)

    def about(self) -> int:
        return len(self.images)

    def sound(self, since: Fraction, until: Fraction, follow: Follow = iter, afford: Afford = unlimited) -> dict | None:
        if self.audio is None:
            return None
        rate = self.audio["sample_rate"]
        return {**self.audio, "waveform": self.audio["waveform"][..., round(since * rate) : round(until * rate)]}


@dataclass(frozen=True)
class File:
    """A video file: its path, or its bytes. ValueError where it cannot be read."""

    source: str | io.BytesIO

    @property
    def rate(self) -> Fraction:
        with self._opened("video") as (container, stream):
            return _rate(stream)

    @property
    def duration(self) -> Fraction | None:
        """Seconds, as the file says; None where it does not."""
        with self._opened("video") as (container, stream):
            return None if container.duration is None else Fraction(container.duration, av.time_base)

    def about(self) -> int | None:
        duration = self.duration
        return None if duration is None else max(ceil(duration * self.rate - HALF), 0)

    def frames(self, start: int, follow: Follow = iter) -> Iterator[Tensor]:
        with self._opened("video") as (container, stream):
            stream.thread_type = "AUTO"
            first, numbered = _numbered(container, stream, start, follow)
            square, at, picture = Fraction(stream.sample_aspect_ratio or 1), None, None
            for number, frame in numbered:
                if number < start:
                    continue
                if picture is None or frame is not at:
                    at, picture = frame, torch.from_numpy(upright(frame, first, square)) / 255
                yield picture

    def count(self, follow: Follow = iter) -> int:
        with self._opened("video") as (container, stream):
            stream.thread_type = "AUTO"
            last = -1
            for last, _ in _numbered(container, stream, 0, follow)[1]:  # noqa: B007  (wanted after the loop)
                pass
            return last + 1

    def sound(self, since: Fraction, until: Fraction, follow: Follow = iter, afford: Afford = unlimited) -> dict | None:
        with self._opened("video") as (container, stream):
            zero = _time(_begun(container, stream)[0])
        with self._opened("audio") as (container, stream):
            if stream is None:
                return None
            decoded = _sought(container, stream, zero + since) if since else container.decode(stream)
            return between(follow(decoded), stream.sample_rate, stream.channels, zero + since, zero + until, afford)

    @contextmanager
    def _opened(self, kind: str) -> Iterator[tuple[InputContainer, Any]]:
        """The container and its first stream of a kind. Without one: None for sound, ValueError for pictures."""
        if isinstance(self.source, io.BytesIO):
            self.source.seek(0)
        try:
            with av.open(self.source, mode="r", metadata_errors="replace") as container:
                streams = getattr(container.streams, kind)
                if not streams and kind == "video":
                    raise ValueError("got a file without pictures, expected a video; choose another file.")
                yield container, (streams[0] if streams else None)
        except FFmpegError as error:
            raise ValueError(
                f"got a file that cannot be read ({error.strerror}), expected a video in a format that FFmpeg knows, "
                "whole up to the last frame asked for; take fewer frames, or convert the file with a video tool."
            ) from error


def _numbered(container, stream, start: int, follow: Follow) -> tuple[av.VideoFrame, Iterator]:
    """The first frame of a stream, and (k, frame) for all frames from `start` on; some earlier ones may precede."""
    rate, first, decoded = _rate(stream), *_begun(container, stream)
    if start and first.pts is not None:
        decoded = _sought(container, stream, _time(first) + start / rate)
    decoded = enumerate(follow(decoded))
    shown = ((_time(frame) if frame.pts is not None else i / rate, frame) for i, frame in decoded)
    return first, iter(follow(at_constant_pace(shown, rate, _time(first))))


def at_constant_pace(shown: Iterable[tuple[Fraction, av.VideoFrame]], rate: Fraction, zero: Fraction) -> Iterator:
    """(k, frame) for timed frames, where `frame` is shown at the time zero + (k + 0.5) / rate.

    The half is for times that are not quite regular: they would skip or repeat frames. ValueError where a frame would
    be repeated for longer than `LONGEST_GAP`. The error comes after the frames until then.
    """
    for (time, frame), (until, _) in pairwise(_closed(shown, rate)):
        end = min(until, time + LONGEST_GAP)
        for number in range(max(ceil((time - zero) * rate - HALF), 0), ceil((end - zero) * rate - HALF)):
            yield number, frame
        if end < until:
            raise ValueError(
                f"got {float(until - time):,.1f} seconds without a new frame after second "
                f"{float(time - zero):,.1f}, expected at most {LONGEST_GAP}; set `count` so that it ends before, or "
                "convert the file to a constant rate."
            )


def _closed(shown: Iterable[tuple[Fraction, av.VideoFrame]], rate: Fraction) -> Iterator:
    """The timed frames, and then (end of the last one, None)."""
    time, frame = Fraction(0), None
    for time, frame in shown:
        yield time, frame
    if frame is not None:
        lasts = (frame.duration or 0) * (frame.time_base or 0)
        yield time + max(Fraction(lasts), 1 / rate), None


def upright(frame: av.VideoFrame, first: av.VideoFrame, square: Fraction) -> np.ndarray:
    """A frame as [H, W, 3] bytes, in the size of the first frame, turned as a player would show it.

    square   width of a pixel over its height
    """
    width, height = max(round(first.width * square), 1), first.height
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"got pictures of {width} x {height} pixels, expected at most {MOST_PIXELS // 10**6} million; make the "
            "video smaller."
        )
    pixels = frame.to_ndarray(format="rgb24", width=width, height=height)
    return np.rot90(pixels, first.rotation // 90).copy()


def _rate(stream) -> Fraction:
    return Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)


def _time(frame) -> Fraction:
    return Fraction(0) if frame.pts is None else frame.pts * frame.time_base


def _begun(container, stream) -> tuple[av.VideoFrame, Iterator[av.VideoFrame]]:
    """The first frame, and all of them."""
    decoded = container.decode(stream)
    first = next(decoded, None)
    if first is None:
        raise ValueError("got a video without a single frame; choose another file.")
    return first, chain([first], decoded)


def _sought(container, stream, time: Fraction) -> Iterator:
    """Frames from a key frame at or before `time` (seconds) on. If the index is wrong: from the first frame on."""
    container.seek(max(round((time - MARGIN) / stream.time_base), 0), stream=stream)
    decoded = container.decode(stream)
    frame = next(decoded, None)
    if frame is not None and _time(frame) <= time:
        return chain([frame], decoded)
    container.seek(0)
    return container.decode(stream)
