"""A view set as a folder in nerfstudio's format: pictures and transforms.json, with or without depth and masks."""

import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..csd.geometry import Cameras
from . import picture_files, transforms
from .framing import Framing, framed
from .paths import existing, inside, plain
from .transforms import Transforms
from .video_range import batched
from .view_set import Views
from .work import Afford, Follow, unlimited

FILE = "transforms.json"
_MAPS = ("depth_file_path", "mask_path")
DEPTH_UNIT = 0.001  # nerfstudio's depth_unit_scale_factor: 16-bit pictures in millimetres, scenes in metres


def described(folder: Path) -> Path:
    """The path of a folder's transforms.json. ValueError where it is missing or too large. It is not read."""
    path = existing(folder, FILE)
    if path.stat().st_size > transforms.LARGEST:
        raise ValueError(
            f"transforms.json: got a file of {path.stat().st_size:,} bytes, expected at most {transforms.LARGEST:,}; "
            "split the set."
        )
    return path


def metadata(folder: Path, follow: Follow = iter) -> Transforms:
    """The parsed transforms.json of a set. ValueError where a file that it names is missing or outside the folder."""
    data = transforms.parse(described(folder).read_bytes())
    for name in follow((*data.names, *data.companions)):
        existing(folder, name)
    for name in data.names:
        if not picture_files.writable(folder / name):
            raise ValueError(f"{name}: got a format that cannot be written, expected .png or .jpg; convert the set.")
    return data


def read(
    folder: Path,
    longest: int,
    multiple: int,
    depth_unit: float = DEPTH_UNIT,
    follow: Follow = iter,
    afford: Afford = unlimited,
):
    """Pictures [N, h, w, 3] in 0 ... 1 and their Views.

    longest      largest side of the pictures in pixels; larger ones are scaled down; 0: no scaling
    multiple     pictures are padded at the right and at the bottom to a multiple of this many pixels
    depth_unit   how many world units one unit of the depth files is
    """
    data = metadata(folder, follow)
    size = _size(folder, data, follow)
    largest = _largest(folder, data, size, follow)
    framing = framed(size, "longest side" if longest else "source", longest, "pad", multiple)
    _weigh(data, framing, largest, afford)
    pictures = [framing.apply(picture_files.read_picture(existing(folder, name))) for name in follow(data.names)]
    views = Views(
        Cameras(framing.lens(data.intrinsics(size)), data.poses, framing.frame),
        _maps(folder, data, "depth_file_path", picture_files.read_depth, framing, follow),
        _maps(folder, data, "mask_path", picture_files.read_mask, framing, follow),
        data.names,
        folder,
        data,
        framing,
    )
    unit = depth_unit * data.scale
    return batched(pictures), views if views.depth is None else replace(views, depth=views.depth * unit)


def _size(folder: Path, data: Transforms, follow: Follow) -> tuple[int, int]:
    """(height, width) of all pictures. ValueError where they differ, or where transforms.json says otherwise."""
    first = data.names[0]
    size = picture_files.picture_size(existing(folder, first))
    for number in range(len(data.names)):
        said = data.size(number)
        if said not in (None, size):
            raise ValueError(
                f"transforms.json: got {said[1]} x {said[0]} pixels for {data.names[number]}, but {first} has "
                f"{size[1]} x {size[0]}; all views of a set must have one size, and the file must tell the right one."
            )
    clear = 0
    for name in follow(data.names):
        path = existing(folder, name)
        found = picture_files.picture_size(path)
        clear += picture_files.is_transparent(path)
        if found != size:
            raise ValueError(
                f"{name}: got {found[1]} x {found[0]} pixels, expected {size[1]} x {size[0]} like the first view; "
                "split the set by size."
            )
    if clear:
        logging.info("%d pictures have transparency. It is left out here, and put back when they are saved.", clear)
    return size


