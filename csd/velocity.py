"""SCORE in velocity space, for rectified flow models (SD 3, Flux, Qwen-Image, Z-Image, Wan).

The velocity is v = eps - x0. The same eps is added to the source s and to the particle x. At noise level t:

    s_t = (1 - t) s + t eps
    x_t = (1 - t) x + t eps + eta t (x - s)
    r   = v(x_t, target) - v(s_t, source) + (1 - eta) (x - s)

    eta = 0      the noise residual of `PromptScore`, divided by 1 - t: delta denoising
    eta = 1      FlowEdit (arXiv 2412.08629): x_t is s_t moved by the edit so far, x - s, and nothing pulls it back
    eta rising   from 0 to 1 during the run: DVRF (arXiv 2509.05342)

The larger eta, the freer the edit.

FlowAlign (arXiv 2505.23145) is FlowEdit with a pull towards the source. The pull is the difference of the clean images
that the model expects at x_t and at s_t:

    r = v(x_t, target) - v(s_t, source) + pull ((x_t - t v(x_t, target)) - (s_t - t v(s_t, source)))

Its guidance starts from the source prompt, which takes the place of the negative one, and acts on the target alone:
three evaluations in a step instead of four.

Without a source this is score distillation in velocity space: r = v(x_t) - (eps - x), the error of the velocity.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from .guidance import Call, Guidance, Interval, Predict, Request
from .level import Level

Eta = Callable[[Call], float]


@dataclass(frozen=True)
class Constant:
    """The same eta in every step, 0 to 1."""

    eta: float

    def __post_init__(self):
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta: got {self.eta}, expected 0 (delta denoising) to 1 (FlowEdit).")

    def __call__(self, call: Call) -> float:
        return self.eta


@dataclass(frozen=True)
class Rising:
    """eta = top * step / steps (DVRF: top = 1)."""

    top: float = 1.0

    def __post_init__(self):
        if not 0 <= self.top <= 1:
            raise ValueError(f"eta: got a top of {self.top}, expected 0 to 1.")

    def __call__(self, call: Call) -> float:
        return self.top * call.progress


def no_pull(level: Level) -> float:
    return 0.0


@dataclass(frozen=True)
class Pull:
    """A pull of the same strength in every step, whatever the lengths of the steps (FlowAlign: 0.01).

    strength   share of the difference of the clean images that one step takes back
    lengths    by noise level, what the step there multiplies the residual by
    """

    strength: float
    lengths: Mapping[Level, float]

    def __call__(self, level: Level) -> float:
        length = self.lengths[level]
        return self.strength / length if length else 0.0


@dataclass(frozen=True)
class VelocityScore:
    """The velocity residual of one target prompt.

    guidance   of the prediction on the noised particle
    source     guidance of the prediction on the noised source: a source prompt, or the image without text. None: there
               is no source.
    eta        how freely the edit leaves the source, see above
    anchor     share of x - s that is added to r and pulls the particle back
    interval   the noise levels at which guidance acts
    pull       noise level -> the pull of FlowAlign, see above
    """

    predict: Predict
    guidance: Guidance
    source: Guidance | None
    eta: Eta = Constant(1.0)
    anchor: float = 0.0
    interval: Interval = Interval()
    pull: Callable[[Level], float] = no_pull

    def __call__(self, x: Tensor, source: Tensor | None, eps: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        _check(call.level)
        guidance = self.interval.scales(self.guidance, call.level)
        if self.source is None:
            x_t = call.level.noise(x, eps)
            (eps_hat,) = self.predict([Request(x_t, guidance)], call)
            return x_t, call.level.velocity_from_eps(x_t, eps_hat) - (eps - x)
        pair = guidance, self.interval.scales(self.source, call.level)
        return self._edited(x, _given(source), eps, pair, call)

    def _edited(
        self, x: Tensor, source: Tensor, eps: Tensor, pair: tuple[Guidance, Guidance], call: Call
    ) -> tuple[Tensor, Tensor]:
        """pair: the guidance of the predictions on the particles and on the source"""
        level, eta, apart = call.level, self.eta(call), x - source
        source_t = level.noise(source, eps)
        x_t = level.noise(x, eps) + eta * level.sigma * apart
        requests = [Request(x_t, pair[0]), Request(source_t, pair[1], recurs=True)]
        towards, away = self.predict(requests, call)
        change = level.velocity_from_eps(x_t, towards) - level.velocity_from_eps(source_t, away)
        clean_apart = x_t - source_t - level.sigma * change
        return x_t, change + (1 - eta + self.anchor) * apart + self.pull(level) * clean_apart


def _check(level: Level) -> None:
    if not level.is_flow:
        raise ValueError(
            "VelocityScore: got a model that predicts eps or v, expected a rectified flow model (SD 3, Flux, "
            "Qwen-Image, Z-Image, Wan); use the noise residual (PromptScore) for this model."
        )


def _given(source: Tensor | None) -> Tensor:
    if source is None:
        raise ValueError("VelocityScore: got no source to edit; give the run one, or leave the source's guidance out.")
    return source
