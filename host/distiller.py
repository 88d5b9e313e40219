"""The distillation loop as a sampler of the host.

theta, its particles and the memory of the update stay where the host keeps latents between nodes (the
CPU, unless it was told otherwise); the guider moves to the model's device what one call needs.

Noise and latents go through the host as particles [N, C, h, w]. In here theta is the canvas (or the
batch of frames), and the source is split from theta: windows that were encoded one by one disagree
where they overlap, and the residual would not vanish at the first step.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import comfy.model_management
import comfy.samplers
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..csd import noise as fields
from ..csd.bank import Bank
from ..csd.batches import RandomBatch, Stretches
from ..csd.correspondence import Flow
from ..csd.distill import Distillation, State
from ..csd.frames import Frames
from ..csd.guidance import Interval
from ..csd.parameterization import Parameterization, merge
from ..csd.score import PromptScore
from ..csd.stein import Stein
from ..csd.timesteps import Listed
from ..csd.update import SGD, Masked, Update
from . import preview, refusals
from .fingerprint import fingerprint
from .guider import CSDGuider
from .record import Record
from .states import Keeper, NotKept, StateFile


@dataclass
class Distiller(comfy.samplers.Sampler):
    """Runs score distillation with a `CSDGuider`.

    couple, update, noise   stages of the loop
    per_step                particles in a step, all where None
    from_noise              start from noise instead of the latents that come in, where those are empty
    bank, interval          savings that change the estimator: levels and noise used again, guidance at some levels
    states                  where the run keeps its states, if anywhere, and whether it goes on from there
    record                  filled while sampling
    """

    couple: Stein = Stein()
    update: Update = field(default_factory=SGD)
    noise: fields.NoiseField = fields.canvas
    per_step: int | None = None
    from_noise: bool = False
    bank: Bank = Bank()
    interval: Interval = Interval()
    states: StateFile | None = None
    record: Record = field(default_factory=Record)

    def sample(
        self, guider, sigmas, extra_args, callback, noise, latent_image=None, denoise_mask=None, disable_pbar=False
    ):
        if not isinstance(guider, CSDGuider):
            raise ValueError(
                f"CSD Distillation: got a guider of type {type(guider).__name__}, which has no baseline; "
                "use the CSD Guider node."
            )
        self.record = Record()
        guider.start(latent_image.shape[0])
        home = comfy.model_management.intermediate_device()
        latent_image = latent_image.to(home)
        denoise_mask = None if denoise_mask is None else denoise_mask.to(home)
        parameterization = guider.parameterization(latent_image)
        refusals.refuse_other_correspondence(parameterization.count, coupling=self.couple, noise=self.noise)
        parameterization = self._keyed(parameterization)
        source = merge(parameterization, latent_image)
        run = self._distillation(guider, parameterization, sigmas, extra_args, denoise_mask)
        start = self._start(run, source) if self.from_noise and not source.any() else source
        with self._keeper(guider, sigmas, source, denoise_mask, run) as keeper:
            begun, self.record = keeper.begin(run.init(start))
            final = self._follow(run, source, begun, callback, guider, keeper, disable_pbar)
        return parameterization.split(final.theta)

    def _keyed(self, parameterization: Parameterization) -> Parameterization:
        """Frames without names get those that a correspondence has, so that the order of views does not matter."""
        related = (getattr(stage, "correspondence", None) for stage in (self.couple, self.noise))
        names = next(filter(None, (getattr(correspondence, "names", ()) for correspondence in related)), ())
        unnamed = isinstance(parameterization, Frames) and not parameterization.names
        return Frames(parameterization.count, names) if unnamed else parameterization

    def _keeper(self, guider: CSDGuider, sigmas: Tensor, source: Tensor, mask: Tensor | None, run: Distillation):
        if self.states is None:
            return NotKept()
        settings = fingerprint(guider, self, sigmas, source, mask, run.seed)
        return Keeper(self.states, settings, self.bank.uses * run.round)

    def _distillation(
        self,
        guider: CSDGuider,
        parameterization: Parameterization,
        sigmas: Tensor,
        extra_args: dict,
        mask: Tensor | None,
    ) -> Distillation:
        turns = self._turns(parameterization.count)
        held = Bank(self.bank.uses * turns.get("round", 1))
        levels = [float(sigmas[step - step % held.uses]) for step in range(len(sigmas) - 1)]
        update = self.update if mask is None else Masked(self.update, merge(parameterization, mask))
        predict = self.bank.predict(partial(guider.predict, **extra_args))
        return Distillation(
            parameterization,
            PromptScore(predict, guider.guidance, guider.baseline, self.interval),
            guider.levels.level,
            steps=len(levels),
            seed=extra_args.get("seed") or 0,
            couple=self.couple,
            update=update,
            timesteps=Listed(tuple(levels)),
            noise=held.noise(self.noise),
            **turns,
        )

    def _turns(self, count: int) -> dict:
        """Which of `count` particles take part in a step, as keyword arguments of `Distillation`.

        Where frames are coupled in time these are neighbours, of whom a few drawn at random would hardly meet, and
        the anchors, as far as they leave half of the places. A round of such steps shares its level and its
        noise and moves theta at its end, so that it is one step of all frames, but for pairs that a cut parts.
        """
        correspondence = getattr(self.couple, "correspondence", None)
        if not (isinstance(correspondence, Flow) and self.per_step and self.per_step < count):
            return {"batches": RandomBatch(self.per_step)}
        anchors, most = correspondence.anchors, self.per_step // 2
        witnesses = anchors[:: max(1, -(-len(anchors) // max(1, most)))][:most]
        batches = Stretches(self.per_step - len(witnesses))
        return {"batches": batches, "witnesses": witnesses, "round": batches.steps_a_round(count)}

    def _follow(
        self, run: Distillation, source: Tensor, start: State, callback, guider: CSDGuider, keeper, disable_pbar
    ) -> State:
        cost, state = self._clock(guider), start
        for state in tqdm(run(source, start), total=run.steps, initial=start.step, disable=disable_pbar):
            self.record.add(state, self.update.size((state.step - 1) // run.round))
            self.record = replace(self.record, **cost())
            keeper(state, self.record)
            if callback is not None:
                particles = preview.placed(callback, run.parameterization.split(state.theta), guider.model_patcher)
                callback(state.step - 1, particles, None, run.steps)
        if not torch.isfinite(state.theta).all():
            raise ValueError("latents: they grew without bound; lower the step size or the guidance.")
        return state

    def _clock(self, guider: CSDGuider) -> Callable[[], dict]:
        """What the run has cost so far, with what it had cost before it was taken up again."""
        begun, before = time.perf_counter(), self.record

        def cost() -> dict:
            seconds = before.seconds + time.perf_counter() - begun
            return {"evaluations": before.evaluations + guider.evaluations, "seconds": seconds}

        return cost

    @staticmethod
    def _start(run: Distillation, theta: Tensor) -> Tensor:
        """Noise in the shape of theta."""
        draws = fields.Draws(run.seed, -1)
        rows = [draws.normal(theta.shape[1:], "start", key) for key in run.parameterization.theta_keys()]
        return torch.stack(rows).to(theta)
