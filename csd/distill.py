"""The loop: SPLIT -> SCORE -> COUPLE -> MERGE -> UPDATE, as an iterator of states.

Progress, previews and cancelling live with whoever consumes the iterator. A run taken up from one
of its states goes on as if it had never stopped, because all draws are keyed by step.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from torch import Tensor

from . import noise
from .batches import Batches, RandomBatch
from .kernel import Gram
from .level import Level
from .noise import Draws, NoiseField
from .parameterization import Index, Parameterization, merge
from .score import Score
from .stein import Couple, Stein
from .timesteps import Random, Timesteps
from .update import SGD, Memory, Update


@dataclass(frozen=True)
class State:
    """theta after `step` steps, and what the last of them saw (None before the first).

    residual   [n] root mean square of each particle's residual
    pending    the gradient of this round so far, which has not moved theta yet
    """

    step: int
    theta: Tensor
    memory: Memory
    level: Level | None = None
    index: Index = ()
    residual: Tensor | None = None
    gram: Gram | None = None
    pending: Tensor | float = 0.0


@dataclass(frozen=True)
class Distillation:
    """The exchangeable parts of a run.

    parameterization   theta -> particles
    score              particles -> residuals; holds the model
    levels             time in 0 ... 1 -> Level, the model's noise schedule
    weight             Level -> w(t)
    witnesses          particles that take part in the coupling of every step, but move only when their turn comes
    round              steps after which theta moves, by all their gradients: one large step, a part at a time
    """

    parameterization: Parameterization
    score: Score
    levels: Callable[[float], Level]
    steps: int
    seed: int = 0
    couple: Couple = Stein()
    update: Update = field(default_factory=SGD)
    timesteps: Timesteps = Random()
    noise: NoiseField = noise.independent
    batches: Batches = RandomBatch()
    weight: Callable[[Level], float] = lambda level: level.weight
    witnesses: Index = ()
    round: int = 1

    def __post_init__(self):
        if self.steps < 1:
            raise ValueError(f"Distillation: got {self.steps} steps, expected at least one.")

    def init(self, theta: Tensor) -> State:
        return State(0, theta, self.update.init(theta))

    def step(self, state: State, source: Tensor) -> State:
        """One step. source [B, C, H, W]: the unedited theta, which baselines noise and compare with."""
        draws = Draws(self.seed, state.step)
        level = self.levels(self.timesteps(state.step, self.steps, draws))
        moved = self.batches(draws, self.parameterization)
        index = sorted({*moved, *self.witnesses}) if self.witnesses else moved
        x = self.parameterization.split(state.theta, index)
        eps = self.noise(draws, state.theta, x, self.parameterization, index)
        x_t, residual = self.score(x, self.parameterization.split(source, index), eps, level, index)
        direction, gram = self.couple(x_t, residual, index)
        own = direction[[index.index(particle) for particle in moved]] if self.witnesses else direction
        gradient = state.pending + merge(self.parameterization, self.weight(level) * own, moved)
        seen = level, index, residual.flatten(1).square().mean(1).sqrt(), gram
        step = state.step + 1
        if step % self.round and step < self.steps:
            return State(step, state.theta, state.memory, *seen, gradient)
        return State(step, *self.update.step(state.theta, gradient, state.memory, state.step // self.round), *seen)

    def __call__(self, source: Tensor, start: State | None = None) -> Iterator[State]:
        """Every state after the first, from theta = source or from the state `start`."""
        state = self.init(source) if start is None else start
        while state.step < self.steps:
            state = self.step(state, source)
            yield state
