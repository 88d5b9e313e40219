"""Motion between the frames of a clip, by OpenCV's DIS optical flow (arXiv 1603.03590), as a correspondence.

Only small motions are found reliably. So the motion to a distant frame starts from the motion to the frame before it,
prolonged by one frame, and is refined from there. Errors do not add up, because each refinement compares the two
frames themselves.

A pixel counts as visible in the other frame on two conditions. Going there and back ends within `RETURN` pixels of the
start, and the colours around both places agree. Where something hides it, neither holds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from ..csd.correspondence import Flow
from .work import Afford, Follow, unlimited

RETURN = 1.5  # pixels
AROUND = 5  # width in pixels of the neighbourhood whose colours are compared
COARSENESS = 2  # width in pixels of a cell of the table
SMALLEST = 16  # smallest side of a frame in pixels


@dataclass(frozen=True)
class Accuracy:
    """Settings of DIS.

    finest       finest level of the image pyramid that is searched; 0: full size, 1: half the size
    stride       pixels between patches
    descent      iterations of gradient descent for a patch
    refinement   iterations of variational refinement at each level
    """

    finest: int
    stride: int
    descent: int
    refinement: int


ACCURACIES = {"fast": Accuracy(1, 4, 12, 5), "medium": Accuracy(0, 4, 12, 5), "accurate": Accuracy(0, 3, 25, 10)}


def opencv() -> ModuleType:
    """The module cv2. ImportError that says what to do where it is missing."""
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            "CSD Optical Flow: got no OpenCV, expected the Python package `opencv-python-headless`; install it into "
            "the Python of ComfyUI with `pip install opencv-python-headless` and start ComfyUI again."
        ) from error
    return cv2


def estimate(
    frames: Tensor,
    pairs: Tensor,
    accuracy: Accuracy = ACCURACIES["medium"],
    tolerance: float = 0.05,
    follow: Follow = iter,
    afford: Afford = unlimited,
) -> Flow:
    """The motion between frames [N, H, W, 3] in 0 ... 1 for pairs [P, 2] of frames (i, j).

    tolerance   how far colours (0 ... 1) may differ, averaged over a neighbourhood and the three channels
    follow      wraps the list of tasks, for a progress bar and for cancelling
    afford      is asked whether there is enough memory

    Raises ValueError where the frames are too small.
    """
    if min(frames.shape[1:3]) < SMALLEST:
        raise ValueError(
            f"got frames of {frames.shape[2]} x {frames.shape[1]} pixels, expected sides of at least {SMALLEST}; "
            "motion cannot be measured on less."
        )
    _weigh(frames, len(pairs), afford)
    film, table = _Film(frames, accuracy), _Table(frames, pairs)
    tasks = [(film.see, i) for i in range(len(frames))] + [(film.step, i) for i in range(len(frames) - 1)]
    tasks += [(film.walk, *walk) for walk in _walks(pairs)]
    for task, *where in follow(tasks):
        for i, j, there, back in follow(task(*where)):
            table.put(i, j, there, film.seen(i, j, there, back, tolerance))
            table.put(j, i, back, film.seen(j, i, back, there, tolerance))
    return table.flow(len(frames))


def _weigh(frames: Tensor, pairs: int, afford: Afford) -> None:
    """Weighs the memory of the table, of the motion that is kept for each frame, and of a few frames in work."""
    count, pixels = len(frames), frames.shape[1] * frames.shape[2]
    cells = pixels // COARSENESS**2
    size = pairs * (cells * 5 + 300) + count * (pixels + cells * 8) + pixels * 100
    what = f"the motion of {count} frames of {frames.shape[2]} x {frames.shape[1]} pixels in {pairs:,} pairs"
    afford(size, what, "lower `neighbours` or `anchors`, or take fewer or smaller frames")


def _walks(pairs: Tensor) -> Iterator[tuple[int, int, int]]:
    """Walks that together visit all pairs of frames further apart than one frame.

    A walk (centre, side, reach) starts at the frame `centre` and goes `reach` frames forwards (side 1) or backwards
    (side -1). A pair is visited from the frame that has more partners. So a few long walks serve all anchors.
    """
    common, reach = Counter(pairs.flatten().tolist()), defaultdict(int)
    for i, j in pairs.tolist():
        centre, other = max((i, j), (j, i), key=lambda pair: (common[pair[0]], pair[0]))
        side = 1 if other > centre else -1
        reach[centre, side] = max(reach[centre, side], abs(other - centre))
    return ((centre, side, far) for (centre, side), far in reach.items() if far > 1)


class _Film:
    """Frames, and the motion from each to the next and back. Motions are [H, W, 2], (x, y) in pixels, float32."""

    def __init__(self, frames: Tensor, accuracy: Accuracy):
        self.cv2 = opencv()
        self.frames, self.size = frames, tuple(frames.shape[1:3])
        self.greys: list[np.ndarray] = []
        self.dis = self._dis(accuracy)
        self.steps: dict[tuple[int, int], np.ndarray] = {}

    def _dis(self, accuracy: Accuracy):
        dis = self.cv2.DISOpticalFlow_create(self.cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        dis.setFinestScale(accuracy.finest)
        dis.setPatchStride(accuracy.stride)
        dis.setGradientDescentIterations(accuracy.descent)
        dis.setVariationalRefinementIterations(accuracy.refinement)
        return dis

    def _colours(self, i: int) -> np.ndarray:
        return np.ascontiguousarray(self.frames[i, ..., :3].float().cpu().numpy())

    def see(self, i: int) -> Iterator:
        """Takes in frame i. Frames come in their order. There is no motion yet, so nothing is yielded."""
        grey = self.cv2.cvtColor(self._colours(i), self.cv2.COLOR_RGB2GRAY)
        self.greys.append(np.clip(grey * 255 + 0.5, 0, 255).astype(np.uint8))
        return iter(())

    @cached_property
    def own(self) -> np.ndarray:
        """The place of every pixel, [H, W, 2]."""
        height, width = self.size
        return np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)

    def moved(self, values: np.ndarray, motion: np.ndarray) -> np.ndarray:
        """Values [H, W, ...] at the places that the motion leads to, bilinear. Outside the picture: the edge."""
        place = self.own + motion
        return self.cv2.remap(values, place, None, self.cv2.INTER_LINEAR, borderMode=self.cv2.BORDER_REPLICATE)

    def motion(self, i: int, j: int, start: np.ndarray | None = None) -> np.ndarray:
        """The motion from frame i to frame j. The search begins at the motion `start`."""
        return self.dis.calc(self.greys[i], self.greys[j], None if start is None else start.copy())

    def step(self, i: int) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
        """(i, i + 1, motion there, motion back). A coarse copy is kept, as a start for the search on walks."""
        there, back = self.motion(i, i + 1), self.motion(i + 1, i)
        for pair, motion in (((i, i + 1), there), ((i + 1, i), back)):
            self.steps[pair] = self.cv2.resize(motion, self._coarse, interpolation=self.cv2.INTER_AREA).astype(np.half)
        yield i, i + 1, there, back

    @property
    def _coarse(self) -> tuple[int, int]:
        height, width = self.size
        return width // COARSENESS, height // COARSENESS

    def _kept(self, i: int, j: int) -> np.ndarray:
        return self.cv2.resize(self.steps[i, j].astype(np.float32), self.size[::-1])

    def walk(self, centre: int, side: int, reach: int) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
        """(other, centre, motion to the centre, motion back) for frames further and further from the centre."""
        nearer = centre + side
        to, back = self._kept(nearer, centre), self._kept(centre, nearer)
        for other in range(nearer + side, centre + side * (reach + 1), side):
            inwards, outwards = self._kept(other, nearer), self._kept(nearer, other)
            to = self.motion(other, centre, inwards + self.moved(to, inwards))
            back = self.motion(centre, other, back + self.moved(outwards, back))
            yield other, centre, to, back
            nearer = other

    def seen(self, i: int, j: int, there: np.ndarray, back: np.ndarray, tolerance: float) -> np.ndarray:
        """Where frame j shows what frame i shows: bool [H, W]."""
        place, limit = self.own + there, np.array(self.size[::-1]) - 0.5
        inside = ((place >= -0.5) & (place < limit)).all(-1)
        astray = np.linalg.norm(there + self.moved(back, there), axis=-1)
        change = np.abs(self.moved(self._colours(j), there) - self._colours(i)).mean(-1)
        return inside & (astray < RETURN) & (self.cv2.blur(change, (AROUND, AROUND)) < tolerance)


class _Table:
    """The maps of the listed pairs, on a grid whose cells are `COARSENESS` pixels wide."""

    def __init__(self, frames: Tensor, pairs: Tensor):
        self.cv2, self.pairs = opencv(), pairs
        self.rows = {tuple(pair): row for row, pair in enumerate(pairs.tolist())}
        self.frame = tuple(frames.shape[1:3])
        self.size = tuple(length // COARSENESS for length in self.frame)
        self.place = torch.zeros(len(pairs), *self.size, 2, dtype=torch.float16)
        self.valid = torch.zeros(len(pairs), *self.size, dtype=torch.bool)

    def put(self, i: int, j: int, motion: np.ndarray, seen: np.ndarray) -> None:
        """Enters the motion of a pair, averaged over the visible pixels of each cell. Pairs not listed are ignored."""
        row = self.rows.get((i, j))
        if row is None:
            return
        share = self._averaged(seen.astype(np.float32))
        average = self._averaged(motion * seen[..., None]) / np.maximum(share, 1e-6)[..., None]
        scale = np.array([new / old for new, old in zip(self.size, self.frame)][::-1])
        self.place[row] = torch.from_numpy(average * scale)
        self.valid[row] = torch.from_numpy(share >= 0.5)

    def _averaged(self, values: np.ndarray) -> np.ndarray:
        return self.cv2.resize(values, self.size[::-1], interpolation=self.cv2.INTER_AREA)

    def flow(self, count: int) -> Flow:
        return Flow(count, self.pairs, self.place, self.valid, relative=True)
