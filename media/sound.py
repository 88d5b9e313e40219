"""The sound of a stretch of a video."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
import torch

from .work import Afford, unlimited


def between(
    decoded: Iterable[av.AudioFrame],
    rate: int,
    channels: int,
    since: Fraction,
    until: Fraction,
    afford: Afford = unlimited,
) -> dict:
    """Decoded sound between two times in seconds, in mono or stereo. It is silent until the file's sound begins.

    If the file's sound ends before `until`, the result is shorter.
    """
    longest = max(round((until - since) * rate), 0)
    rows, parts, end, weighed = min(channels, 2), [], 0, 0
    for at, part in _placed(decoded, rate, channels, since):
        begin, stop = max(at, 0), min(at + part.shape[1], longest)
        if stop > begin:
            parts.append((begin, part[:, begin - at : stop - at]))
            end = stop
        if end > weighed:
            weighed = end + 60 * rate
            afford(2 * rows * end * 4, f"{end / rate:,.0f} seconds of sound", "lower `count` or `stride`")
        if at + part.shape[1] >= longest:
            break
    waveform = np.zeros((rows, end), dtype=np.float32)
    for begin, part in parts:
        waveform[:, begin : begin + part.shape[1]] = part
    return {"waveform": torch.from_numpy(waveform[None]), "sample_rate": rate}


def _placed(
    decoded: Iterable[av.AudioFrame], rate: int, channels: int, since: Fraction
) -> Iterator[tuple[int, np.ndarray]]:
    """(place of the first sample, counted from `since`; samples [C, n]).

    Only the time stamp of the first frame is used. The other frames follow without a gap.
    """
    resampler = av.AudioResampler(format="fltp", layout="mono" if channels == 1 else "stereo", rate=rate)
    at = None
    for frame in decoded:
        at = round((_time(frame) - since) * rate) if at is None and frame.pts is not None else at or 0
        for part in resampler.resample(frame):
            yield at, part.to_ndarray()
            at += part.samples


def _time(frame: av.AudioFrame) -> Fraction:
    return Fraction(frame.pts or 0) * (frame.time_base or 0)
