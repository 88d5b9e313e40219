"""Named settings.

    paper      the authors' arithmetic: 1/n normalisation, their median, independent noise, random noise levels,
               SGD whose step size falls by a tenth every 20 steps
    balanced   ours: weights that sum to one, noise that overlapping windows share, descending noise levels
    fast       as `balanced`, in fewer and larger steps; two steps in a row share a noise level

How far a run moves theta depends on the sum of its step sizes, each times the sum of the weights. The authors' 200
decaying steps of 2 reach about 90, with 1/n and four of twelve windows per step: a row of their kernel sums to about
0.4 n, and an element is seen in six of seven steps. 40 steps of 2 whose weights sum to one reach 80.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from . import noise
from .batches import RandomBatch
from .distill import Distillation
from .kernel import RBF, Independent, authors_median
from .level import Level
from .noise import NoiseField
from .scene import Crops
from .score import Score
from .stein import Couple, Stein, mean, row
from .timesteps import Descending, Random, Timesteps, schedule
from .tree import Theta
from .update import SGD, Adam, StepSize

PAPER_STEPS, BALANCED_STEPS, FAST_STEPS = 200, 40, 20
BALANCED_STEP_SIZE, FAST_STEP_SIZE = 2.0, 3.0
FAST_REUSE = 2


@dataclass(frozen=True)
class Preset:
    """All settings of a run apart from the scene and the model.

    order   the order of the noise levels
    noise   (scene, theta) -> noise field
    """

    steps: int
    order: Timesteps
    couple: Couple
    update: SGD | Adam
    noise: Callable[[Crops, Theta], NoiseField]
    batch: RandomBatch = field(default_factory=RandomBatch)
    reuse: int = 1

    def run(
        self, scene: Crops, theta: Theta, score: Score, level: Callable[[float], Level], seed: int = 0, **changes
    ) -> Distillation:
        """A run on `scene` from `theta`.

        level     the model's noise schedule: time in 0 ... 1 -> Level
        changes   arguments of `Distillation` to add or to replace
        """
        draws = -(-self.steps // self.reuse)
        settings = {
            "couple": self.couple,
            "update": self.update,
            "noise": self.noise(scene, theta),
            "batch": self.batch,
            "reuse": self.reuse,
        }
        levels = schedule(level, self.order, draws, seed)
        return Distillation(scene, score, levels, self.steps, seed, **{**settings, **changes})


def paper(
    step_size: float = 2.0,
    decay: float = 0.9,
    every: int = 20,
    coupled: bool = True,
    size: int | None = None,
    steps: int = PAPER_STEPS,
) -> Preset:
    """The authors' settings.

    size      particles per step; None: all
    coupled   False: without the kernel, and without 1/n, as in the authors' code
    """
    couple = Stein(RBF(authors_median), mean) if coupled else Stein(Independent(), row)
    update = SGD(StepSize(step_size, decay, every))
    return Preset(steps, Random(0.02, 0.5), couple, update, noise.MAKERS["independent"], RandomBatch(size))


def balanced(step_size: float = BALANCED_STEP_SIZE, size: int | None = None, steps: int = BALANCED_STEPS) -> Preset:
    """Our defaults. Each step takes `size` particles (None: all)."""
    update = SGD(StepSize(step_size))
    return Preset(steps, Descending(0.02, 0.5), Stein(RBF(), row), update, noise.MAKERS["canvas"], RandomBatch(size))


def fast(step_size: float = FAST_STEP_SIZE, size: int | None = None, steps: int = FAST_STEPS) -> Preset:
    """Fewer evaluations. Each step takes `size` particles (None: all).

    Wrap the score's predictions in `Remembering`. Without it nothing is saved.
    """
    slow = balanced(step_size, size, steps)
    return Preset(steps, slow.order, slow.couple, slow.update, slow.noise, slow.batch, FAST_REUSE)
