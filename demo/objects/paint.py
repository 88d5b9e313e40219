"""Pictures of objects, by casting rays. Each pixel is the mean of several rays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...csd.geometry import Cameras
from .parts import Part

FINE = 2  # rays across a pixel
SUN = np.array([0.45, 0.70, 0.55], np.float32)  # towards the light
DIM, SKY = 0.42, 0.10  # brightness in shade, and what the sky adds from above


@dataclass(frozen=True, eq=False)
class View:
    """A picture of an object over nothing.

    colour   ``[H, W, 3]``, zero where nothing is
    alpha    ``[H, W]``, how much of a pixel the object fills, 0..1
    depth    ``[H, W]`` along the camera's z axis in world units, of what fills the pixel; 0 where nothing does
    """

    colour: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray

    def over(self, background: float | Sequence[float] | np.ndarray) -> np.ndarray:
        """float32 ``[H, W, 3]`` in 0..1 over a colour."""
        return self.colour + (1 - self.alpha[..., None]) * np.asarray(background, np.float32)


def painted(parts: Sequence[Part], cameras: Cameras, view: int) -> View:
    """The object as one of the cameras sees it."""
    height, width = cameras.size
    y, x = torch.meshgrid(*(_between_pixels(side) for side in (height, width)), indexing="ij")
    pose = cameras.camera_to_world[view]
    rays = cameras.rays(torch.tensor([view]), torch.stack([x, y], -1))[0].flatten(0, 1) @ pose[:3, :3].T
    length = rays.norm(dim=1, keepdim=True)
    t, colour = _cast(parts, pose[:3, 3].numpy(), (rays / length).numpy())
    t = t / length[:, 0].numpy()  # depth along the camera's z axis
    hit = np.isfinite(t).astype(np.float32)
    shape = (height, FINE, width, FINE, -1)
    alpha, deep, mixed = (
        part.reshape(shape).mean((1, 3)) for part in (hit, np.where(hit > 0, t, 0), colour * hit[:, None])
    )
    return View(mixed, alpha[..., 0], (deep / np.maximum(alpha, 1e-6))[..., 0])


def _between_pixels(side: int) -> torch.Tensor:
    """Places of the rays along one side; whole numbers are the centres of pixels."""
    return (torch.arange(side * FINE) + 0.5) / FINE - 0.5


def _cast(parts: Sequence[Part], o: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """t of the nearest part ``[P]``, and its shaded colour ``[P, 3]``."""
    nearest, colour = np.full(len(d), np.inf, np.float32), np.zeros((len(d), 3), np.float32)
    for part in parts:
        rays, t, normals, paint = part.hits(o, d)
        closer = t < nearest[rays]
        rays = rays[closer]
        nearest[rays] = t[closer]
        colour[rays] = paint[closer] * _light(normals[closer])[:, None]
    return nearest, colour.clip(0, 1)


def _light(normals: np.ndarray) -> np.ndarray:
    """Brightness of surfaces: half of it from the sun, softly, the rest from everywhere."""
    facing = normals @ (SUN / np.linalg.norm(SUN))
    return DIM + (1 - DIM) * ((1 + facing) / 2) ** 1.3 + SKY * normals[:, 1]
