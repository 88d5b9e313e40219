"""The residual of a run: in noise, or in velocity."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..csd.baseline import Baseline, SourcePrompt
from ..csd.guidance import Guidance, Interval, Predict
from ..csd.level import Level
from ..csd.score import PromptScore, Score
from ..csd.update import SGD, Adam, ListedSizes
from ..csd.velocity import Constant, Eta, VelocityScore


@dataclass(frozen=True)
class Velocity:
    """Settings of a run in velocity space.

    eta               how freely the particle leaves the source, 0 to 1 (`csd.velocity`)
    source_guidance   text guidance of the prediction on the noised source, for a source prompt
    anchor            strength of the pull back to the source
    along_levels      whether step sizes are multiplied by the distance to the next noise level (FlowEdit)
    """

    eta: Eta = Constant(1.0)
    source_guidance: float = 1.0
    anchor: float = 0.0
    along_levels: bool = True

    def score(self, predict: Predict, guidance: Guidance, baseline: Baseline, interval: Interval) -> VelocityScore:
        source = baseline.guidance(guidance)
        if source is not None and isinstance(baseline, SourcePrompt):
            source = replace(source, text=self.source_guidance)
        return VelocityScore(predict, guidance, source, self.eta, self.anchor, interval)

    def update(self, update: SGD | Adam, levels: Sequence[Level], steps: int, reuse: int) -> SGD | Adam:
        """The update, with step sizes along the levels if `along_levels` is set."""
        if not self.along_levels:
            return update
        sigmas = [level.sigma for level in levels] + [0.0]
        gaps = [(high - low) / reuse for high, low in zip(sigmas, sigmas[1:])]
        if min(gaps) < 0:
            raise ValueError(
                "velocity: got noise levels in random order, expected descending ones for `along_levels`; choose "
                "descending timesteps, or switch `along_levels` off."
            )
        return replace(update, size=ListedSizes(tuple(update.size(k) * gaps[k // reuse] for k in range(steps))))


def score_of(velocity: Velocity | None, predict: Predict, guidance: Guidance, baseline: Baseline, interval) -> Score:
    """The score of one prompt: in velocity if `velocity` is given, else in noise."""
    if velocity is None:
        return PromptScore(predict, guidance, baseline, interval)
    return velocity.score(predict, guidance, baseline, interval)
