"""Broken and crafted files, read as the nodes read them: an answer, or an error that says what to do."""

from __future__ import annotations

import io
import json
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import av
import numpy as np
import psutil
import torch
from av.error import FFmpegError
from PIL import Image
from safetensors.torch import save

from ...media import array_files, footage, picture_files, state_file, transforms
from ...media.state_file import FORMAT, Saved, checksum
from .oracles import Verdict

SECONDS, MEMORY = 5.0, 2**30  # what reading one file may take at most
_ODD = [None, -1, 0, 1e308, "", "..", "/etc/passwd", "a\0b", "x" * 5000, [], {}, True, [[1] * 4] * 4, 2**70, "ü"]


def files(count: int, folder: Path, seed: int = 0) -> list[Verdict]:
    """Make and read `count` files of every kind."""
    return [_verdict(kind, number, folder, seed) for kind in KINDS for number in range(count)]


def _verdict(kind: str, number: int, folder: Path, seed: int) -> Verdict:
    make, read, suffix = KINDS[kind]
    path = folder / f"{kind}_{number}{suffix}"
    path.write_bytes(make(Random(f"{kind} {seed} {number}")))
    begun, before = time.perf_counter(), psutil.Process().memory_info().rss
    outcome, words = _outcome(read, path)
    seconds, memory = time.perf_counter() - begun, psutil.Process().memory_info().rss - before
    path.unlink()
    if seconds > SECONDS:
        outcome, words = "hang", f"{seconds:.1f} s"
    elif memory > MEMORY:
        outcome, words = "memory", f"{memory / 2**20:.0f} MiB"
    return Verdict(outcome, f"{kind} {number}: {words}", memory=memory, target=kind)


def _outcome(read: Callable, path: Path) -> tuple[str, str]:
    try:
        read(path)
    except ValueError as error:
        tells = any(word in str(error) for word in ("expected", "; "))
        return ("refused" if tells else "obscure"), str(error)[:300]
    except Exception as error:  # any other error is a finding
        where = "".join(traceback.format_tb(error.__traceback__)[-2:])
        return "obscure", f"{type(error).__name__}: {error}"[:300] + where
    return "result", ""


def damaged(content: bytes, rng: Random) -> bytes:
    """Some bytes exchanged, cut off, doubled or put in."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        place = rng.randrange(len(data)) if rng.random() < 0.6 else rng.randrange(min(len(data), 64))
        data[place] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
    end = rng.randrange(len(data))
    filled = data[:end] + b"\0" * 99 + data[end:]
    return bytes(rng.choice([data, data, data[:end], data + data[end:], data[end:], filled]))


def _described(rng: Random) -> bytes:
    """A transforms.json of which some entries are odd, or the text damaged."""
    pose = [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]
    frames = [{"file_path": f"{n}.png", "transform_matrix": pose, "depth_file_path": f"{n}.npy"} for n in range(3)]
    data = {"fl_x": 64.0, "w": 64, "h": 64, "camera_model": "OPENCV", "frames": frames}
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.choice([data, *[f for f in frames if isinstance(f, dict)]])
        place[rng.choice([*place, "k1", "cx", "camera_angle_x", "ply_file_path", "is_fisheye"])] = rng.choice(_ODD)
    text = json.dumps(data).encode()
    return damaged(text, rng) if rng.random() < 0.3 else text


def _read_described(path: Path) -> None:
    data = transforms.parse(path.read_bytes())
    _ = data.poses, data.intrinsics((64, 64)), data.distortion(), data.scale, data.size(0)


def _picture(rng: Random) -> bytes:
    mode = rng.choice(["RGB", "RGBA", "L", "P", "1", "I;16", "LA"])
    file = io.BytesIO()
    Image.new(mode, (rng.choice([1, 7, 64]), rng.choice([1, 9, 64]))).save(file, rng.choice(["PNG", "PNG", "TIFF"]))
    return damaged(file.getvalue(), rng) if rng.random() < 0.8 else file.getvalue()


def _read_picture(path: Path) -> None:
    for read in (picture_files.picture_size, picture_files.read_picture, picture_files.read_mask):
        read(path)


def _array(rng: Random) -> bytes:
    shape = rng.choice([(4, 5), (1, 4, 5), (4, 5, 3), (0, 4), (4,), (), (2**3, 2**10)])
    array = np.ones(shape, rng.choice(["f4", "f8", "u2", "c8", "S3", "?", "f2", "i8"]))
    file = io.BytesIO()
    np.save(file, array)
    return damaged(file.getvalue(), rng) if rng.random() < 0.7 else file.getvalue()


def _archive(rng: Random) -> bytes:
    file = io.BytesIO()
    names = rng.choice([["depth"], ["a", "b"], []])
    held: dict[str, Any] = {name: np.zeros((rng.choice([1, 2, 2048]),) * 2) for name in names}
    np.savez_compressed(file, **held)
    return damaged(file.getvalue(), rng) if rng.random() < 0.7 else file.getvalue()


def _video(rng: Random) -> bytes:
    """Six frames with any time stamps, in one of several containers and codecs; perhaps damaged."""
    file, (form, codec) = io.BytesIO(), rng.choice([("matroska", "ffv1"), ("matroska", "libx264"), ("nut", "mpeg4")])
    times = sorted(rng.choice([0, 40, 80, 500, 10**5, 4 * 10**6, 10**9]) + 40 * n for n in range(rng.choice([0, 1, 6])))
    # An encoder may refuse such times; what was written until then is a file as well.
    with suppress(FFmpegError), av.open(file, "w", format=form) as out:
        rate = rng.choice([1, 25, 1000])
        stream = out.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for time_ in sorted({time_ * rate // 1000 for time_ in times}):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = time_, Fraction(1, rate)
            out.mux(stream.encode(frame))
        if times:
            out.mux(stream.encode())
    content = file.getvalue() or b"\0"
    return damaged(content, rng) if rng.random() < 0.5 else content


def _read_video(path: Path) -> None:
    """As far as a node would go that was asked for 2,000 frames."""
    file = footage.File(str(path))
    _ = file.about()
    for number, _ in enumerate(file.frames(0)):
        if number > 2000:
            break


def _state(rng: Random) -> bytes:
    """A state file that is damaged, or crafted with a right checksum."""
    curves = {name: torch.ones(2) for name in ("residual", "step_size", "time", "cost")}
    tensors = Saved(2, torch.arange(8.0), {"mean": torch.ones(8)}, curves, {}).tensors()
    about = {"format": FORMAT, "step": "2", "settings": "{}"}
    name = rng.choice(list(tensors))
    odd = [torch.ones(0), torch.full((3,), torch.nan), torch.ones(2, 2), torch.arange(3), torch.ones(())]
    if rng.random() < 0.5:
        tensors[name] = rng.choice(odd)
    elif rng.random() < 0.3:
        del tensors[name]
    if rng.random() < 0.4:
        about[rng.choice(list(about))] = rng.choice(["", "-1", "[]", "{", "1e9", "x" * 999, "null"])
    content = save({**tensors}, {**about, "checksum": checksum(tensors)})
    return damaged(content, rng) if rng.random() < 0.4 else content


KINDS: dict[str, tuple[Callable, Callable, str]] = {
    "transforms": (_described, _read_described, ".json"),
    "depth": (_picture, picture_files.read_depth, ".png"),
    "picture": (_picture, _read_picture, ".png"),
    "npy": (_array, array_files.read_array, ".npy"),
    "npz": (_archive, array_files.read_array, ".npz"),
    "video": (_video, _read_video, ".mkv"),
    "state": (_state, state_file.read, ".safetensors"),
}
