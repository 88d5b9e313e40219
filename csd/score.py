"""SCORE: the noise residual of each particle, r = eps_hat(x_t) - baseline.

The U-Net's Jacobian is left out, as in score distillation (arXiv 2209.14988). Source and particle
are noised with the same eps, so the residual of an image that needs no edit vanishes.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor

from .baseline import Baseline
from .guidance import Guidance, Interval, Predict, Request
from .level import Level
from .parameterization import Index


class Score(Protocol):
    def __call__(self, x: Tensor, source: Tensor, eps: Tensor, level: Level, index: Index) -> tuple[Tensor, Tensor]:
        """Noised particles x_t and residuals r, both [n, C, h, w], for particles x and their source images."""
        ...


@dataclass(frozen=True)
class PromptScore:
    """One prompt for every particle, its guidance acting in an interval of noise levels."""

    predict: Predict
    guidance: Guidance
    baseline: Baseline
    interval: Interval = Interval()

    def __call__(self, x: Tensor, source: Tensor, eps: Tensor, level: Level, index: Index) -> tuple[Tensor, Tensor]:
        x_t = level.noise(x, eps)
        guidance = self.interval.scales(self.guidance, level)
        requests = [Request(x_t, guidance)]
        if self.baseline.drawn < 1:
            requests.append(Request(level.noise(source, eps), self.baseline.guidance(guidance)))
        eps_hat, *rest = self.predict(requests, level, index)
        return x_t, eps_hat - (torch.lerp(rest[0], eps, self.baseline.drawn) if rest else eps)


@dataclass(frozen=True)
class RegionScore:
    """Several prompts, their residuals blended by the share of each particle that a prompt's region covers.

    scores    one for each of R prompts
    weights   [N, R], rows sum to one

    eps may be [R, n, C, h, w], one draw for each prompt (the authors' code), or [n, C, h, w] for all.
    The first prompt's noised particles are the ones that enter the kernel.
    """

    scores: tuple[Score, ...]
    weights: Tensor

    def __post_init__(self):
        if self.weights.ndim != 2 or self.weights.shape[1] != len(self.scores):
            raise ValueError(
                f"RegionScore: got weights of shape {tuple(self.weights.shape)}, "
                f"expected [particles, {len(self.scores)}]."
            )
        if not ((self.weights >= 0).all() and ((self.weights.sum(1) - 1).abs() <= 1e-4).all()):  # so that NaN fails
            sums = self.weights.sum(1).tolist()
            raise ValueError(f"RegionScore: got weights whose rows sum to {sums}, expected 1 and no negative weight.")

    def __call__(self, x: Tensor, source: Tensor, eps: Tensor, level: Level, index: Index) -> tuple[Tensor, Tensor]:
        draws = eps if eps.ndim > x.ndim else [eps] * len(self.scores)
        scored = [score(x, source, draw, level, index) for score, draw in zip(self.scores, draws, strict=True)]
        weights = rearrange(self.weights[list(index)].to(x), "n r -> r n" + " 1" * (x.ndim - 1))
        return scored[0][0], sum(weight * residual for weight, (_, residual) in zip(weights, scored))


def region_weights(masks: Tensor) -> Tensor:
    """Share of each particle that each region covers, [N, R], from masks [R, N, h, w] in 0 ... 1.

    Rows are normalised to sum to one. Raises ValueError where a particle lies in no region.
    """
    shares = rearrange(masks.flatten(2).mean(2), "r n -> n r")
    total = shares.sum(1, keepdim=True)
    if not (total > 0).all():
        bare = (~(total[:, 0] > 0)).nonzero().flatten().tolist()
        raise ValueError(f"region_weights: no region covers particles {bare}; add a region for the rest of the image.")
    return shares / total
