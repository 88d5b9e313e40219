"""Independent images: video frames, views, single pictures. Particle i is row i of theta."""

from dataclasses import dataclass

from torch import Tensor

from .draws import Draws
from .scene import Index, Pullback


@dataclass(frozen=True)
class Frames:
    """`count` rows of theta, each a particle.

    names   a name for each frame, which keys its random draws; empty: its position keys them
    """

    count: int
    names: tuple[str, ...] = ()
    views_at_once = None

    def __post_init__(self):
        if self.count < 1:
            raise ValueError(f"Frames: got {self.count} frames, expected at least one.")
        if self.names and len(self.names) != self.count:
            raise ValueError(f"Frames: got {len(self.names)} names for {self.count} frames; give each frame one name.")

    def at(self, draws: Draws) -> "Frames":
        return self

    def view(self, theta: Tensor, index: Index) -> tuple[Tensor, Pullback]:
        return self.split(theta, index), lambda x: self.scatter(x, index)

    def coverage(self, theta: Tensor, index: Index) -> None:
        """None: no two particles share a row, so there is nothing to average."""

    def split(self, theta: Tensor, index: Index | None = None) -> Tensor:
        if theta.shape[0] != self.count:
            raise ValueError(f"Frames: got a batch of {theta.shape[0]}, expected {self.count} frames.")
        return theta if index is None else theta[list(index)]

    def scatter(self, x: Tensor, index: Index | None = None) -> Tensor:
        if index is None:
            return x
        theta = x.new_zeros(self.count, *x.shape[1:])
        theta[list(index)] = x
        return theta

    def keys(self, index: Index | None = None) -> list[str]:
        names = self.names or tuple(str(i) for i in range(self.count))
        return list(names) if index is None else [names[i] for i in index]

    def theta_keys(self) -> list[str]:
        return self.keys()
