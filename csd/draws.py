"""Random numbers by key.

Every draw comes from a CPU generator. Its seed is a hash of (seed, step, key); the key names a particle or a canvas.
So a result does not depend on the device, on how many particles are computed at once, or on their order. A run can
be resumed at any step.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """The random numbers of one step, by key."""

    seed: int
    step: int

    def generator(self, *key) -> torch.Generator:
        text = "/".join(map(str, (self.seed, self.step, *key)))
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)

    def normal(self, shape, *key) -> Tensor:
        """Standard normal numbers, float32 on the CPU."""
        return torch.randn(tuple(shape), generator=self.generator(*key))

    def rows(self, shape, keys: Iterable, *key) -> Tensor:
        """Standard normal numbers [len(keys), *shape]: each row by a key of its own, after what all keys begin with."""
        return torch.stack([self.normal(shape, *key, own) for own in keys])

    def uniform(self, *key) -> float:
        """One number in [0, 1)."""
        return torch.rand((), generator=self.generator(*key), dtype=torch.float64).item()
