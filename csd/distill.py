"""The loop: SPLIT -> SCORE -> COUPLE -> MERGE -> UPDATE, as an iterator of states.

A step is one step of the whole set. Its particles are scored a few at a time. Their residuals are kept, coupled all
together, and pulled back into one gradient. So `at_once` changes memory and speed, and the result by rounding only.

Progress, previews and cancelling are left to the caller, who consumes the iterator. All random draws are keyed by
step. So a run that is resumed from one of its states goes on as if it had never stopped.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

import torch
from torch import Tensor

from .batches import Batch, RandomBatch
from .descent import Descent, Directed, Pulled
from .draws import Draws
from .guidance import Call
from .kernel import Gram
from .level import Level
from .noise import Independent, NoiseField
from .scene import Index, Scene, parts_of
from .score import Score
from .stein import Couple, Seen, Stein
from .tree import Theta
from .update import SGD, Memory, Update


@dataclass(frozen=True)
class State:
    """A state from which a run can go on: theta after `step` steps, and the memory of its update."""

    step: int
    theta: Theta
    memory: Memory


@dataclass(frozen=True)
class Stepped(State):
    """The state after a step, and what the step saw.

    index      the particles of the step
    residual   [n] root mean square of each particle's residual
    gram       the kernel of the step
    """

    level: Level
    index: Index
    residual: Tensor
    gram: Gram


AnyScene = TypeVar("AnyScene", bound=Scene)


@dataclass(frozen=True)
class Distillation(Generic[AnyScene]):
    """The exchangeable parts of a run.

    scene     theta -> particles, and directions back
    score     particles -> residuals; holds the model
    levels    noise levels, one for every `reuse` steps
    steps     how many; None: `reuse` for each level
    couple    residuals -> directions
    update    gradient -> theta
    descent   directions and update -> theta
    noise     noise of the particles; None: one draw for each
    batch     which particles take part in a step
    weight    Level -> w(t)
    reuse     how many steps in a row share a level and its noise
    at_once   how many particles are scored together; None: all
    follow    wraps the parts of each step, as `tqdm` wraps an iterable: for progress and for cancelling
    """

    scene: AnyScene
    score: Score
    levels: Sequence[Level]
    steps: int | None = None
    seed: int = 0
    couple: Couple = Stein()
    update: Update = field(default_factory=SGD)
    descent: Descent = Pulled()
    noise: NoiseField | None = None
    batch: Batch = RandomBatch()
    weight: Callable[[Level], float] = lambda level: level.weight
    reuse: int = 1
    at_once: int | None = None
    follow: Callable[[Sequence[Index]], Iterable[Index]] = iter

    def __post_init__(self):
        if self.reuse < 1:
            raise ValueError(f"Distillation: got a reuse of {self.reuse} steps, expected at least one.")
        if not 1 <= self.length <= len(self.levels) * self.reuse:
            raise ValueError(
                f"Distillation: got {self.length} steps, expected at least one and at most "
                f"{len(self.levels) * self.reuse}, for {len(self.levels)} levels of {self.reuse} steps each."
            )
        self._check_correspondence()

    @property
    def length(self) -> int:
        """How many steps the run takes."""
        return len(self.levels) * self.reuse if self.steps is None else self.steps

    def _check_correspondence(self) -> None:
        correspondence = self.couple.correspondence
        if correspondence is not None and correspondence.count != self.scene.count:
            raise ValueError(
                f"coupling: got a correspondence of {correspondence.count} particles for {self.scene.count}; make it "
                "from the same frames, views or windows as the latents."
            )

    def init(self, theta: Theta) -> State:
        return State(0, theta, self.update.init(theta))

    def call(self, step: int) -> Call:
        """What the model is asked for in a step: its level, its particles, and the random numbers of the noise."""
        draws, level = Draws(self.seed, step // self.reuse), self.levels[step // self.reuse]
        scene = self.scene.at(draws)
        return Call(level, self.batch(Draws(self.seed, step), scene), scene, draws, step / self.length)

    def step(self, state: State, source: Theta | None = None) -> Stepped:
        """One step. `source` is the unedited theta. Baselines noise it and predict on it."""
        call = self.call(state.step)
        level, index, scene = call.level, call.index, call.scene
        look = partial(self._look, state.theta, source, call)
        x, x_t, residual = self._in_parts(look, index)  # SPLIT, SCORE
        direction, gram = self.couple(Seen(x, x_t, index, state.theta), residual)  # COUPLE
        lengths = self.weight(level) * direction
        found = Directed(state.theta, state.memory, scene, index, x, lengths, state.step, Draws(self.seed, state.step))
        theta, memory = self.descent(found, self.update)  # MERGE, UPDATE
        return Stepped(state.step + 1, theta, memory, level, index, rms(residual), gram)

    def _look(self, theta: Theta, source: Theta | None, whole: Call, places: Sequence[int]) -> tuple[Tensor, ...]:
        """SPLIT and SCORE: x, x_t and the residual of the particles at some places of the step's index."""
        call = whole.of(places)
        x, _ = call.scene.view(theta, call.index)
        original = None if source is None else call.scene.view(source, call.index)[0]
        noise = self.noise or Independent(call.scene.keys())
        eps = noise(call.draws, call.index, x)
        return x, *self.score(x, original, eps, call)

    def _in_parts(self, look: Callable[[Sequence[int]], tuple[Tensor, ...]], index: Index) -> Iterator[Tensor]:
        sizes = [size for size in (self.at_once, self.scene.views_at_once) if size]
        parts = parts_of(range(len(index)), min(sizes, default=None))
        return (torch.cat(found) for found in zip(*map(look, self.follow(parts)), strict=True))

    def __call__(self, source: Theta | None, start: State | None = None) -> Iterator[Stepped]:
        """The state after every step. The run begins at theta = source, or goes on from the state `start`."""
        if start is None:
            if source is None:
                raise ValueError("Distillation: got neither a source nor a state; give it one of them to start from.")
            start = self.init(source)
        state = start
        while state.step < self.length:
            state = self.step(state, source)
            yield state


def rms(residual: Tensor) -> Tensor:
    """Root mean square of each particle, [n]."""
    return residual.flatten(1).square().mean(1).sqrt()
