"""A painted landscape as a diorama: planes at known depths, seen from an arc of cameras.

Mountains, woods, houses and trees are cut-outs that face the middle of the arc. The plain is level ground, and the
meadow is a bank in front of it. Everything is painted as the camera in the middle would see it. The inverse depth of a
plane is linear in the height of the painting. A cut-out on the plain has the depth of the plain at its foot.

Axes as in OpenCV: x right, y down, z forward. The middle camera stands at the origin. Depths are along z.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from .layers import FINE, Layer, scenery
from .light import lit
from .noise import generator
from .resample import resample_at
from .scene import make_scene

MOST = 360  # views
FOCAL, CLOSER = 1.3, 1.15  # focal length of the painting in heights, and the factor to that of the cameras
LEVEL = 0.53  # height of the painting's optical axis, in heights from the top
ARC, RISE = 11.0, 1.0  # degrees that the cameras move to either side, and up and down, as seen from the pivot
PIVOT = 4.0  # depth of the point that all cameras look at
MARGIN = 1.0  # how much is painted beyond either side of the middle picture, in heights
OUT_OF_SIGHT = 1 / 512  # planes are not painted where less than this much of them is visible
DEPTHS = {  # two pairs (height in the painting, depth there) that give a plane's inverse depth
    "sky": ((0.0, 40.0), (1.0, 40.0)),
    "mountains": ((0.0, 18.0), (1.0, 18.0)),
    "woods": ((0.0, 9.0), (1.0, 9.0)),
    "plain": ((0.62, 6.5), (1.0, 2.2)),
    "meadow": ((0.85, 2.05), (1.0, 1.75)),
}


@dataclass(frozen=True, eq=False)
class Plane:
    """A layer in space.

    normal   its points X have normal @ X = 1
    box      the rows and columns of the painting that it fills
    """

    layer: Layer
    normal: np.ndarray
    box: tuple[slice, slice]


class Diorama:
    """The geometry of view set `seed`, the same in every look.

    intrinsics        [N, 3, 3] in pixels, counted from the corner of the picture
    camera_to_world   [N, 4, 4]
    """

    def __init__(self, seed: int, views: int, height: int = 128, width: int = 192):
        if not 1 <= views <= MOST:
            raise ValueError(f"Got {views} views; expected 1 to {MOST}.")
        self.views, self.height, self.width = views, height, width
        focal = FOCAL * CLOSER * height
        self.intrinsics = np.tile(np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]), (views, 1, 1))
        self.camera_to_world = _arc(generator(seed, 40), views)
        world = width + int(np.ceil(2 * MARGIN * height))
        scene = make_scene(seed, FINE * height, FINE * world)
        self.middle = np.array([LEVEL * height, world / 2])
        sky, clouds, *land = scenery(scene, cut_out=True)
        backdrop = Layer("sky", sky.coverage, lambda look: _over(clouds.paint(look), sky.paint(look)))
        planes = [self._plane(layer) for layer in (backdrop, *land)]
        standing = sorted(planes[4:-1], key=lambda plane: plane.normal[2])
        self.planes = [*planes[:4], *standing, planes[-1]]  # from far to near

    def _plane(self, layer: Layer) -> Plane:
        rows, columns = (np.flatnonzero(layer.coverage.max(axis=axis)) for axis in (1, 0))
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        if layer.name in DEPTHS:
            return Plane(layer, self._normal(*DEPTHS[layer.name]), box)
        foot = np.flatnonzero(layer.coverage.max(axis=1) > 0.5)[-1] / FINE / self.height
        depth = 1 / _inverse(*DEPTHS["plain"], foot)
        return Plane(layer, self._normal((0.0, depth), (1.0, depth)), box)

    @staticmethod
    def _normal(first: tuple[float, float], second: tuple[float, float]) -> np.ndarray:
        level = _inverse(first, second, LEVEL)
        return np.array([0, (_inverse(first, second, LEVEL + 1) - level) * FOCAL, level])

    def _rays(self, view: int) -> np.ndarray:
        """World directions through the centres of pixels, ``[H, W, 3]``, of length one along the camera's z axis."""
        x, y = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)
        pixels = np.stack([x, y, np.ones_like(x)], -1)
        return pixels @ np.linalg.inv(self.intrinsics[view]).T @ self.camera_to_world[view, :3, :3].T

    def _hits(self, view: int, plane: Plane) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where pixels see a plane: depth, and row and column in the plane's box in texels, ``[H, W]`` each."""
        centre, rays = self.camera_to_world[view, :3, 3], self._rays(view)
        depth = (1 - plane.normal @ centre) / (rays @ plane.normal)
        points = centre + depth[..., None] * rays
        scale = FOCAL * self.height * FINE / points[..., 2]
        rows, columns = plane.box
        y = points[..., 1] * scale + FINE * self.middle[0] - rows.start
        x = points[..., 0] * scale + FINE * self.middle[1] - columns.start
        return np.where(depth > 0, depth, np.inf), y, x

    def _seen(self, view: int, textures: list[np.ndarray]) -> Iterator[tuple[np.ndarray, ...]]:
        """For each plane, from near to far: (pixels, depth, visible, texture).

        These are the numbers of pixels that may see the plane, its depth there, how much of it is not hidden, and its
        texture ``[C, pixels]``, whose last channel is the opacity.
        """
        through = np.ones(self.height * self.width, np.float32)
        for plane, texture in zip(reversed(self.planes), reversed(textures)):
            depth, y, x = (part.ravel() for part in self._hits(view, plane))
            if plane.layer.name in DEPTHS:  # these planes go on beyond the edges of the painting
                y, x = np.minimum(y, texture.shape[1] - 0.5), np.clip(x, 0.5, texture.shape[2] - 0.5)
            near = (y > -2) & (y < texture.shape[1] + 2) & (x > -2) & (x < texture.shape[2] + 2)
            pixels = np.flatnonzero(near & np.isfinite(depth) & (through > OUT_OF_SIGHT))
            paint = resample_at(texture, y[pixels], x[pixels])
            yield pixels, depth[pixels], through[pixels], paint
            through[pixels] *= 1 - paint[-1]

    def paint(self, look: str, light: float = 0.0) -> Iterator[np.ndarray]:
        """The views in a look, one after the other, float32 ``[H, W, 3]``, 0..1."""
        # Copies of the boxes, so that the memory of the whole canvases is freed.
        textures = [plane.layer.paint(look)[(slice(None), *plane.box)].copy() for plane in self.planes]
        for view in range(self.views):
            canvas = np.zeros((3, self.height * self.width), np.float32)
            for pixels, _, through, paint in self._seen(view, textures):
                canvas[:, pixels] += through * paint[:3]
            yield lit(canvas.T.reshape(self.height, self.width, 3), look, light)

    def depth(self, view: int) -> np.ndarray:
        """Depth of the plane that takes most of each pixel, float32 ``[H, W]``."""
        most, nearest = np.zeros((2, self.height * self.width), np.float32)
        coverages = [plane.layer.coverage[plane.box][None] for plane in self.planes]
        for pixels, depth, through, cover in self._seen(view, coverages):
            share = through * cover[0]
            more = share > most[pixels]
            most[pixels[more]], nearest[pixels[more]] = share[more], depth[more]
        return nearest.reshape(self.height, self.width)


