"""The distillation loop as a sampler of the host.

theta, its particles and the memory of the update stay where the host keeps latents between nodes. By default this is
the CPU. The guider moves to the model's device what one call needs.

Noise and latents go through the host as particles [N, C, h, w]. In this file theta is the canvas, or the batch of
frames. The source is split from theta too. The original windows would not do: they were encoded one by one and disagree
where they overlap. The residual would not be zero at the first step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter

import comfy.model_management
import comfy.samplers
import torch
from torch import Tensor

from ..csd.batches import RandomBatch
from ..csd.correspondence import Correspondence
from ..csd.distill import Distillation, Stepped
from ..csd.draws import Draws
from ..csd.frames import Frames
from ..csd.guidance import Interval, Predict
from ..csd.level import Level
from ..csd.noise import MAKERS, NoiseField, Scaled
from ..csd.reuse import Remembering
from ..csd.scene import Crops, merge
from ..csd.score import Score
from ..csd.stein import Couple, Stein
from ..csd.tree import Theta
from ..csd.update import SGD, Adam, Masked
from . import preview, small
from .fingerprint import fingerprint
from .forecast import Counting, Forecast, evaluations
from .guider import CSDGuider
from .loop import Loop
from .record import Record
from .residual import score_of
from .states import StateFile, keeper_of

_LARGE = 1e3  # usual latents are about one


@dataclass(frozen=True)
class NoiseChoice:
    """The choice of a noise field. The field itself is made when scene and theta are known.

    make             (scene, theta) -> noise field
    correspondence   along which the noise moves; None: it does not
    """

    make: Callable[[Crops, Tensor], NoiseField] = MAKERS["canvas"]
    correspondence: Correspondence | None = None


@dataclass
class Distiller(comfy.samplers.Sampler):
    """Runs score distillation with a `CSDGuider`.

    couple, update, noise   stages of the loop
    per_step                particles in a step; None: all. A step always takes all frames that are coupled in time.
    from_noise              whether empty latents are replaced by noise at the start
    begin                   particles to start from, in the form of the host; None: the latents that come in
    reuse                   how many steps in a row share a noise level and its noise
    interval                the noise levels at which guidance acts
    advice                  what is shown beside the progress
    states                  the file that the run is kept in; None: it is not kept
    record                  what the report shows; filled while sampling
    """

    couple: Couple = Stein()
    update: SGD | Adam = field(default_factory=SGD)
    noise: NoiseChoice = NoiseChoice()
    per_step: int | None = None
    from_noise: bool = False
    begin: Tensor | None = None
    reuse: int = 1
    interval: Interval = Interval()
    advice: str = ""
    states: StateFile | None = None
    record: Record = field(default_factory=Record)

    def sample(self, guider, sigmas, extra_args, callback, noise, latent_image, denoise_mask=None, disable_pbar=False):
        if not isinstance(guider, CSDGuider):
            raise ValueError(
                f"CSD Distillation: got a guider of type {type(guider).__name__}, which has no baseline; "
                "use the CSD Guider node."
            )
        home = comfy.model_management.intermediate_device()
        latent_image = latent_image.to(home)
        denoise_mask = None if denoise_mask is None else denoise_mask.to(home)
        scene = self._named(guider.scene(latent_image))
        source = merge(scene, latent_image)
        run = self._distillation(guider, scene, source, sigmas, extra_args, denoise_mask)
        guider.start(latent_image.shape[0])
        settings = partial(fingerprint, guider, self, sigmas, source, denoise_mask, run.seed)
        keeper = keeper_of(self.states, settings, self.reuse)
        loop = self._loop(guider, run, source, sigmas, keeper, callback, disable_pbar)
        state, self.record = loop(source, self._start(run, source, guider))
        final = _tensor(state.theta)
        seen = self._seen(guider, scene, source, final)
        self.record = replace(self.record, peak=guider.peak.most, warnings=self.advice, **seen)
        return scene.split(final)

    def _loop(
        self,
        guider: CSDGuider,
        run: Distillation[Crops],
        source: Tensor,
        sigmas: Tensor,
        keeper,
        callback,
        silent: bool,
    ) -> Loop:
        def show(state: Stepped) -> Tensor:
            return preview.placed(callback, run.scene.split(_tensor(state.theta)), guider.model_patcher)

        size = self._stepping(guider, run.levels, sigmas).size
        forecast = partial(self._forecast, run, source, guider)
        return Loop(run, guider, keeper, _refuse_broken, size, show, callback, forecast, self.advice, silent)

    def _forecast(self, run: Distillation[Crops], source: Tensor, guider: CSDGuider, begun: int) -> Forecast:
        """What the run will take from step `begun` on."""
        count = evaluations(run, Counting(guider.cost_of), self._score(guider, run.levels, 0.0), begun)
        particle, _ = run.scene.view(source, [0])
        return Forecast(guider, count, (run.scene.count, *particle.shape[1:]))

    def _seen(self, guider: CSDGuider, scene: Crops, source: Tensor, final: Tensor) -> dict:
        """Pictures of the source, where there is one, and of the result; and how far they are from each other."""
        before = [] if self.from_noise and not source.any() else small.pictures(guider.model_patcher, source)
        after = small.pictures(guider.model_patcher, final)
        return {"before": before, "after": after, **small.compared(scene, self.couple.correspondence, before, after)}

    def _named(self, scene: Crops) -> Crops:
        """Gives frames without names the names of a correspondence. So the order of views does not matter."""
        if not isinstance(scene, Frames) or scene.names:
            return scene
        related = (stage.correspondence for stage in (self.couple, self.noise))
        names = (correspondence.names for correspondence in related if correspondence is not None)
        return Frames(scene.count, next(filter(None, names), ()))

    def _distillation(
        self, guider: CSDGuider, scene: Crops, source: Tensor, sigmas: Tensor, extra_args: dict, mask: Tensor | None
    ) -> Distillation[Crops]:
        levels = [guider.levels.level(float(sigma)) for sigma in sigmas[: -1 : self.reuse]]
        update = self._stepping(guider, levels, sigmas)
        return Distillation(
            scene,
            self._score(guider, levels, float(sigmas[-1]))(partial(guider.predict, **extra_args)),
            levels,
            steps=len(sigmas) - 1,
            seed=extra_args.get("seed") or 0,
            couple=self.couple,
            update=update if mask is None else Masked(update, merge(scene, mask)),
            noise=self._field(scene, source, guider.levels.noise_scale),
            batch=RandomBatch(None if self._in_time else self.per_step),
            reuse=self.reuse,
            at_once=guider.at_once,
            weight=(lambda level: 1.0) if guider.velocity else attrgetter("weight"),
        )

    def _score(self, guider: CSDGuider, levels: Sequence[Level], end: float) -> Callable[[Predict], Score]:
        """Makes the score of the run out of predictions. `end`: sigma after the last step."""

        def score(predict: Predict) -> Score:
            predict = predict if self.reuse == 1 else Remembering(predict)
            ways = levels, self.reuse, end
            return score_of(guider.velocity, predict, guider.guidance, guider.baseline, self.interval, *ways)

        return score

    def _field(self, scene: Crops, theta: Tensor, scale: float) -> NoiseField:
        field = self.noise.make(scene, theta)
        return field if scale == 1 else Scaled(field, scale)

    def _stepping(self, guider: CSDGuider, levels: Sequence[Level], sigmas: Tensor) -> SGD | Adam:
        if guider.velocity is None:
            return self.update
        return guider.velocity.update(self.update, levels, len(sigmas) - 1, self.reuse, float(sigmas[-1]))

    @property
    def _in_time(self) -> bool:
        correspondence = self.couple.correspondence
        return correspondence is not None and correspondence.in_time

    def _start(self, run: Distillation[Crops], source: Tensor, guider: CSDGuider) -> Tensor:
        """Theta before the first step."""
        if self.begin is not None:
            return merge(run.scene, guider.inner_model.process_latent_in(self.begin.to(source)))
        scale = guider.levels.noise_scale
        return scale * self._noise(run, source) if self.from_noise and not source.any() else source

    @staticmethod
    def _noise(run: Distillation[Crops], theta: Tensor) -> Tensor:
        """Noise in the shape of theta."""
        return Draws(run.seed, -1).rows(theta.shape[1:], run.scene.theta_keys(), "start").to(theta)


def _tensor(theta: Theta) -> Tensor:
    """theta of a run in the host, which is always one tensor: canvases or frames."""
    if not isinstance(theta, Tensor):
        raise TypeError(f"theta: got a {type(theta).__name__}, expected a tensor.")
    return theta


def _refuse_broken(state: Stepped, before: Theta) -> None:
    """Raises ValueError if numbers are not finite any more. It says whether the steps or the model are to blame."""
    whole, answered = torch.isfinite(_tensor(state.theta)).all(), torch.isfinite(state.residual)
    if whole and answered.all():
        return
    if answered.all() or _tensor(before).abs().max() > _LARGE:
        raise ValueError(
            f"latents: they grew without bound until step {state.step}, expected numbers of about one; lower step_size "
            "or guidance."
        )
    broken = [i for i, finite in zip(state.index, answered.tolist()) if not finite]
    raise ValueError(
        f"model: got numbers that are not finite in step {state.step} for particles {_listed(broken)}, expected finite "
        "ones; look at the model's precision (fp16 overflows in some), its prompts and its patches."
    )


def _listed(numbers: list[int], most: int = 8) -> str:
    shown = ", ".join(map(str, numbers[:most]))
    return f"{shown} and {len(numbers) - most} more" if len(numbers) > most else shown
