"""Keeps predictions that are needed again.

Steps can share a noise level and its noise (`Distillation.reuse`). Their noised source is then the same, and so is the
prediction on it. It is made once and kept. Each further step of CSD-Edit then takes three evaluations instead of five.

Sharing noise changes the estimator: the directions of these steps are no longer independent. Keeping predictions
changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .draws import Draws
from .guidance import Call, Guidance, Predict, Request


@dataclass
class Remembering:
    """A `Predict` that keeps the answers to recurring requests, by guidance and particle, while the draws are the same.

    Make a new one for each run. Another source with the same draws would get the answers for the first source.
    """

    predict: Predict
    _draws: Draws | None = field(default=None, init=False)
    _kept: dict[tuple[Guidance, int], Tensor] = field(default_factory=dict, init=False)

    def __call__(self, requests: Sequence[Request], call: Call) -> list[Tensor]:
        if call.draws != self._draws:
            self._draws, self._kept = call.draws, {}
        recurring = [r for r, request in enumerate(requests) if request.recurs]
        keys = [requests[r].guidance for r in recurring]
        known = [all((key, particle) in self._kept for key in keys) for particle in call.index]
        answers: dict[tuple[int, int], Tensor] = {}
        for is_known in (False, True):
            places = [place for place, knows in enumerate(known) if knows == is_known]
            asked = [r for r in range(len(requests)) if not (is_known and r in recurring)]
            if places and asked:
                answers |= self._ask(requests, asked, places, call)
        for (r, place), eps_hat in answers.items():
            if r in recurring:
                self._kept[requests[r].guidance, call.index[place]] = eps_hat
        return [self._joined(answers, r, request.guidance, call) for r, request in enumerate(requests)]

    def _joined(self, answers: dict, r: int, guidance: Guidance, call: Call) -> Tensor:
        kept = ((place, self._kept.get((guidance, particle))) for place, particle in enumerate(call.index))
        return torch.stack([answers.get((r, place), known) for place, known in kept])

    def _ask(self, requests: Sequence[Request], asked: list[int], places: list[int], call: Call) -> dict:
        parts = [requests[r]._replace(x_t=requests[r].x_t[places]) for r in asked]
        answers = self.predict(parts, call.of(places))
        return {(r, place): row for r, rows in zip(asked, answers) for place, row in zip(places, rows)}