def paint_views(
    seed: int,
    look: str,
    views: int,
    height: int = 128,
    width: int = 192,
    light: float = 0.0,
    follow: Callable[[Iterable], Iterable] = iter,
) -> tuple[np.ndarray, Diorama]:
    """Paints view set `seed` in `look`: float32 ``[views, height, width, 3]``, 0..1, and its geometry.

    follow   wraps the views, for a progress bar and for cancelling
    """
    diorama = Diorama(seed, views, height, width)
    pictures, painted = np.empty((views, height, width, 3), np.float32), diorama.paint(look, light)
    for view in follow(range(views)):
        pictures[view] = next(painted)
    return pictures, diorama


def _arc(rng: np.random.Generator, views: int) -> np.ndarray:
    """Poses ``[views, 4, 4]`` on an arc around the pivot, slightly up and down, all turned towards the pivot."""
    along = np.linspace(-1, 1, views) if views > 1 else np.zeros(1)
    yaw = np.radians(ARC) * along * rng.choice([-1, 1])
    pitch = np.radians(RISE) * np.sin(along * rng.uniform(2, 4) + rng.uniform(0, 6.3))
    back = np.stack([np.sin(yaw) * np.cos(pitch), -np.sin(pitch), -np.cos(yaw) * np.cos(pitch)], -1)
    right = np.cross((0.0, 1.0, 0.0), -back)
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    poses = np.tile(np.eye(4), (views, 1, 1))
    poses[:, :3, :3] = np.stack([right, np.cross(-back, right), -back], -1)
    poses[:, :3, 3] = PIVOT * (back + (0, 0, 1))
    return poses


def _inverse(first: tuple[float, float], second: tuple[float, float], height: float) -> float:
    """Inverse depth at a height of the painting, linear through two points (height, depth)."""
    part = (height - first[0]) / (second[0] - first[0])
    return (1 - part) / first[1] + part / second[1]


def _over(front: np.ndarray, back: np.ndarray) -> np.ndarray:
    """One texture over another, both ``[4, h, w]`` with colours multiplied by opacity."""
    return front + back * (1 - front[3])
