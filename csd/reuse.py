"""Predictions that are asked for again.

Steps that share a noise level and its noise (`Distillation.reuse`) noise the source alike, so what is predicted on it
is the same for all of them. It is made once and kept: of the five evaluations of CSD-Edit each further step takes
three. Sharing changes the estimator, for the directions of these steps share their noise; keeping changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .draws import Draws
from .guidance import Call, Predict, Request


@dataclass
class Remembering:
    """`Predict` that keeps the answers to recurring requests, by particle, while the draws stay the same."""

    predict: Predict
    _draws: Draws | None = field(default=None, init=False)
    _kept: dict[tuple[int, int], Tensor] = field(default_factory=dict, init=False)

    def __call__(self, requests: Sequence[Request], call: Call) -> list[Tensor]:
        if call.draws != self._draws:
            self._draws, self._kept = call.draws, {}
        recurring = [r for r, request in enumerate(requests) if request.recurs]
        known = [all((r, particle) in self._kept for r in recurring) for particle in call.index]
        answers: dict[tuple[int, int], Tensor] = {}
        for is_known in (False, True):
            places = [place for place, knows in enumerate(known) if knows == is_known]
            asked = [r for r in range(len(requests)) if not (is_known and r in recurring)]
            if places and asked:
                answers |= self._ask(requests, asked, places, call)
        self._kept |= {(r, call.index[place]): eps for (r, place), eps in answers.items() if r in recurring}
        return [
            torch.stack([answers.get((r, place), self._kept.get((r, i))) for place, i in enumerate(call.index)])
            for r in range(len(requests))
        ]

    def _ask(self, requests: Sequence[Request], asked: list[int], places: list[int], call: Call) -> dict:
        parts = [requests[r]._replace(x_t=requests[r].x_t[places]) for r in asked]
        answers = self.predict(parts, call.of(places))
        return {(r, place): row for r, rows in zip(asked, answers) for place, row in zip(places, rows)}
