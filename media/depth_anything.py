"""Views of pictures whose cameras and depth Depth Anything 3 has estimated (arXiv 2511.10647).

The host's node hands on a dictionary of tensors, for S pictures of H x W pixels:

    image        [S, H, W, 3] in 0 ... 1
    depth        [S, H, W] along the camera's axis; one unit of length for all pictures, which need not be a metre
    extrinsics   [1, S, 3 or 4, 4] from the world to the camera, axes as in OpenCV
    intrinsics   [1, S, 3, 3] in pixels of the size at which the model worked, counted from the corner of the picture
    confidence   [S, H, W] of the depth, 1 or more; not always there
    sky          [S, H, W] in 0 ... 1, how likely a pixel shows sky; not always there

It does not say the size at which the model worked. The principal point does. The model has it in the middle of the
picture, or estimates it near there, and the sides are multiples of 14.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..csd.geometry import Cameras
from ..csd.windows import Size
from .framing import Framing, framed, scaled_lens
from .picture_files import nearest
from .view_set import Views, numbered
from .work import Afford, Follow, unlimited

PATCH = 14
PINHOLE = torch.tensor([[1.0, 0, 1], [0, 1, 1], [0, 0, 0]], dtype=torch.float64)
"""1 at the focal lengths and at the principal point. The other numbers of a pinhole camera are the same for all."""
SKEWED = 0.05
"""How far products of a rotation's columns may be from those of axes. The model may compute in half precision."""
SHORTEST, LONGEST = 0.1, 30.0
"""Focal lengths in sides of the picture: angles of view from 1.9 to 157 degrees."""
ESTIMATED_BY = "connect Run Depth Anything 3 with the mode multiview and a Small or Base model"


def views(
    geometry: Mapping,
    longest: int,
    multiple: int,
    threshold: float,
    follow: Follow = iter,
    afford: Afford = unlimited,
) -> tuple[Tensor, Views]:
    """Pictures [S, h, w, 3] in 0 ... 1 and their Views.

    longest     largest side of the pictures in pixels; larger ones are scaled down; 0: no scaling
    multiple    sides are multiples of this many pixels; edges are cut off
    threshold   depth is unknown where the confidence is lower. 0 is the lowest of a picture and 1 the highest

    Depth is unknown in the sky, too. ValueError where `geometry` has no cameras or does not fit together.
    """
    pictures = _pictures(geometry)
    count, height, width, _ = pictures.shape
    framing = framed((height, width), "longest side" if longest else "source", longest, "crop", multiple)
    shown = f"{count} views of {framing.frame[1]} x {framing.frame[0]} pixels"
    afford(count * framing.frame[0] * framing.frame[1] * 40, shown, "lower `longest_side` or take fewer views")
    cameras = Cameras(framing.lens(_lenses(geometry, count, (height, width))), _poses(geometry, count), framing.frame)
    depth = _depth(geometry, (count, height, width), threshold)
    maps = torch.stack([nearest(one, framing.scaled, framing.borders) for one in follow(list(depth))])
    return _framed(pictures, framing, follow), Views(cameras, maps, None, numbered(count))


def _pictures(geometry: Mapping) -> Tensor:
    """[S, H, W, 3]. ValueError where there are not several, or the model looked at each by itself."""
    pictures, mode = _part(geometry, "image", (None, None, None, 3)), geometry.get("mode")
    if len(pictures) > 1 and isinstance(mode, str) and mode == "multiview":
        return pictures
    raise ValueError(
        f"da3_geometry: got {len(pictures)} pictures in the mode {str(mode)[:20]}, expected two or more in the mode "
        "multiview, for one by itself has no camera; choose it in Run Depth Anything 3, and give it a batch of views."
    )


def _framed(pictures: Tensor, framing: Framing, follow: Follow) -> Tensor:
    return torch.stack([framing.apply(picture.float()) for picture in follow(list(pictures))])


