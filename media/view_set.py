"""Views of one scene: everything apart from their pictures."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..csd.geometry import Cameras
from .framing import Framing
from .transforms import Transforms


def numbered(count: int) -> tuple[str, ...]:
    """Names of views that have none of their own."""
    return tuple(f"view_{number:03}" for number in range(1, count + 1))


@dataclass(frozen=True)
class Views:
    """N views, in the order of their pictures.

    cameras    for pictures of cameras.size pixels
    depth      [N, H, W] along the camera's z axis, in world units; 0 where unknown. None: no depth
    masks      [N, H, W] in 0 ... 1, 1 where a picture counts. None: it counts everywhere
    names      a name for each view, no name twice: the path of its file below the folder, or any word
    folder     where the set came from; None for views made in memory
    metadata   the parsed transforms.json of that folder; None if there is none
    framing    how the pictures of the folder were scaled and padded; None: not at all
    """

    cameras: Cameras
    depth: Tensor | None
    masks: Tensor | None
    names: tuple[str, ...]
    folder: Path | None = None
    metadata: Transforms | None = None
    framing: Framing | None = None

    def __post_init__(self):
        if not self.names or len(set(self.names)) != len(self.names):
            raise ValueError(f"views: got the names {self.names}, expected at least one view and each name once.")
        poses = tuple(self.cameras.camera_to_world.shape)
        if poses != (self.count, 4, 4) or tuple(self.cameras.intrinsics.shape) != (self.count, 3, 3):
            raise ValueError(f"views: got poses of shape {poses} for {self.count} names, expected one camera for each.")
        for name, maps in (("depth", self.depth), ("masks", self.masks)):
            expected = (self.count, *self.cameras.size)
            if maps is not None and tuple(maps.shape) != expected:
                raise ValueError(f"views: got {name} of shape {tuple(maps.shape)}, expected {expected}.")

    @property
    def count(self) -> int:
        return len(self.names)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the pictures, in pixels."""
        return self.cameras.size

    def checked(self, images: Tensor) -> Tensor:
        """Pictures [N, h, w, 3] of these views, without transparency. ValueError where they do not fit the views."""
        if images.ndim != 4 or len(images) != self.count:
            got = f"got {len(images)} images for {self.count} views"
            raise ValueError(f"{got}; connect the images of the same views, none left out and none added.")
        height, width = images.shape[1:3]
        if height * self.size[1] != width * self.size[0]:
            expected = f"{self.size[1]} x {self.size[0]} pixels or the same enlarged"
            raise ValueError(f"got images of {width} x {height} pixels, expected {expected}; do not crop or stretch.")
        if not torch.isfinite(images).all():
            raise ValueError("got images with NaN or infinite numbers; look at the sampler or VAE they come from.")
        return images[..., :3]

    def picture(self, image: Tensor) -> Tensor:
        """One picture [h, w, 3] in the size of its file [H, W, 3]."""
        return (self.framing or Framing(self.size, self.size, self.size)).undo(image)
