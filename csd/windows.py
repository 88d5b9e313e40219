"""Overlapping windows of a canvas, which may wrap around.

Particle i is the crop of size `window` at origin i. With s the stride and L the length of the canvas, windows along one
axis start at

    planar     0, s, 2s, ... and one more at the far edge, so that every element is covered
    wrapping   ceil(L / s) positions spread evenly around the circle; indices are taken modulo L

Every start is rounded down to a multiple of `multiple`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from einops import rearrange
from torch import Tensor

from .draws import Draws
from .scene import Index, Pullback

Size = tuple[int, int]


def as_size(lengths: Iterable[int]) -> Size:
    """Two lengths as (height, width): the last two of a tensor's shape, for instance."""
    height, width = lengths
    return height, width


@dataclass(frozen=True)
class Windows:
    """Crops of a batch of canvases. Particles are ordered canvas by canvas, then origin by origin.

    canvas   (H, W)
    window   (h, w), at most the canvas
    origins  (y, x) of the first element of each window
    wrap     whether the canvas wraps around, in y and in x
    batch    number of canvases B
    soft     whether a window counts less towards its edges where the gradients of windows are averaged. Then no step
             shows at an edge. The paper's windows count alike.
    """

    canvas: Size
    window: Size
    origins: tuple[Size, ...]
    wrap: tuple[bool, bool] = (False, False)
    batch: int = 1
    soft: bool = False
    views_at_once = None

    def __post_init__(self):
        if any(w > c for w, c in zip(self.window, self.canvas)):
            raise ValueError(f"Windows: a window of {self.window} does not fit on a canvas of {self.canvas}.")
        if not self.origins or self.batch < 1:
            raise ValueError("Windows: got no window at all; give at least one origin and one canvas.")
        for origin in self.origins:
            self._check(origin)

    def _check(self, origin: Size) -> None:
        for start, window, canvas, wrap in zip(origin, self.window, self.canvas, self.wrap):
            last = canvas - 1 if wrap else canvas - window
            if not 0 <= start <= last:
                raise ValueError(f"Windows: a window of {self.window} at {origin} leaves the canvas {self.canvas}.")

    @property
    def count(self) -> int:
        return self.batch * len(self.origins)

    def _place(self, particle: int) -> tuple[int, Size]:
        return divmod(particle, len(self.origins))[0], self.origins[particle % len(self.origins)]

    def _rows_columns(self, origin: Size, device: torch.device) -> tuple[Tensor, Tensor]:
        (y, x), (h, w), (height, width) = origin, self.window, self.canvas
        rows = torch.arange(y, y + h, device=device) % height
        columns = torch.arange(x, x + w, device=device) % width
        return rows[:, None], columns[None, :]

    def at(self, draws: Draws) -> "Windows":
        return self

    def view(self, theta: Tensor, index: Index) -> tuple[Tensor, Pullback]:
        return self.split(theta, index), lambda x: self.scatter(self._weighed(x), index)

    def _weighed(self, x: Tensor) -> Tensor:
        """Directions [n, ..., h, w] with the weight of their place in the window, the same in sum and coverage."""
        return x * feather(self.window, x.device) if self.soft else x

    def coverage(self, theta: Tensor, index: Index) -> Tensor:
        """How many of the windows show each element, [B, 1, H, W]; further axes of theta have length one.

        Of soft windows it is the sum of their weights.
        """
        ones = torch.ones(len(index), *[1] * (theta.ndim - 3), *self.window, device=theta.device)
        return self.scatter(self._weighed(ones), index)

    def split(self, theta: Tensor, index: Index | None = None) -> Tensor:
        """theta [B, ..., H, W] -> [n, ..., h, w]."""
        self._check_theta(theta)
        crops = []
        for particle in self._all(index):
            canvas, origin = self._place(particle)
            rows, columns = self._rows_columns(origin, theta.device)
            crops.append(theta[canvas][..., rows, columns])
        return torch.stack(crops)

    def scatter(self, x: Tensor, index: Index | None = None) -> Tensor:
        """x [n, ..., h, w] -> [B, ..., H, W], the sum of the windows at their places."""
        theta = x.new_zeros(self.batch, *x.shape[1:-2], *self.canvas)
        for crop, particle in zip(x, self._all(index), strict=True):
            canvas, origin = self._place(particle)
            rows, columns = self._rows_columns(origin, x.device)
            theta[canvas][..., rows, columns] += crop
        return theta

    def keys(self, index: Index | None = None) -> list[str]:
        places = map(self._place, self._all(index))
        return [f"{canvas}:{y},{x}" for canvas, (y, x) in places]

    def theta_keys(self) -> list[str]:
        return [f"canvas {i}" for i in range(self.batch)]

    def rescaled(self, window: Size) -> "Windows":
        """The same windows on another grid, where they have size `window`: from pixels to latents, for instance."""
        factors = [(new, old) for new, old in zip(window, self.window)]

        def scale(pair: Size) -> Size:
            if any(value * new % old for value, (new, old) in zip(pair, factors)):
                raise ValueError(
                    f"Windows: {self.window} does not rescale to {window}, because {pair} would not be whole; "
                    "make window, stride and canvas multiples of the model's pixels per latent cell."
                )
            return as_size(value * new // old for value, (new, old) in zip(pair, factors))

        origins = tuple(scale(origin) for origin in self.origins)
        return replace(self, canvas=scale(self.canvas), window=window, origins=origins)

    def _all(self, index: Index | None) -> Index:
        return range(self.count) if index is None else index

    def _check_theta(self, theta: Tensor) -> None:
        got, expected = (theta.shape[0], *theta.shape[-2:]), (self.batch, *self.canvas)
        if got != expected:
            raise ValueError(f"Windows: got a canvas (batch, height, width) of {got}, expected {expected}.")


def positions(length: int, window: int, stride: int, wrap: bool = False, multiple: int = 1) -> list[int]:
    """Where windows start along one axis of `length` elements. They cover every element."""
    if not 1 <= stride <= window:
        raise ValueError(f"Windows: got stride {stride} for a window of {window}, expected 1 to {window}.")
    if length % multiple or window % multiple:
        raise ValueError(
            f"Windows: got a window of {window} on a canvas of {length}, expected multiples of {multiple}; "
            "choose another window or pad the canvas."
        )
    if window >= length:
        return [0]
    if wrap:
        count = -(-length // stride)
        return sorted({i * length // count // multiple * multiple for i in range(count)})
    return sorted({*(start // multiple * multiple for start in range(0, length - window, stride)), length - window})


def cover(
    canvas: Size,
    window: Size,
    stride: Size,
    wrap: tuple[bool, bool] = (False, False),
    multiple: int = 1,
    batch: int = 1,
) -> Windows:
    """Windows every `stride` elements, row by row. They cover the whole canvas, whatever its size."""
    ys, xs = (positions(*axis, multiple) for axis in zip(canvas, window, stride, wrap))
    return Windows(canvas, window, tuple((y, x) for y in ys for x in xs), wrap, batch)


def grid(canvas: Size, window: Size, stride: Size) -> Windows:
    """The windows of the authors' code: whole strides only, so a border may stay uncovered."""
    ys, xs = (range(0, length - size + 1, step) for length, size, step in zip(canvas, window, stride))
    return Windows(canvas, window, tuple((y, x) for y in ys for x in xs))


def feather(window: Size, device: torch.device | None = None) -> Tensor:
    """Blending weights [h, w] in (0, 1] that fall off linearly from the middle of a window to its edge."""
    rows, columns = (1 - (torch.linspace(-1, 1, n + 2, device=device)[1:-1]).abs() for n in window)
    return rearrange(rows, "h -> h 1") * rearrange(columns, "w -> 1 w")
