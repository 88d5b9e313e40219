"""transforms.json, the cameras of a nerfstudio data set.

    frames   one entry per view: file_path and transform_matrix; depth_file_path and mask_path for all views or none
    lens     fl_x, fl_y, cx, cy, w, h (or camera_angle_x), for the whole set or in every frame

Axes: transform_matrix turns camera coordinates into world coordinates. Its camera axes are OpenGL's: x right, y up, z
backwards. Ours are OpenCV's: x right, y down, z forwards. So the second and the third column change sign. World axes
are the same.

Pixels: cx and cy are measured from the corner of the picture, so the middle of the first pixel is at 0.5.

Reading takes time and memory in proportion to the file. At most `LARGEST` bytes and `MOST` frames are read.
"""

import hashlib
import math
from collections import Counter
from functools import cached_property
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError
from torch import Tensor

from .paths import plain

AXES = torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)  # OpenGL <-> OpenCV
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
PINHOLE = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")
LARGEST, MOST = 2**25, 100_000

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Row = Annotated[list[Number], Field(min_length=4, max_length=4)]
EXPECTED = {
    "frames": "a list of at least one frame",
    "transform_matrix": "4 rows of 4 finite numbers",
    "file_path": "the path of a file",
    "depth_file_path": "the path of a file",
    "mask_path": "the path of a file",
    "camera_model": "the name of a camera model",
    "is_fisheye": "true or false",
    "distortion_params": "a list of finite numbers",
}


class Lens(BaseModel):
    """Entries that stand either for the whole set or in each frame. Unknown entries are kept."""

    model_config = ConfigDict(extra="allow", strict=True)

    fl_x: Number | None = None
    fl_y: Number | None = None
    cx: Number | None = None
    cy: Number | None = None
    w: Number | None = None
    h: Number | None = None
    camera_angle_x: Number | None = None
    camera_angle_y: Number | None = None
    camera_model: str | None = None
    is_fisheye: bool | None = None
    distortion_params: list[Number] | None = None
    k1: Number | None = None
    k2: Number | None = None
    k3: Number | None = None
    k4: Number | None = None
    p1: Number | None = None
    p2: Number | None = None

    def bent(self) -> str:
        """In words, why the lens is no pinhole; empty if it is one."""
        if self.camera_model not in (None, *PINHOLE):
            return f"the camera model {self.camera_model}"
        if self.is_fisheye:
            return "a fisheye lens"
        bent = [key for key in DISTORTION if getattr(self, key)]
        bent += ["distortion_params"] if any(self.distortion_params or ()) else []
        return f"lens distortion ({', '.join(bent)})" if bent else ""


class Frame(Lens):
    """One view."""

    file_path: str | None = None
    transform_matrix: Annotated[list[Row], Field(min_length=3, max_length=4)]
    depth_file_path: str | None = None
    mask_path: str | None = None


