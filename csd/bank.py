"""A bank of (noise level, noise) pairs, each of them used for several steps in a row.

What is predicted on the noised source depends on the pair alone, so it is made once for each pair: of the five
evaluations of CSD-Edit the further steps of a pair take three. This changes the estimator, for the directions of
a pair share its level and its noise; with one use each it changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .guidance import Guidance, Predict, Request
from .level import Level
from .noise import Draws, NoiseField
from .parameterization import Index, Parameterization
from .timesteps import Timesteps


@dataclass(frozen=True)
class Bank:
    """`uses`: steps in a row that take the same level and the same noise."""

    uses: int = 1

    def __post_init__(self):
        if self.uses < 1:
            raise ValueError(f"Bank: got {self.uses} uses of each pair, expected at least one.")

    def draws(self, draws: Draws) -> Draws:
        return Draws(draws.seed, draws.step // self.uses)

    def timesteps(self, order: Timesteps) -> Timesteps:
        return _HeldTimesteps(self, order)

    def noise(self, field: NoiseField) -> NoiseField:
        return _HeldNoise(self, field)

    def predict(self, predict: Predict) -> Predict:
        return predict if self.uses == 1 else Remembering(predict)


@dataclass(frozen=True)
class _HeldTimesteps:
    bank: Bank
    order: Timesteps

    def __call__(self, step: int, steps: int, draws: Draws) -> float:
        uses = self.bank.uses
        return self.order(step // uses, -(-steps // uses), self.bank.draws(draws))


@dataclass(frozen=True)
class _HeldNoise:
    bank: Bank
    field: NoiseField

    def __call__(
        self, draws: Draws, theta: Tensor, x: Tensor, parameterization: Parameterization, index: Index
    ) -> Tensor:
        return self.field(self.bank.draws(draws), theta, x, parameterization, index)


class _Kept(NamedTuple):
    x_t: Tensor
    guidance: Guidance
    level: Level
    eps_hat: Tensor

    def answers(self, request: Request, place: int, level: Level) -> bool:
        same = self.guidance == request.guidance and self.level == level
        return same and torch.equal(self.x_t, request.x_t[place])


class Remembering:
    """`Predict` that keeps, for each particle, the last answer to every request but the first.

    The first is the target, which moves in every step; the others, on the noised source, come again as they were.
    """

    def __init__(self, predict: Predict):
        self.predict = predict
        self.kept: dict[tuple[int, int], _Kept] = {}

    def __call__(self, requests: Sequence[Request], level: Level, index: Index) -> list[Tensor]:
        found: dict[tuple[int, int], Tensor] = {}
        known = [self._knows(requests, place, index, level) for place in range(len(index))]
        new, old = ([place for place, is_known in enumerate(known) if is_known == wanted] for wanted in (False, True))
        for places, asked in ((new, requests), (old, requests[:1])):
            found |= self._ask(asked, places, index, level) if places else {}
        for place in old:
            found |= {(r, place): self.kept[r, index[place]].eps_hat for r in range(1, len(requests))}
        return [torch.stack([found[r, place] for place in range(len(index))]) for r in range(len(requests))]

    def _knows(self, requests: Sequence[Request], place: int, index: Index, level: Level) -> bool:
        kept = [self.kept.get((r, index[place])) for r in range(1, len(requests))]
        return all(known and known.answers(request, place, level) for known, request in zip(kept, requests[1:]))

    def _ask(self, requests: Sequence[Request], places: list[int], index: Index, level: Level) -> dict:
        parts = [Request(request.x_t[places], request.guidance) for request in requests]
        answers = self.predict(parts, level, [index[place] for place in places])
        for r, (request, eps_hats) in enumerate(zip(parts[1:], answers[1:]), start=1):
            for row, place in enumerate(places):
                self.kept[r, index[place]] = _Kept(request.x_t[row], request.guidance, level, eps_hats[row])
        return {(r, place): eps_hat[row] for r, eps_hat in enumerate(answers) for row, place in enumerate(places)}
