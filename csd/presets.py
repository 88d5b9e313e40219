"""Named settings.

`paper` is the authors' arithmetic: 1/n normalisation, their median, independent noise, random levels,
SGD whose step size falls by a tenth every 20 steps, and the guided baseline. `balanced` is ours: weights
that sum to one, noise that overlapping windows share, descending levels. `fast` is the same in fewer, larger
steps, every level used for several of them.

A run gets as far as its step sizes together reach. The authors' 200 decaying steps of 2 under 1/n reach about 90
with four of twelve windows a step: a row of their kernel sums to about 0.4 n, and an element is met in six steps of
seven. 40 steps of 2 whose weights sum to one reach 80.
"""

from . import noise
from .bank import Bank
from .batches import RandomBatch
from .kernel import RBF, Independent, authors_median
from .stein import Stein, mean, row
from .timesteps import Descending, Random
from .update import SGD, StepSize

PAPER_STEPS, BALANCED_STEPS, FAST_STEPS = 200, 40, 20
BALANCED_STEP_SIZE, FAST_STEP_SIZE = 2.0, 3.0
FAST_USES = 2


def paper(step_size: float = 2.0, decay: float = 0.9, every: int = 20, coupled: bool = True, size: int | None = None):
    """Keyword arguments of `Distillation`. Uncoupled, the authors leave 1/n out as well as the kernel."""
    couple = Stein(RBF(authors_median), mean) if coupled else Stein(Independent(), row)
    return {
        "couple": couple,
        "update": SGD(StepSize(step_size, decay, every)),
        "timesteps": Random(0.02, 0.5),
        "noise": noise.independent,
        "batches": RandomBatch(size),
    }


def balanced(step_size: float = BALANCED_STEP_SIZE, size: int | None = None):
    """Keyword arguments of `Distillation`."""
    return {
        "couple": Stein(RBF(), row),
        "update": SGD(StepSize(step_size)),
        "timesteps": Descending(0.02, 0.5),
        "noise": noise.canvas,
        "batches": RandomBatch(size),
    }


def fast(step_size: float = FAST_STEP_SIZE, size: int | None = None):
    """Keyword arguments of `Distillation`, for which the score's predictions go through `Bank.predict`."""
    bank, settings = Bank(FAST_USES), balanced(step_size, size)
    return settings | {"timesteps": bank.timesteps(settings["timesteps"]), "noise": bank.noise(settings["noise"])}
