"""A clip of a painted landscape: the camera pans and zooms, layers pass each other, clouds and a traveller move.

A point w = (y, x) of a layer, in pixels at zoom 1, appears in frame t at

    (w - shift_t) * zoom_t + focus.

Each layer has its own shift in each frame. The zoom belongs to the frame, and focus is the middle of the picture. So it
is known exactly where a pixel of one frame is in another frame.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .layers import FINE, Layer, scenery
from .light import lit
from .noise import generator
from .resample import resample
from .scene import Scene, make_scene
from .travellers import KINDS, traveller

LONGEST = 1000  # frames
REACH = 1.2  # how far the plain pans to either side, in heights of the picture
SPEEDS = {"sky": 0.05, "clouds": 0.10, "mountains": 0.20, "woods": 0.45, "plain": 1.0, "meadow": 1.5}
BEHIND = {"balloon": "woods", "cart": None}  # the layer that a traveller passes behind


@dataclass(frozen=True, eq=False)
class Moving:
    """A moving layer.

    shift    [T, 2], see above
    origin   (y, x) of the layer's point w = 0, in texels
    rows     (first, last): the heights between which the layer may be visible, in pixels at zoom 1
    """

    layer: Layer
    shift: np.ndarray
    origin: tuple[float, float]
    rows: tuple[float, float]


@dataclass(frozen=True)
class Seen:
    """Where frame j shows what frame i shows: place ``[H, W, 2]``, (x, y) in cells of j, and valid ``[H, W]``, 0..1."""

    place: np.ndarray
    valid: np.ndarray


class Clip:
    """The geometry of clip `seed`, the same in every look. A longer clip begins with the shorter one."""

    def __init__(self, seed: int, frames: int, height: int = 128, width: int = 192):
        if not 1 <= frames <= LONGEST:
            raise ValueError(f"Got a clip of {frames} frames; expected 1 to {LONGEST}.")
        self.frames, self.height, self.width = frames, height, width
        self.focus = np.array([0.55 * height, width / 2])
        rng, time = generator(seed, 30), np.arange(frames)
        self.zoom = 1.11 + 0.06 * np.sin(rng.uniform(0, 6.3) + time * 2 * np.pi / rng.uniform(160, 260))
        pan = _pan(rng, time) * height
        world = width + int(np.ceil(2 * REACH * SPEEDS["meadow"] * height))
        scene = make_scene(seed, FINE * height, FINE * world)
        middles = dict.fromkeys(SPEEDS, world / 2) | {
            "sky": self._facing_the_sun(scene, rng, world),
            "clouds": world / 2 + _wind(rng) * height * (time - LONGEST / 2),
        }
        self.planes = [self._scenery(layer, middles[layer.name], pan, rows) for layer, rows in _visible(scenery(scene))]
        kind = list(KINDS)[seed % len(KINDS)]
        behind = [plane.layer.name for plane in self.planes].index(BEHIND[kind]) if BEHIND[kind] else len(self.planes)
        crest = _smooth(scene.meadow.line) / FINE
        self.planes.insert(behind, self._traveller(kind, rng, time, crest))

    def _scenery(self, layer: Layer, middle: float, pan: np.ndarray, rows: tuple[float, float]) -> Moving:
        """A layer of the landscape. `middle` is its column in the middle of the picture when the pan is at 0."""
        across = middle + SPEEDS[layer.name] * pan
        return Moving(layer, np.stack([np.full(self.frames, self.focus[0]), across], -1), (0, 0), rows)

    def _facing_the_sun(self, scene: Scene, rng: np.random.Generator, world: int) -> float:
        """The column that the camera has to face for the sun to be in the picture."""
        sun = scene.sky.disc.max(axis=0).argmax() / FINE + rng.uniform(-0.3, 0.3) * self.width
        edge = self.width / 2 + SPEEDS["sky"] * REACH * self.height + 1
        return float(np.clip(sun, edge, world - edge))

    def _traveller(self, kind: str, rng: np.random.Generator, time: np.ndarray, crest: np.ndarray) -> Moving:
        """A balloon or a cart. It swings slowly from side to side of the picture, whatever the camera does."""
        layer, foot = traveller(kind, FINE * self.height)
        turn = rng.uniform(0, 6.3) + time * 2 * np.pi / rng.uniform(380, 560)
        across = self.focus[1] + 0.30 * self.width * np.sin(turn)
        if kind == "balloon":
            down = self.height * (0.44 + 0.05 * np.sin(rng.uniform(0, 6.3) + time * 2 * np.pi / 210))
        else:
            meadow = self.planes[-1].shift[:, 1] + across - self.focus[1]
            down = np.interp(meadow * FINE, np.arange(len(crest)), crest) + 0.025 * self.height
        origin = (foot[0] - FINE * self.focus[0], foot[1] - FINE * self.focus[1])  # the foot is at w = focus
        rows = (-origin[0] / FINE - 2, self.focus[0] + 4)
        return Moving(layer, 2 * self.focus - np.stack([down, across], -1), origin, rows)

    def _seen(self, frame: int, plane: Moving, texture: np.ndarray) -> tuple[slice, np.ndarray]:
        """The rows of the picture on which a plane may be visible, and its texture there ``[C, rows, W]``."""
        zoom, shift = self.zoom[frame], plane.shift[frame]
        first, last = (np.array(plane.rows) - shift[0]) * zoom + self.focus[0]
        rows = slice(max(0, int(first)), min(self.height, int(np.ceil(last))))
        y, x = np.arange(rows.start, max(rows.start, rows.stop)) + 0.5, np.arange(self.width) + 0.5
        y, x = (y - self.focus[0]) / zoom + shift[0], (x - self.focus[1]) / zoom + shift[1]
        if not len(y):
            return slice(0, 0), np.zeros((len(texture), 0, self.width), np.float32)
        return rows, resample(texture, y * FINE + plane.origin[0], x * FINE + plane.origin[1])

    def paint(self, look: str, light: float = 0.0) -> Iterator[np.ndarray]:
        """The frames in a look, one after the other, float32 ``[H, W, 3]``, 0..1."""
        textures = [plane.layer.paint(look) for plane in self.planes]
        for frame in range(self.frames):
            canvas = np.zeros((3, self.height, self.width), np.float32)
            for plane, texture in zip(self.planes, textures):
                rows, paint = self._seen(frame, plane, texture)
                canvas[:, rows] += paint[:3] - canvas[:, rows] * paint[3:]
            yield lit(canvas.transpose(1, 2, 0), look, light)

    def shares(self, frame: int) -> np.ndarray:
        """How much of each pixel each plane takes, ``[planes, H, W]``, summing to one."""
        shares = np.zeros((len(self.planes), self.height, self.width), np.float32)
        for number, plane in enumerate(self.planes):
            rows, cover = self._seen(frame, plane, self._coverages[number])
            shares[:, rows] *= 1 - cover
            shares[number, rows] = cover[0]
        return shares

    @cached_property
    def _coverages(self) -> list[np.ndarray]:
        return [plane.layer.coverage[None] for plane in self.planes]

    def carry(self, i: int, j: int, plane: np.ndarray) -> np.ndarray:
        """Where the pixels of frame i are in frame j: ``[H, W, 2]``, (x, y) in pixels, whole numbers are centres.

        plane   ``[H, W]``, the number of the plane that each pixel belongs to
        """
        shifts = np.stack([moving.shift[i] - moving.shift[j] for moving in self.planes])[plane]
        here = np.stack(np.meshgrid(np.arange(self.height), np.arange(self.width), indexing="ij"), -1) + 0.5
        there = ((here - self.focus) / self.zoom[i] + shifts) * self.zoom[j] + self.focus - 0.5
        return there[..., ::-1].astype(np.float32)


def paint_clip(
    seed: int,
    look: str,
    frames: int,
    height: int = 128,
    width: int = 192,
    light: float = 0.0,
    follow: Callable[[Iterable], Iterable] = iter,
) -> tuple[np.ndarray, Clip]:
    """Paints clip `seed` in `look`: float32 ``[frames, height, width, 3]``, 0..1, and its geometry.

    follow   wraps the frames, for a progress bar and for cancelling
    """
    clip = Clip(seed, frames, height, width)
    pictures, painted = np.empty((frames, height, width, 3), np.float32), clip.paint(look, light)
    for frame in follow(range(frames)):
        pictures[frame] = next(painted)
    return pictures, clip


def _pan(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """The pan in heights, to and fro between -REACH and REACH: even speed, gentle turns."""
    speed = rng.choice([-1, 1]) * rng.uniform(0.012, 0.024)  # of the plain, in heights per frame
    angle = rng.uniform(-1.1, 0.3) + time * np.abs(speed) * np.pi / 2 / REACH
    return np.sign(speed) * REACH * np.arcsin(0.96 * np.sin(angle)) * 2 / np.pi


def _wind(rng: np.random.Generator) -> float:
    """The speed of clouds, in heights per frame."""
    return rng.choice([-1, 1]) * rng.uniform(0.0012, 0.0026)


def _smooth(line: np.ndarray) -> np.ndarray:
    """A crest without its small bumps, for a cart to move along."""
    reach = 2 * (len(line) // 60) + 1
    return np.convolve(np.pad(line, reach // 2, mode="edge"), np.full(reach, 1 / reach), mode="valid")


def _visible(layers: list[Layer]) -> Iterator[tuple[Layer, tuple[float, float]]]:
    """Each layer with the heights in pixels between which it may be visible: from its top down to nearer layers."""
    for number, layer in enumerate(layers):
        nearer = [over.coverage.min(axis=1) for over in layers[number + 1 :] if over.name != "clouds"]
        hidden = min((float(np.argmax(rows > 0.999)) for rows in nearer if rows.max() > 0.999), default=np.inf)
        rows = np.flatnonzero(layer.coverage.max(axis=1))
        yield layer, ((rows[0] - 3) / FINE, (min(rows[-1] + 1, hidden) + 4) / FINE)