def _depth(geometry: Mapping, shape: tuple[int, ...], threshold: float) -> Tensor:
    """[S, H, W], 0 where it is unknown."""
    depth = _part(geometry, "depth", shape, finite=False).float()
    known = torch.isfinite(depth) & (depth > 0)
    if geometry.get("confidence") is not None and threshold:
        known &= _risen(_part(geometry, "confidence", shape)) >= threshold
    if geometry.get("sky") is not None:
        known &= _part(geometry, "sky", shape) < 0.5
    if not known.any():
        raise ValueError("da3_geometry: got no depth that counts; lower confidence_threshold, or take other pictures.")
    return torch.where(known, depth, 0)


def _risen(confidence: Tensor) -> Tensor:
    """Confidence [S, H, W] as a part of the way from the lowest to the highest of its picture; 1 where all is equal."""
    low, high = (end((1, 2), keepdim=True) for end in (confidence.amin, confidence.amax))
    return torch.where(high > low, (confidence - low) / (high - low), 1)


def _lenses(geometry: Mapping, count: int, size: Size) -> Tensor:
    """Intrinsics [S, 3, 3] for pictures of `size` (H, W), float64."""
    given = PINHOLE * _part(geometry, "intrinsics", (1, count, 3, 3))[0].double()
    given[:, 2, 2] = 1
    middle = given[:, :2, 2].median(0).values
    columns, rows = (PATCH * round(2 * float(place) / PATCH) for place in middle)
    if min(columns, rows) < PATCH:
        raise ValueError(f"da3_geometry: got intrinsics of no camera, expected estimated ones; {ESTIMATED_BY}.")
    lenses = scaled_lens(given, (rows, columns), size)
    focal = torch.stack([lenses[:, 0, 0] / size[1], lenses[:, 1, 1] / size[0]])
    if not ((focal > SHORTEST) & (focal < LONGEST)).all():
        raise ValueError(
            f"da3_geometry: got focal lengths of {float(focal.min()):.3g} to {float(focal.max()):.3g} sides of the "
            "picture; no camera was found. Try the other pose_method, or pictures that share more of the scene."
        )
    return lenses


def _poses(geometry: Mapping, count: int) -> Tensor:
    """Camera to world [S, 4, 4]. Rotations that are a little skewed are replaced by the nearest ones."""
    given = geometry.get("extrinsics")
    rows = given.shape[-2] if isinstance(given, Tensor) and given.ndim == 4 and given.shape[-2] == 4 else 3
    found = _part(geometry, "extrinsics", (1, count, rows, 4))[0].double()
    turn, move = found[:, :3, :3], found[:, :3, 3:]
    skew = (turn @ turn.mT - torch.eye(3).to(turn)).abs().max()
    if skew > SKEWED or (torch.linalg.det(turn) < 0).any():
        raise ValueError(f"da3_geometry: got extrinsics that scale, skew or mirror, expected poses; {ESTIMATED_BY}.")
    u, _, v = torch.linalg.svd(turn)
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    poses[:, :3, :3] = (u @ v).mT
    poses[:, :3, 3:] = -(u @ v).mT @ move
    return poses.float()


def _part(geometry: Mapping, name: str, shape: tuple[int | None, ...], finite: bool = True) -> Tensor:
    """A tensor of the dictionary. None in `shape` stands for any number above zero."""
    part = geometry.get(name)
    expected = " x ".join("any" if side is None else str(side) for side in shape)
    if not isinstance(part, Tensor) or not part.is_floating_point():
        raise ValueError(f"da3_geometry: got no tensor of numbers as {name}, expected {expected}; {ESTIMATED_BY}.")
    fits = part.ndim == len(shape) and all(want in (None, side) for want, side in zip(shape, part.shape))
    if not fits or not part.numel():
        got = " x ".join(map(str, part.shape))
        raise ValueError(f"da3_geometry: got {name} of {got} numbers, expected {expected}; {ESTIMATED_BY}.")
    if finite and not torch.isfinite(part).all():
        raise ValueError(f"da3_geometry: got {name} with NaN or infinite numbers; run the model in fp32.")
    return part.cpu()
