"""Keyed draws and noise fields.

Every draw comes from a CPU generator seeded with a hash of (seed, step, key), where the key names
a particle or a canvas. So a result does not depend on the device, on how many particles are
computed at once, or on the order in which they are handed over, and a run can be taken up at any step.

A noise field says how the draws of different particles belong together:

    independent   one draw for each particle (the authors' code)
    shared        one draw for all of them (how the paper reads)
    canvas        drawn on theta and split, so that overlapping windows see the same noise
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .parameterization import Index, Parameterization


@dataclass(frozen=True)
class Draws:
    """The random numbers of one step, each found by its key."""

    seed: int
    step: int

    def generator(self, *key) -> torch.Generator:
        text = "/".join(map(str, (self.seed, self.step, *key)))
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)

    def normal(self, shape, *key) -> Tensor:
        """Standard normal numbers, float32 on the CPU."""
        return torch.randn(tuple(shape), generator=self.generator(*key))

    def uniform(self, *key) -> float:
        """One number in [0, 1)."""
        return torch.rand((), generator=self.generator(*key), dtype=torch.float64).item()


class NoiseField(Protocol):
    def __call__(
        self, draws: Draws, theta: Tensor, x: Tensor, parameterization: Parameterization, index: Index
    ) -> Tensor:
        """Unit-variance noise eps in the shape, dtype and place of the particles x [n, C, h, w]."""
        ...


def independent(draws, theta, x, parameterization, index) -> Tensor:
    rows = [draws.normal(x.shape[1:], "particle", key) for key in parameterization.keys(index)]
    return torch.stack(rows).to(x)


def shared(draws, theta, x, parameterization, index) -> Tensor:
    return draws.normal(x.shape[1:], "shared").to(x).expand_as(x)


def canvas(draws, theta, x, parameterization, index) -> Tensor:
    rows = [draws.normal(theta.shape[1:], "theta", key) for key in parameterization.theta_keys()]
    return parameterization.split(torch.stack(rows).to(x), index)


FIELDS: dict[str, NoiseField] = {"independent": independent, "shared": shared, "canvas": canvas}
