"""The residual of a run: in noise, or in velocity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..csd.baseline import Baseline, SourcePrompt
from ..csd.guidance import Guidance, Interval, Predict
from ..csd.level import Level
from ..csd.score import PromptScore, Score
from ..csd.update import SGD, Adam, ListedSizes
from ..csd.velocity import Constant, Eta, Pull, VelocityScore

Lengths = Mapping[Level, float]


@dataclass(frozen=True)
class Velocity:
    """Settings of a run in velocity space.

    eta               how freely the particle leaves the source, 0 to 1 (`csd.velocity`)
    source_guidance   text guidance of the prediction on the noised source, for a source prompt
    anchor            share of the way from the source that is added to the residual
    along_levels      whether step sizes are multiplied by the distance to the next noise level (FlowEdit)
    alignment         strength of FlowAlign's pull to the source, in each step
    from_source       whether guidance starts from the source prompt instead of the negative one (FlowAlign)
    """

    eta: Eta = Constant(1.0)
    source_guidance: float = 1.0
    anchor: float = 0.0
    along_levels: bool = True
    alignment: float = 0.0
    from_source: bool = False

    def score(
        self, predict: Predict, guidance: Guidance, baseline: Baseline, interval: Interval, lengths: Lengths
    ) -> VelocityScore:
        source = baseline.guidance(guidance)
        if source is not None and isinstance(baseline, SourcePrompt):
            source = replace(source, text=self.source_guidance)
        pull = Pull(self.alignment, lengths)
        return VelocityScore(predict, guidance, source, self.eta, self.anchor, interval, pull)

    def lengths(self, levels: Sequence[Level], reuse: int, end: float = 0.0) -> Lengths:
        """What the steps at each level multiply the residual by, apart from the step size.

        end   sigma after the last step; above zero where another run goes on from there
        """
        return dict(zip(levels, _gaps(levels, reuse, end) if self.along_levels else [1.0] * len(levels)))

    def update(
        self, update: SGD | Adam, levels: Sequence[Level], steps: int, reuse: int, end: float = 0.0
    ) -> SGD | Adam:
        """The update, with step sizes along the levels if `along_levels` is set."""
        if not self.along_levels:
            return update
        gaps = _gaps(levels, reuse, end)
        return replace(update, size=ListedSizes(tuple(update.size(k) * gaps[k // reuse] for k in range(steps))))


def _gaps(levels: Sequence[Level], reuse: int, end: float) -> list[float]:
    """For each level, the part of the way to the next one that each of its `reuse` steps goes."""
    sigmas = [level.sigma for level in levels] + [end]
    gaps = [(high - low) / reuse for high, low in zip(sigmas, sigmas[1:])]
    if min(gaps) < 0:
        raise ValueError(
            "velocity: got noise levels in random order, expected descending ones for `along_levels`; choose "
            "descending timesteps, or switch `along_levels` off."
        )
    return gaps


def score_of(
    velocity: Velocity | None,
    predict: Predict,
    guidance: Guidance,
    baseline: Baseline,
    interval: Interval,
    levels: Sequence[Level],
    reuse: int,
    end: float = 0.0,
) -> Score:
    """The score of one prompt: in velocity if `velocity` is given, else in noise. `end` as in `Velocity.lengths`."""
    if velocity is None:
        return PromptScore(predict, guidance, baseline, interval)
    return velocity.score(predict, guidance, baseline, interval, velocity.lengths(levels, reuse, end))