class Transforms(Lens):
    """A transforms.json. It has at least one frame. Each frame has a pose and a picture of its own."""

    frames: Annotated[list[Frame], Field(min_length=1, max_length=MOST)]
    applied_scale: Number | None = None
    _digest: str = PrivateAttr("")

    @property
    def digest(self) -> str:
        """A hash of the file's bytes."""
        return self._digest

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Paths of the pictures. ValueError where a path comes twice."""
        found = self.files("file_path")
        twice = sorted(name for name, times in Counter(found).items() if times > 1)
        if twice:
            shown = ", ".join(twice[:3]) + (f" and {len(twice) - 3} more" if len(twice) > 3 else "")
            raise ValueError(f"transforms.json: got {shown} in several frames, expected every picture once.")
        return found

    def files(self, key: str) -> tuple[str, ...]:
        """The paths under `key`, one for each frame; empty if no frame has one. ValueError if only some have one."""
        paths = [getattr(frame, key) for frame in self.frames]
        missing = [number for number, path in enumerate(paths) if path is None]
        if len(missing) == len(paths) and key != "file_path":
            return ()
        if missing:
            raise ValueError(
                f"transforms.json: got no {key} in {len(missing)} of {len(paths)} frames (number {missing[0]}, counted "
                "from 0, is the first), expected one in every frame."
            )
        return tuple(_path(path, f"{key} of frame {number}") for number, path in enumerate(paths))

    @cached_property
    def companions(self) -> tuple[str, ...]:
        """All other files of the set: depth, masks, point clouds, and whatever else is named under a `*_path`."""
        entries = [(self, "the set"), *((frame, f"frame {number}") for number, frame in enumerate(self.frames))]
        found = ((key, value, where) for entry, where in entries for key, value in _paths(entry))
        return tuple(dict.fromkeys(_path(value, f"{key} of {where}") for key, value, where in found))

    @property
    def poses(self) -> Tensor:
        """Camera to world, OpenCV axes: [N, 4, 4], float64."""
        rows = torch.tensor([frame.transform_matrix[:3] for frame in self.frames], dtype=torch.float64)
        last = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64).expand(len(rows), 1, 4)
        return torch.cat([rows, last], 1) * AXES

    def size(self, number: int) -> tuple[int, int] | None:
        """(height, width) of a frame's picture, as the file says; None if it does not."""
        height, width = (self._number(self.frames[number], key) for key in ("h", "w"))
        return None if height is None or width is None else (round(height), round(width))

    def intrinsics(self, picture: tuple[int, int]) -> Tensor:
        """[N, 3, 3], float64, for pictures of size `picture` (height, width) in pixels."""
        rows = [self._intrinsics(number, picture) for number in range(len(self.frames))]
        return torch.tensor(rows, dtype=torch.float64)

    def _intrinsics(self, number: int, picture: tuple[int, int]) -> list[list[float]]:
        frame, (height, width) = self.frames[number], picture
        given = (self._focal(frame, "x", width), self._focal(frame, "y", height))
        fx, fy = (next((length for length in pair if length is not None), 0.0) for pair in (given, given[::-1]))
        if fx <= 0 or fy <= 0:
            raise ValueError(
                f"transforms.json: got no focal length above zero for frame {number}; give fl_x (pixels) or "
                "camera_angle_x (radians), for the set or in every frame."
            )
        cx, cy = self._number(frame, "cx"), self._number(frame, "cy")
        return [[fx, 0, width / 2 if cx is None else cx], [0, fy, height / 2 if cy is None else cy], [0, 0, 1]]

    def _focal(self, frame: Frame, axis: str, pixels: int) -> float | None:
        length, angle = (self._number(frame, f"{name}_{axis}") for name in ("fl", "camera_angle"))
        if length is not None or angle is None or not 0 < angle < math.pi:
            return length
        return 0.5 * pixels / math.tan(0.5 * angle)

    def _number(self, frame: Frame, key: str) -> float | None:
        """A number of the set, or else of the frame; None if neither has it."""
        whole = getattr(self, key)
        return getattr(frame, key) if whole is None else whole

    @property
    def scale(self) -> float:
        """World units per unit of the scene before it was scaled. Depth files are in units before scaling."""
        return self.applied_scale or 1.0

    def distortion(self) -> str:
        """In words, why the first lens that is no pinhole is none; empty if all are pinholes."""
        return next((words for words in (entry.bent() for entry in (self, *self.frames)) if words), "")


def parse(text: bytes) -> Transforms:
    """The parsed file, with paths and poses checked. ValueError says what is wrong, and where."""
    if len(text) > LARGEST:
        raise ValueError(f"transforms.json: got a file of {len(text):,} bytes, expected at most {LARGEST:,}; split it.")
    try:
        data = Transforms.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(_message(dict(error.errors(include_url=False, include_context=False)[0]))) from None
    data._digest = digest(text)
    _ = data.names, data.companions
    return data


def digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _message(error: dict) -> str:
    """The first error of pydantic in the words of this extension."""
    place, value = error["loc"], error["input"]
    if error["type"] == "json_invalid":
        return f"transforms.json: got a file that is not JSON ({error['msg']}); write it again."
    if len(place) < 2 and (not place or place[0] == "frames"):
        return f"transforms.json: got no list of `frames`, expected 1 to {MOST:,} frames ({error['msg']})."
    if place[0] != "frames":
        expected = EXPECTED.get(place[0], "a finite number")
        return f"transforms.json: got {_shown(value)} as {place[0]}, expected {expected}."
    if len(place) == 2:
        return f"transforms.json: got no list of `frames`: frame {place[1]} is {_shown(value)}, expected an object."
    value = None if error["type"] == "missing" else value
    expected = EXPECTED.get(place[2], "a finite number")
    return f"transforms.json: got {_shown(value)} as {place[2]} of frame {place[1]}, expected {expected}."


def _shown(value) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bool, list, type(None))) else type(value).__name__
    return text if len(text) <= 80 else text[:80] + "..."


def _paths(entry: Lens) -> list[tuple[str, object]]:
    """Keys that end in _path, with their values, apart from the picture's."""
    known = {key: getattr(entry, key) for key in ("depth_file_path", "mask_path") if getattr(entry, key, None)}
    more = {key: value for key, value in (entry.model_extra or {}).items() if key.endswith("_path")}
    return list({**known, **more}.items())


def _path(value, what: str) -> str:
    try:
        return plain(value)
    except ValueError as error:
        raise ValueError(f"transforms.json: {what}: {error}") from error


def composed(names: tuple[str, ...], camera_to_world: Tensor, intrinsics: Tensor, picture: tuple[int, int]) -> dict:
    """The content of a transforms.json, from cameras in the form of `poses` and `intrinsics`."""
    height, width = picture
    frames = []
    for name, pose, K in zip(names, (camera_to_world.double() * AXES).tolist(), intrinsics.tolist(), strict=True):
        lens = {"fl_x": K[0][0], "fl_y": K[1][1], "cx": K[0][2], "cy": K[1][2]}
        frames.append({"file_path": name, **lens, "transform_matrix": pose})
    return {"camera_model": "OPENCV", "w": width, "h": height, "frames": frames}
