"""Gaussian splats: a scene as a cloud of soft, coloured ellipsoids (Kerbl et al. 2023, arXiv 2308.04079)."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..csd.tree import Parts, Theta, parts
from .harmonics import MOST_COEFFICIENTS, coefficients, colour_coefficient

OPAQUE = 1 - 1e-6
"""The largest opacity that a splat is made with. The smallest is as far from zero."""


@dataclass(frozen=True, eq=False)
class Splats:
    """N splats, in the numbers that are optimised. Each may take any finite value.

    positions    [N, 3] centres in world units
    log_scales   [N, 3] logarithm of the standard deviations along the splat's own axes, in world units
    rotations    [N, 4] quaternion (w, x, y, z) that turns these axes into the world; its length does not matter
    logits       [N] of which the sigmoid is the opacity
    harmonics    [N, K, 3] spherical harmonics of red, green and blue; K = (degree + 1)^2, degree 0 to 3

    Raises ValueError where the shapes do not belong together.
    """

    positions: Tensor
    log_scales: Tensor
    rotations: Tensor
    logits: Tensor
    harmonics: Tensor

    def __post_init__(self):
        n, k = len(self.positions), self.harmonics.shape[1] if self.harmonics.ndim == 3 else 0
        expected = {"positions": (n, 3), "log_scales": (n, 3), "rotations": (n, 4), "logits": (n,)}
        expected["harmonics"] = (n, k, 3)
        found = {name: tuple(part.shape) for name, part in self.tree.items()}
        wrong = next((name for name in expected if found[name] != expected[name]), None)
        if wrong is not None:
            raise ValueError(f"splats: got {wrong} of shape {found[wrong]}, expected {expected[wrong]}.")
        if k not in MOST_COEFFICIENTS:
            raise ValueError(f"splats: got {k} spherical harmonics, expected 1, 4, 9 or 16.")

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def tree(self) -> Parts:
        """The same as a dictionary of tensors, which is how the method sees a scene."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, theta: Theta) -> "Splats":
        """The splats of a dictionary as `tree` gives it."""
        return cls(**parts(theta))

    @property
    def scales(self) -> Tensor:
        """Standard deviations [N, 3] in world units, above zero."""
        return self.log_scales.exp()

    @property
    def opacities(self) -> Tensor:
        """[N] in 0 ... 1, at the centre of a splat."""
        return self.logits.sigmoid()

    @property
    def finite(self) -> Tensor:
        """[N] whether all numbers of a splat are finite."""
        return torch.stack([torch.isfinite(part[..., None].flatten(1)).all(1) for part in self.tree.values()]).all(0)

    def __getitem__(self, rows) -> "Splats":
        """Some of the splats, by whatever selects rows of a tensor."""
        return Splats(**{name: part[rows] for name, part in self.tree.items()})

    def to(self, *args) -> "Splats":
        """On another device or of another type, as `Tensor.to` takes them."""
        return Splats(**{name: part.to(*args) for name, part in self.tree.items()})

    @classmethod
    def linear(cls, positions: Tensor, scales: Tensor, rotations: Tensor, opacities: Tensor, harmonics: Tensor):
        """Splats out of scales [N, 3] in world units and opacities [N] in 0 ... 1."""
        opacities = opacities.clamp(1 - OPAQUE, OPAQUE)
        tiny = torch.finfo(scales.dtype).tiny
        return cls(positions, scales.clamp(min=tiny).log(), rotations, opacities.logit(), harmonics)

    @classmethod
    def of_colours(cls, positions: Tensor, scales: Tensor, colours: Tensor, opacity: float, degree: int = 0):
        """Round splats [N] of one colour each: positions [N, 3], scales [N], colours [N, 3] in 0 ... 1."""
        upright = positions.new_tensor([1.0, 0, 0, 0]).repeat(len(positions), 1)
        harmonics = positions.new_zeros(len(positions), coefficients(degree), 3)
        harmonics[:, 0] = colour_coefficient(colours)
        opacities = positions.new_full((len(positions),), opacity)
        return cls.linear(positions, scales[:, None].repeat(1, 3), upright, opacities, harmonics)


def joined(clouds: list[Splats]) -> Splats:
    """All splats of several clouds."""
    return Splats(**{name: torch.cat([cloud.tree[name] for cloud in clouds]) for name in clouds[0].tree})
