"""transforms.json, the cameras of a nerfstudio data set.

    frames   one entry a view: file_path, transform_matrix and, for all or for none, depth_file_path and mask_path
    lens     fl_x, fl_y, cx, cy, w, h (or camera_angle_x), for the whole set or in every frame

Axes: transform_matrix takes camera to world coordinates with OpenGL's camera, x right, y up, z backwards. Ours are
OpenCV's, x right, y down, z forwards: the second and third column change sign. The world is the same.
Pixels: cx and cy are measured from the picture's corner, so the middle of the first pixel is at 0.5.
"""

import json
import math

import torch
from torch import Tensor

from .paths import plain

AXES = torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)  # OpenGL <-> OpenCV
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
PINHOLE = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")


def parse(text: bytes) -> dict:
    """The content of a transforms.json, with at least one frame, each with a file and a pose."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"transforms.json: got a file that is not JSON ({error}); write it anew.") from error
    frames = data.get("frames") if isinstance(data, dict) else None
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, dict) for frame in frames):
        raise ValueError("transforms.json: got no list of `frames`, expected at least one frame.")
    names(data)
    poses(data)
    return data


def names(data: dict) -> tuple[str, ...]:
    """Paths of the pictures, each once."""
    found = files(data, "file_path")
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise ValueError(f"transforms.json: got {', '.join(twice)} in several frames, expected every picture once.")
    return found


def files(data: dict, key: str) -> tuple[str, ...]:
    """Paths that the frames have under `key`: one for each, or none at all where no frame has one."""
    frames = data["frames"]
    missing = [i for i, frame in enumerate(frames) if key not in frame]
    if len(missing) == len(frames) and key != "file_path":
        return ()
    if missing:
        raise ValueError(
            f"transforms.json: got no {key} in {len(missing)} of {len(frames)} frames (number {missing[0]}, counted "
            "from 0, is the first), expected one in every frame."
        )
    return tuple(_path(frame[key], f"{key} of frame {i}") for i, frame in enumerate(frames))


def companions(data: dict) -> tuple[str, ...]:
    """Every other file that belongs to the set: depth, masks, point clouds and whatever else has a path."""
    entries = [data, *data["frames"]]
    found = [(key, value) for entry in entries for key, value in entry.items() if key.endswith("_path")]
    return tuple(dict.fromkeys(_path(value, key) for key, value in found if key != "file_path"))


def _path(value, what: str) -> str:
    try:
        return plain(value)
    except ValueError as error:
        raise ValueError(f"transforms.json: {what}: {error}") from error


def poses(data: dict) -> Tensor:
    """Camera to world, OpenCV axes: [N, 4, 4], float64."""
    return torch.stack([_pose(i, frame.get("transform_matrix")) for i, frame in enumerate(data["frames"])])


def _pose(number: int, rows) -> Tensor:
    try:
        matrix = torch.tensor(rows, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        matrix = torch.zeros(0)
    if tuple(matrix.shape) not in ((3, 4), (4, 4)) or not torch.isfinite(matrix).all():
        raise ValueError(
            f"transforms.json: got {str(rows)[:80]} as transform_matrix of frame {number}, expected 4 rows of 4 finite "
            "numbers."
        )
    last = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    return torch.cat([matrix[:3], last]) * AXES


def size(data: dict, number: int) -> tuple[int, int] | None:
    """(height, width) of a frame's picture, if the file says so."""
    height, width = (_number(data, data["frames"][number], key) for key in ("h", "w"))
    return None if height is None or width is None else (round(height), round(width))


def intrinsics(data: dict, picture: tuple[int, int]) -> Tensor:
    """[N, 3, 3] in pixels of pictures of `picture` (height, width), float64."""
    return torch.stack([_intrinsics(data, i, picture) for i in range(len(data["frames"]))])


def _intrinsics(data: dict, number: int, picture: tuple[int, int]) -> Tensor:
    frame, (height, width) = data["frames"][number], picture
    given = (_focal(data, frame, "x", width), _focal(data, frame, "y", height))
    fx, fy = (next((length for length in pair if length is not None), 0.0) for pair in (given, given[::-1]))
    if fx <= 0 or fy <= 0:
        raise ValueError(
            f"transforms.json: got no focal length above zero for frame {number}; give fl_x (pixels) or camera_angle_x "
            "(radians), for the set or in every frame."
        )
    cx, cy = _number(data, frame, "cx"), _number(data, frame, "cy")
    centre = (width / 2 if cx is None else cx, height / 2 if cy is None else cy)
    return torch.tensor([[fx, 0, centre[0]], [0, fy, centre[1]], [0, 0, 1]], dtype=torch.float64)


def _focal(data: dict, frame: dict, axis: str, pixels: int) -> float | None:
    length, angle = (_number(data, frame, f"{name}_{axis}") for name in ("fl", "camera_angle"))
    if length is not None or angle is None or not 0 < angle < math.pi:
        return length
    return 0.5 * pixels / math.tan(0.5 * angle)


def _number(data: dict, frame: dict, key: str) -> float | None:
    """A number of the set, or else of the frame; None where neither has it."""
    value = data.get(key, frame.get(key))
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:  # so that NaN fails
        raise ValueError(f"transforms.json: got {value!r} as {key}, expected a finite number.")
    return float(value)


def scale(data: dict) -> float:
    """World units of the poses in one unit of the scene before it was scaled; depth is measured in the latter."""
    return _number(data, {}, "applied_scale") or 1.0


def distortion(data: dict) -> str:
    """Why the lens is not a pinhole, in words; empty where it is one."""
    for entry in (data, *data.get("frames", ())):
        model = entry.get("camera_model", "PINHOLE")
        if model not in PINHOLE or entry.get("is_fisheye"):
            return f"the camera model {model}" if model not in PINHOLE else "a fisheye lens"
        parameters = entry.get("distortion_params")
        bent = [key for key in DISTORTION if entry.get(key)]
        bent += ["distortion_params"] if isinstance(parameters, list) and any(parameters) else []
        if bent:
            return f"lens distortion ({', '.join(bent)})"
    return ""


def composed(names: tuple[str, ...], camera_to_world: Tensor, intrinsics: Tensor, picture: tuple[int, int]) -> dict:
    """The content of a transforms.json for cameras as `poses` and `intrinsics` give them."""
    height, width = picture
    frames = []
    for name, pose, K in zip(names, (camera_to_world.double() * AXES).tolist(), intrinsics.tolist(), strict=True):
        lens = {"fl_x": K[0][0], "fl_y": K[1][1], "cx": K[0][2], "cy": K[1][2]}
        frames.append({"file_path": name, **lens, "transform_matrix": pose})
    return {"camera_model": "OPENCV", "w": width, "h": height, "frames": frames}
