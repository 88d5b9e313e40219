"""A scene of splats distilled from a text, as a sampler of the host.

The particles are the views of a step. The guider holds a prompt for each thing that a prompt can say of a view; a view
takes the row of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import comfy.samplers
import torch
from torch import Tensor

from ..csd.descent import Approached, Pulled
from ..csd.distill import Distillation, Stepped
from ..csd.guidance import Call, Request
from ..csd.level import Level
from ..csd.score import AveragedScore, PromptScore
from ..csd.stein import Couple, Stein
from ..csd.tree import Theta, named_leaves
from ..splats.around import Around, AroundScene
from ..splats.edit import Codec
from ..splats.fit import Fitting
from ..splats.splats import Splats
from .apart import looking
from .fingerprint import fingerprint
from .guider import CSDGuider
from .loop import Loop
from .preview import in_rows
from .record import Record
from .states import StateFile, keeper_of
from .vae import pictures
from .vae_gradient import adjoint_of_encoder


@dataclass
class SceneDistiller(comfy.samplers.Sampler):
    """Runs score distillation of a scene with a `CSDGuider`.

    vae      encodes and decodes the rendered views
    around   from where the scene is seen
    start    the scene to start from
    words    what the prompts of the guider say of a view, in their order
    fitting  how the splats take a step; its number of steps does not count
    approach how many steps they take towards the pictures that each step of the run asks for; 0: one step along the
             pullback of its directions
    draws    of noise for each view, over which the residuals are averaged
    adjoint  whether directions go back by the gradient of the VAE's encoder
    final    the scene after the run; filled while sampling
    """

    vae: Any
    around: Around
    start: Splats
    words: Sequence[str]
    fitting: Fitting
    couple: Couple = Stein()
    approach: int = 0
    draws: int = 1
    adjoint: bool = False
    states: StateFile | None = None
    record: Record = field(default_factory=Record)
    final: Splats | None = None

    def sample(self, guider, sigmas, extra_args, callback, noise, latent_image, denoise_mask=None, disable_pbar=False):
        guider.start(len(self.words))
        run = self._distillation(guider, sigmas, extra_args)
        keeper = keeper_of(self.states, partial(fingerprint, guider, self, sigmas, self.start.tree, None, run.seed))
        show = partial(self._shown, guider)
        loop = Loop(run, guider, keeper, _refuse_broken, self._size, show, callback, silent=disable_pbar)
        final, self.record = loop(None, self.start.tree)
        self.final = Splats.of(final.theta)
        return latent_image

    def _distillation(self, guider: CSDGuider, sigmas: Tensor, extra_args: dict) -> Distillation[AroundScene]:
        predict = PromptsOfViews(guider, self.words, extra_args)
        return Distillation(
            AroundScene(self.around, self._codec(guider), follow=looking),
            AveragedScore(PromptScore(predict, guider.guidance, guider.baseline), self.draws),
            [guider.levels.level(float(sigma)) for sigma in sigmas[:-1]],
            seed=extra_args.get("seed") or 0,
            couple=self.couple,
            update=self.fitting.update(self.start),
            descent=Approached(self.approach, self.fitting.views, looking) if self.approach else Pulled(),
            weight=self._weight,
            at_once=guider.at_once,
        )

    def _weight(self, level: Level) -> float:
        """An approach goes the whole way to the denoised estimate."""
        return level.to_denoised if self.approach else level.weight

    def _size(self, step: int) -> float:
        """Length of the steps that the splats take, at the beginning of a step of the run."""
        return self.fitting.size(step * max(self.approach, 1))

    def _codec(self, guider: CSDGuider) -> Codec:
        """Between pictures on the device of the splats and latents in the scaling of the model."""
        model, home = guider.inner_model, self.start.positions.device
        return Codec(
            lambda pictures: model.process_latent_in(self.vae.encode(pictures)).to(home),
            lambda latents: pictures(self.vae.decode(model.process_latent_out(latents))).to(home),
            adjoint_of_encoder(self.vae, model.process_latent_in) if self.adjoint else None,
        )

    def _shown(self, guider: CSDGuider, state: Stepped) -> Tensor:
        """The scene from four sides as latents, in rows. It turns from step to step."""
        sides = [(5 * state.step + side) % 360 for side in (0.0, 90.0, 180.0, 270.0)]
        around = replace(self.around, views=len(sides))
        scene = AroundScene(around, self._codec(guider)).seen(sides, [15.0] * len(sides), [0.5] * len(sides))
        x, _ = scene.view(state.theta, range(len(sides)))
        return in_rows(x).to(guider.model_patcher.load_device)


@dataclass(frozen=True)
class PromptsOfViews:
    """Predictions in which each view has its own row of the guider's prompts."""

    guider: CSDGuider
    words: Sequence[str]
    extra: dict

    def __call__(self, requests: Sequence[Request], call: Call) -> list[Tensor]:
        scene = cast(AroundScene, call.scene)
        rows = [self.words.index(scene.words[view]) for view in call.index]
        return self.guider.predict(requests, replace(call, index=rows), **self.extra)


def _refuse_broken(state: Stepped, before: Theta) -> None:
    """Raises ValueError where numbers are not finite any more."""
    if not torch.isfinite(state.residual).all():
        raise ValueError(
            f"model: got numbers that are not finite in step {state.step}, expected finite ones; look at the model's "
            "precision (fp16 overflows in some), its prompts and its patches."
        )
    if not all(torch.isfinite(leaf).all() for _, leaf in named_leaves(state.theta)):
        raise ValueError(
            f"splats: got numbers that are not finite in step {state.step}, expected finite ones; lower rate or "
            "guidance."
        )
