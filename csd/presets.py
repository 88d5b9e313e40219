"""Named settings.

`paper` is the authors' arithmetic: 1/n normalisation, their median, independent noise, random levels,
SGD whose step size falls by a tenth every 20 steps, and the guided baseline. `balanced` is ours: weights
that sum to one, noise that overlapping windows share, descending levels.
"""

from . import noise
from .batches import RandomBatch
from .kernel import RBF, Independent, authors_median
from .stein import Stein, mean, row
from .timesteps import Descending, Random
from .update import SGD, StepSize


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


def balanced(step_size: float = 2.0, size: int | None = None):
    """Keyword arguments of `Distillation`."""
    return {
        "couple": Stein(RBF(), row),
        "update": SGD(StepSize(step_size)),
        "timesteps": Descending(0.02, 0.5),
        "noise": noise.canvas,
        "batches": RandomBatch(size),
    }
