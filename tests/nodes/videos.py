"""Video files for tests: a bright upper half, and a red that counts the frames."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

NTSC = Fraction(30000, 1001)
STEP = 8  # of the red, from one frame to the next


def picture(number: int, width: int, height: int) -> np.ndarray:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = STEP * number % 256
    pixels[: height // 2, :, 1] = 200
    return pixels


def write(
    path: Path, frames=24, size=(64, 48), rate=NTSC, codec="libx264", sound=0, times=None, sound_starts=0.0, turned=0
) -> Path:
    """A video of `frames` frames of `size` (width, height), lossless for "ffv1".

    sound    number of channels, 0 for none; the left one's loudness rises from 0 to 1 over the video
    times    milliseconds at which the frames are shown
    turned   degrees counterclockwise by which a player has to turn it
    """
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, options={"g": "10"})
        stream.width, stream.height = size
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        if turned:
            stream.set_display_rotation(turned)
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        speaker = out.add_stream("aac", rate=44100, layout={1: "mono", 2: "stereo", 6: "5.1"}[sound]) if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
            if times:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
        if speaker:
            _write_sound(out, speaker, float(frames / rate), sound_starts)
    return path


def _write_sound(out, stream, seconds: float, starts: float) -> None:
    t = np.arange(round((seconds - starts) * 44100)) / 44100 + starts
    wave = (np.sin(2 * np.pi * 440 * t) * t / seconds).astype(np.float32)
    channels = len(stream.layout.channels)
    frame = av.AudioFrame.from_ndarray(np.stack([wave] * channels), format="fltp", layout=stream.layout.name)
    frame.sample_rate, frame.pts, frame.time_base = 44100, round(starts * 44100), Fraction(1, 44100)
    out.mux(stream.encode(frame))
    out.mux(stream.encode())


def described(path: Path) -> dict:
    """What is in a video file, by decoding it to the end."""
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        rate = container.streams.video[0].average_rate
        sounds = container.streams.audio
    seconds = None
    if sounds:
        with av.open(str(path)) as container:
            seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    return {"pictures": pictures, "rate": float(rate), "seconds": len(pictures) / float(rate), "sound": seconds}


def reds(pictures) -> list[int]:
    """The numbers of the frames, as their red tells them: pictures [N, H, W, 3] in 0 ... 1."""
    return [round(float(picture[..., 0].mean()) * 255 / STEP) for picture in pictures]