def _largest(folder: Path, data: Transforms, size: tuple[int, int], follow: Follow) -> int:
    """Pixels of the largest picture, depth map or mask. ValueError where a map does not fit its picture."""
    largest = size[0] * size[1]
    for name in follow([name for key in _MAPS for name in data.files(key)]):
        height, width = picture_files.picture_size(existing(folder, name))
        _refuse_stretched(name, (height, width), size)
        largest = max(largest, height * width)
    return largest


def _weigh(data: Transforms, framing: Framing, largest: int, afford: Afford) -> None:
    """Weighs the memory of all views, and that of the picture of `largest` pixels while it is read."""
    maps = sum(bool(data.files(key)) for key in _MAPS)
    (height, width), count = framing.frame, len(data.names)
    size = count * height * width * 4 * (3 + 2 * maps) + largest * 24
    afford(size, f"{count} views of {width} x {height} pixels", "lower `longest_side` or take fewer views")


def _maps(folder: Path, data: Transforms, key: str, read_one: Callable, framing: Framing, follow: Follow):
    """Depth or masks [N, h, w] on the grid of the pictures; None where the set has none."""
    maps = [
        picture_files.nearest(read_one(existing(folder, name)), framing.scaled, framing.borders)
        for name in follow(data.files(key))
    ]
    return torch.stack(maps) if maps else None


def _refuse_stretched(name: str, size: tuple[int, int], picture: tuple[int, int]) -> None:
    """Refuses a map with other proportions than its picture, up to one cell. It may be coarser or finer."""
    (height, width), (tall, wide) = size, picture
    if abs(height * wide - width * tall) >= max(tall, wide):
        raise ValueError(
            f"{name}: got {width} x {height} numbers for a picture of {wide} x {tall} pixels, expected the same sides "
            "or the same proportions, since it would be stretched; make it again from the picture."
        )


def write(folder: Path, views: Views, images: Tensor, follow: Follow = iter) -> None:
    """Writes edited pictures [N, h, w, 3] and all that belongs to them into an empty folder.

    A set that came from a folder keeps its names, sizes, cameras, depth and masks. Its transforms.json is the same to
    the byte. For a set that was made in memory, all of these are written.
    """
    images = views.checked(images)
    if views.folder is None or views.metadata is None:
        _write_new(folder, views, images, follow)
    else:
        _copy_companions(folder, views.folder, views.metadata, follow)
        _write_like(folder, views.folder, views, images, follow)


def _copy_companions(folder: Path, source: Path, metadata: Transforms, follow: Follow) -> None:
    if transforms.digest(described(source).read_bytes()) != metadata.digest:
        raise ValueError(f"transforms.json of {source.name!r} was changed since the views were loaded; reload them.")
    for name in follow(metadata.companions):
        _copy(existing(source, name), inside(folder, name), follow)


def _write_like(folder: Path, source: Path, views: Views, images: Tensor, follow: Follow) -> None:
    for image, name in follow(list(zip(images, views.names, strict=True))):
        picture_files.write_picture(inside(folder, name), views.picture(image), existing(source, name))
        os.utime(folder)
    _copy(existing(source, FILE), folder / FILE, follow)


def _copy(source: Path, target: Path, follow: Follow, part: int = 2**24) -> None:
    """Copies a file in parts, so that it can be cancelled in between."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as old, target.open("wb") as new:
        for bytes_ in follow(iter(lambda: old.read(part), b"")):
            new.write(bytes_)


def _write_new(folder: Path, views: Views, images: Tensor, follow: Follow) -> None:
    names, cameras = pictures(views), views.cameras
    data = transforms.composed(names, cameras.camera_to_world, cameras.intrinsics, views.size)
    for number, name in enumerate(follow(list(views.names))):
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


def pictures(views: Views) -> tuple[str, ...]:
    """Where `write` puts the pictures of views, below their folder."""
    return views.names if views.folder else tuple(_named("images", name, ".png") for name in views.names)


def all_files(folder: Path) -> tuple[str, ...]:
    """Names of all files of a set, whether or not they are there."""
    data = transforms.parse(described(folder).read_bytes())
    return (FILE, *data.names, *data.companions)
