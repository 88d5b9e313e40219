"""Viewpoints as 3D viewers describe them: the type LOAD3D_CAMERA on links, a dictionary.

    position, target   {x, y, z} in world units
    quaternion         {x, y, z, w} of the camera's axes. Not there: it looks at the target, without roll
    fov                degrees. Of the shorter side of a picture, as the host's own renderer of splats takes it
    zoom               by which the focal length is multiplied
    cameraType         perspective or orthographic

Older versions of the host give neither quaternion nor fov.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

import torch
from torch import Tensor
from torch.nn.functional import normalize

from .projection import rotation_matrices
from .viewpoint import FIELD_OF_VIEW, Viewpoint, looking

LARGEST = 1e12  # of a number, so that squares are finite
MADE_BY = "connect the camera_info of a 3D viewer or of Create Camera Info"


def read(info: Mapping) -> Viewpoint:
    """What a dictionary describes. ValueError where it is no camera, or an orthographic one."""
    kind = info.get("cameraType", "perspective")
    if not isinstance(kind, str) or kind != "perspective":
        raise _refused("cameraType", kind, "perspective", "switch the camera of the viewer")
    position = _vector(info, "position", "xyz")
    target = _vector(info, "target", "xyz") if _has(info, "target") else torch.zeros_like(position)
    fov = _number(info, "fov", FIELD_OF_VIEW, 0.1, 179.0)
    zoom = _number(info, "zoom", 1.0, 1e-3, 1e3)
    angle = 2 * math.degrees(math.atan(math.tan(math.radians(fov) / 2) / zoom))
    return Viewpoint(position, target, _axes(info, position, target), angle)


def _axes(info: Mapping, position: Tensor, target: Tensor) -> Tensor:
    if _has(info, "quaternion"):
        quaternion = _vector(info, "quaternion", "wxyz")
        if float(quaternion.norm()) < 1e-3:
            raise _refused("quaternion", "zeros", "one of length 1", MADE_BY)
        return rotation_matrices(quaternion[None])[0]
    if float((position - target).norm()) < 1e-6:
        raise _refused("position", "the place of the target", "another place", "move the camera")
    return looking(position - target)


def described(view: Viewpoint) -> dict[str, Any]:
    """A viewpoint as a dictionary that every version of the host takes."""
    places = {"position": view.position, "target": view.target}
    w, x, y, z = quaternion(view.axes).tolist()
    return {
        **{name: dict(zip("xyz", place.tolist())) for name, place in places.items()},
        "quaternion": {"x": x, "y": y, "z": z, "w": w},
        "fov": view.field_of_view,
        "zoom": 1.0,
        "cameraType": "perspective",
    }


def quaternion(rotation: Tensor) -> Tensor:
    """(w, x, y, z) of a rotation [3, 3].

    Sums of the rotation's numbers are four times the products of the quaternion's. Each row of these products is a
    multiple of the quaternion. The one with the largest square loses the least by rounding.
    """
    (a, b, c), (d, e, f), (g, h, i) = rotation.tolist()
    products = [
        [1 + a + e + i, h - f, c - g, d - b],
        [h - f, 1 + a - e - i, d + b, c + g],
        [c - g, d + b, 1 - a + e - i, h + f],
        [d - b, c + g, h + f, 1 - a - e + i],
    ]
    rows = rotation.new_tensor(products)
    return normalize(rows[rows.diagonal().argmax()], dim=0)


def _has(info: Mapping, name: str) -> bool:
    return info.get(name) is not None and not (isinstance(info[name], Mapping) and not info[name])


def _vector(info: Mapping, name: str, axes: str) -> Tensor:
    given = info.get(name)
    numbers = [given.get(axis) for axis in axes] if isinstance(given, Mapping) else []
    finite = [float(number) for number in numbers if _finite(number)]
    if len(finite) != len(axes):
        raise _refused(name, given, f"finite numbers {', '.join(axes)}", MADE_BY)
    return torch.tensor(finite, dtype=torch.float64)


def _number(info: Mapping, name: str, otherwise: float, low: float, high: float) -> float:
    given = info.get(name)
    if given is None:
        return otherwise
    if not _finite(given) or not low <= given <= high:
        raise _refused(name, given, f"a number from {low:g} to {high:g}", MADE_BY)
    return float(given)


def _finite(number) -> TypeGuard[float]:
    return isinstance(number, (int, float)) and not isinstance(number, bool) and abs(number) < LARGEST


def _refused(name: str, given, expected: str, turn: str) -> ValueError:
    shown = str(given)[:60] if isinstance(given, (str, int, float, Mapping)) else f"a {type(given).__name__}"
    shown = "nothing" if given is None else shown
    return ValueError(f"camera_info: got {shown} as {name}, expected {expected}; {turn}.")
