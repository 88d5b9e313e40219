"""A nerfstudio data set: a folder with pictures, perhaps depth and masks, and transforms.json."""

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..csd.geometry import Cameras
from . import picture_files, transforms
from .framing import framed
from .paths import existing, inside, plain
from .video_range import batched
from .view_set import Views

FILE = "transforms.json"
DEPTH_UNIT = 0.001  # nerfstudio's depth_unit_scale_factor: 16-bit pictures in millimetres, scenes in metres

Each = Callable[[Iterable], Iterable]  # goes through something, showing progress


def metadata(folder: Path) -> dict:
    """The parsed transforms.json of a set whose files are all there. ValueError where one is missing or outside."""
    data = transforms.parse(existing(folder, FILE).read_bytes())
    for name in (*transforms.names(data), *transforms.companions(data)):
        existing(folder, name)
    for name in transforms.names(data):
        if not picture_files.writable(folder / name):
            raise ValueError(f"{name}: got a format that cannot be written, expected .png or .jpg; convert the set.")
    return data


def read(folder: Path, longest: int, multiple: int, depth_unit: float = DEPTH_UNIT, each: Each = iter):
    """Pictures [N, h, w, 3] in 0 ... 1 and their Views.

    longest      the longest side of the pictures is scaled down to so many pixels; 0: as they are
    multiple     they are padded at the right and the bottom to a multiple of so many
    depth_unit   world units in one unit of the depth files
    """
    data = metadata(folder)
    names = transforms.names(data)
    size = _size(folder, data, names[0])
    framing = framed(size, "longest side" if longest else "source", longest, "pad", multiple)
    pictures = [framing.apply(_picture(folder, name, size)) for name in each(names)]
    intrinsics = _scaled(transforms.intrinsics(data, size), size, framing.scaled)
    views = Views(
        Cameras(intrinsics, transforms.poses(data), framing.frame),
        _maps(folder, data, "depth_file_path", picture_files.read_depth, framing),
        _maps(folder, data, "mask_path", picture_files.read_mask, framing),
        names,
        folder,
        data,
        framing,
    )
    unit = depth_unit * transforms.scale(data)
    return batched(pictures), views if views.depth is None else replace(views, depth=views.depth * unit)


def _size(folder: Path, data: dict, first: str) -> tuple[int, int]:
    """(height, width) of all pictures, as the first one has it and the file says."""
    size = tuple(picture_files.read_picture(existing(folder, first)).shape[:2])
    for number, name in enumerate(transforms.names(data)):
        said = transforms.size(data, number)
        if said not in (None, size):
            raise ValueError(
                f"transforms.json: got {said[1]} x {said[0]} pixels for {name}, but {first} has {size[1]} x {size[0]}; "
                "all views of a set must have one size, and the file must tell the right one."
            )
    return size


def _picture(folder: Path, name: str, size: tuple[int, int]) -> Tensor:
    picture = picture_files.read_picture(existing(folder, name))
    if tuple(picture.shape[:2]) != size:
        got = f"got {picture.shape[1]} x {picture.shape[0]} pixels"
        raise ValueError(f"{name}: {got}, expected {size[1]} x {size[0]} like the first view; split the set by size.")
    return picture


def _maps(folder: Path, data: dict, key: str, read_one, framing) -> Tensor | None:
    """Depth or masks [N, h, w] on the grid of the pictures; None where the set has none."""
    maps = [
        picture_files.nearest(read_one(existing(folder, name)), framing.scaled, framing.borders)
        for name in transforms.files(data, key)
    ]
    return torch.stack(maps) if maps else None


def _scaled(intrinsics: Tensor, size: tuple[int, int], scaled: tuple[int, int]) -> Tensor:
    """Intrinsics for pictures scaled from `size` to `scaled`."""
    factors = [scaled[1] / size[1], scaled[0] / size[0], 1.0]
    return torch.diag(torch.tensor(factors, dtype=intrinsics.dtype)) @ intrinsics


def write(folder: Path, views: Views, images: Tensor, each: Each = iter) -> None:
    """Write edited pictures [N, h, w, 3] and all that belongs to them into an empty folder.

    A set that came from a folder keeps its names, sizes, cameras, depth, masks and the very bytes of its
    transforms.json; one that was made in memory gets them written.
    """
    images = views.checked(images)
    if views.folder is None:
        _write_new(folder, views, images, each)
    else:
        _write_like(folder, views, images, each)


def _write_like(folder: Path, views: Views, images: Tensor, each: Each) -> None:
    source = views.folder
    if transforms.parse(existing(source, FILE).read_bytes()) != views.metadata:
        raise ValueError(f"transforms.json of {source.name!r} was changed since the views were loaded; load them anew.")
    for name in transforms.companions(views.metadata):
        _copy(existing(source, name), inside(folder, name))
    for image, name in each(list(zip(images, views.names, strict=True))):
        picture_files.write_picture(inside(folder, name), views.picture(image), existing(source, name))
    _copy(existing(source, FILE), folder / FILE)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write_new(folder: Path, views: Views, images: Tensor, each: Each) -> None:
    names = [_named("images", name, ".png") for name in views.names]
    cameras = views.cameras
    data = transforms.composed(tuple(names), cameras.camera_to_world, cameras.intrinsics, views.size)
    for number, name in enumerate(each(list(views.names))):
        frame = data["frames"][number]
        picture_files.write_picture(inside(folder, names[number]), views.picture(images[number]))
        if views.depth is not None:
            frame["depth_file_path"] = _named("depth", name, ".npy")
            picture_files.write_depth(inside(folder, frame["depth_file_path"]), views.depth[number] / DEPTH_UNIT)
        if views.masks is not None:
            frame["mask_path"] = _named("masks", name, ".png")
            picture_files.write_mask(inside(folder, frame["mask_path"]), views.masks[number])
    (folder / FILE).write_text(json.dumps(data, indent=2) + "\n")


def _named(kind: str, name: str, suffix: str) -> str:
    return f"{kind}/{plain(name)}{suffix}"
