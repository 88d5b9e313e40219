"""SCORE: the noise residual of each particle, r = eps_hat(x_t) - baseline.

The Jacobian of the network is left out, as in score distillation (arXiv 2209.14988). Source and particle are noised
with the same eps. So the residual of an image that needs no edit is zero.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor

from .baseline import Baseline
from .guidance import Call, Guidance, Interval, Predict, Request


class Score(Protocol):
    def __call__(self, x: Tensor, source: Tensor | None, eps: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        """Noised particles x_t and residuals r, both [n, C, h, w].

        x        particles [n, C, h, w]
        source   the unedited ones, or None where nothing is edited
        eps      the drawn noise
        """
        ...


@dataclass(frozen=True)
class PromptScore:
    """One prompt for all particles. Its guidance acts at the noise levels of `interval`."""

    predict: Predict
    guidance: Guidance
    baseline: Baseline
    interval: Interval = Interval()

    def __call__(self, x: Tensor, source: Tensor | None, eps: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        x_t = call.level.noise(x, eps)
        guidance = self.interval.scales(self.guidance, call.level)
        requests = [Request(x_t, guidance)]
        baseline = self.baseline.guidance(guidance)
        if baseline is not None and self.baseline.drawn < 1:
            requests.append(self._on_source(source, eps, baseline, call))
        eps_hat, *rest = self.predict(requests, call)
        return x_t, eps_hat - (torch.lerp(rest[0], eps, self.baseline.drawn) if rest else eps)

    def _on_source(self, source: Tensor | None, eps: Tensor, baseline: Guidance, call: Call) -> Request:
        if source is None:
            raise ValueError(
                f"PromptScore: got no source for the baseline {type(self.baseline).__name__}; give the run a source, "
                "or take the baseline DrawnNoise."
            )
        return Request(call.level.noise(source, eps), baseline, recurs=True)


@dataclass(frozen=True)
class AveragedScore:
    """Another score, its residuals averaged over several draws of noise. It takes so many times the evaluations.

    At high noise, one draw makes the model see one of many pictures. The mean of several shows what they agree on.
    The particles that are noised with the given eps are handed on.
    """

    score: Score
    draws: int = 1

    def __call__(self, x: Tensor, source: Tensor | None, eps: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        x_t, total = self.score(x, source, eps, call)
        keys = call.scene.keys(call.index)
        for number in range(1, self.draws):
            further = call.draws.rows(eps.shape[1:], keys, "further", number).to(eps)
            total = total + self.score(x, source, further, call)[1]
        return x_t, total / self.draws


@dataclass(frozen=True)
class RegionScore:
    """Several prompts, one for each region of the image. The residuals of a particle are averaged by their weights.

    scores    one for each of R prompts
    weights   [N, R], how much of each particle each region covers; rows sum to one

    eps may be [R, n, C, h, w], one draw for each prompt (the authors' code), or [n, C, h, w] for all of them. The
    kernel compares the noised particles of the first prompt.
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

    def __call__(self, x: Tensor, source: Tensor | None, eps: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        draws = eps if eps.ndim > x.ndim else [eps] * len(self.scores)
        scored = [score(x, source, draw, call) for score, draw in zip(self.scores, draws, strict=True)]
        weights = rearrange(self.weights[list(call.index)].to(x), "n r -> r n" + " 1" * (x.ndim - 1))
        parts = (weight * residual for weight, (_, residual) in zip(weights, scored))
        return scored[0][0], sum(parts, torch.zeros(()))


@dataclass(frozen=True)
class PromptOfEach:
    """A prompt for each particle, such as 'from the front' and 'from the side' for views of a scene.

    scores   name of a prompt -> its score
    names    call -> the name of the prompt for each of its particles
    """

    scores: Mapping[str, Score]
    names: Callable[[Call], Sequence[str]]

    def __call__(self, x: Tensor, source: Tensor | None, eps: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        names = self.names(call)
        x_t, residual = torch.empty_like(x), torch.empty_like(x)
        for name in dict.fromkeys(names):
            places = [place for place, own in enumerate(names) if own == name]
            original = None if source is None else source[places]
            x_t[places], residual[places] = self.scores[name](x[places], original, eps[places], call.of(places))
        return x_t, residual


def region_weights(masks: Tensor) -> Tensor:
    """How much of each particle each region covers, [N, R], from masks [R, N, h, w] in 0 ... 1.

    Rows are normalised to sum to one. Raises ValueError where a particle lies in no region.
    """
    shares = rearrange(masks.flatten(2).mean(2), "r n -> n r")
    total = shares.sum(1, keepdim=True)
    if not (total > 0).all():
        bare = (~(total[:, 0] > 0)).nonzero().flatten().tolist()
        raise ValueError(f"region_weights: no region covers particles {bare}; add a region for the rest of the image.")
    return shares / total
