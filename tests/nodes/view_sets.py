"""A data set on disk that is known by hand: four cameras on a line before a wall.

Camera i stands at x = i / 4 and looks along -z, without turning; the wall is at z = -2. With 64 pixels of focal length
a step to the side moves the wall by 64 / 4 / 2 = 8 pixels, which is one latent cell.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

COUNT, SIDE, FOCAL, WALL, STEP = 4, 64, 64.0, 2.0, 0.25


def pose(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> list[list[float]]:
    return [[1.0, 0.0, 0.0, x], [0.0, 1.0, 0.0, y], [0.0, 0.0, 1.0, z], [0.0, 0.0, 0.0, 1.0]]


def picture(number: int, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)


def wall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What is painted on the wall at places in world units: smooth enough to be compared after moving."""
    waves = [np.sin(3 * x + 5 * y), np.cos(4 * x - 3 * y), np.sin(7 * x)]
    return (127.5 + 127.5 * np.stack(waves, -1)).astype(np.uint8)


def described(count: int = COUNT, height: int = SIDE, width: int = SIDE, depth: str = ".png") -> dict:
    """The content of transforms.json, with some entries that nobody knows."""
    frames = [
        {
            "file_path": f"images/frame_{i:02}.png",
            "transform_matrix": pose(i * STEP),
            "colmap_im_id": 7 + i,
            "depth_file_path": f"depth/frame_{i:02}{depth}",
            "mask_path": f"masks/frame_{i:02}.png",
        }
        for i in range(count)
    ]
    lens = {"fl_x": FOCAL, "fl_y": FOCAL, "cx": width / 2, "cy": height / 2, "w": width, "h": height, "k1": 0.0}
    return {"camera_model": "OPENCV", **lens, "ply_file_path": "sparse.ply", "somebody's": [1, None], "frames": frames}


def write(folder: Path, data: dict | None = None, height: int = SIDE, width: int = SIDE) -> Path:
    """The files that `data` names. Depth of the wall in millimetres; masks are black in the upper half."""
    data = data or described(height=height, width=width)
    for number, frame in enumerate(data["frames"]):
        save(folder / frame["file_path"], picture(number, height, width))
        if "depth_file_path" in frame:
            save(folder / frame["depth_file_path"], np.full((height, width), 1000 * WALL))
        if "mask_path" in frame:
            mask = np.repeat(np.arange(height)[:, None] >= height // 2, width, 1)
            save(folder / frame["mask_path"], mask.astype(np.uint8) * 255)
    (folder / "sparse.ply").write_bytes(b"ply\nformat ascii 1.0\n")
    (folder / "transforms.json").write_text(json.dumps(data, indent=4))
    return folder


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez_compressed(path, depth=array)
    else:
        Image.fromarray(array if array.dtype == np.uint8 else array.astype(np.uint16)).save(path)
