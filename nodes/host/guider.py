"""Guided predictions through the host's guider path.

A guider of the host mixes a positive and a negative prediction. This one holds up to four
conditionings, which are the branches of `csd.guidance`, and mixes those that are asked for, so that
model patches, hooks, wrappers and guidance patches on MODEL have their effect on each prediction:

    positive   text and image         negative   image alone (the negative prompt)
    source     source prompt, image   none       neither

With g the text and gi the image scale, and `pair` what the host makes of text and image,

    denoised = pair + (gi - 1) * (image - none),     pair = image + g * (text - image)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import comfy.patcher_extension as extension
import comfy.samplers
from torch import Tensor

from ...csd.baseline import Baseline, DrawnNoise, ImageConditional, SourcePrompt
from ...csd.frames import Frames
from ...csd.guidance import IMAGE, NONE, SOURCE, TARGET, Guidance, Request
from ...csd.level import Level
from ...csd.parameterization import Parameterization
from ..errors import named
from ..layout import Layout
from . import conditioning, refusals
from .chunking import Chunks
from .fit import Fit, fit_conds, without_image
from .levels import Levels

CONDS = {TARGET: "positive", SOURCE: "source", IMAGE: "negative", NONE: "none"}
_CFG_PATCHES = ("sampler_cfg_function", "sampler_pre_cfg_function", "sampler_post_cfg_function")


@dataclass(frozen=True)
class _Call:
    """What the model call under way is for: a guidance, and which particles, with their ControlNets."""

    guidance: Guidance
    rows: Sequence[int]
    chains: dict


class CSDGuider(comfy.samplers.CFGGuider):
    """A guider of several images at once.

    model      ModelPatcher; cloned
    guidance   scales of the target's prediction
    baseline   what is subtracted from it
    layout     where the particles lie on a canvas; None for independent images
    at_once    how many particles go through the model in one call
    names      what to key the draws of independent images by; their position where empty
    node       who speaks in error messages
    """

    def __init__(
        self,
        model,
        guidance: Guidance,
        baseline: Baseline,
        layout: Layout | None = None,
        at_once: int = 4,
        names: tuple[str, ...] = (),
        node: str = "CSD Guider",
    ):
        super().__init__(model.clone())
        self.levels = Levels(self.model_patcher.get_model_object("model_sampling"))
        self.guidance, self.baseline, self.layout = guidance, baseline, layout
        self.at_once, self.names, self.node = at_once, names, node
        self.chunks = Chunks(at_once)
        self.evaluations = 0
        self._call: _Call | None = None
        self._given: dict[str, list[dict]] = {}
        patcher = self.model_patcher
        patcher.add_wrapper_with_key(extension.WrappersMP.PREPARE_SAMPLING, "csd", self._estimate_one_chunk)
        patcher.add_wrapper_with_key(extension.WrappersMP.APPLY_MODEL, "csd", self._count)

    def set_conds(self, positive, negative, source=None) -> None:
        """Conditioning as the host's nodes give it. `source` describes the source image, for that baseline."""
        self.inner_set_conds({"positive": positive, "negative": negative})
        if isinstance(self.baseline, SourcePrompt):
            if source is None:
                raise ValueError(
                    "baseline: got no source prompt; connect a conditioning that describes the source image."
                )
            self.inner_set_conds({"source": source})
        self._given = dict(self.original_conds)

    def parameterization(self, particles: Tensor) -> Parameterization:
        return self.layout.windows_for(particles) if self.layout else Frames(particles.shape[0], self.names)

    def sample(
        self, noise, latent_image, sampler, sigmas, denoise_mask=None, callback=None, disable_pbar=False, seed=None
    ):
        with named(self.node):
            self._check(latent_image, sigmas, denoise_mask)
            latent_image = latent_image.float()  # before the host scales it: half precision would round
            fit = Fit(latent_image.shape[0], tuple(latent_image.shape[-2:]), self.layout)
            if denoise_mask is not None:
                denoise_mask = fit.noise_mask(denoise_mask, latent_image)
            self.chunks, self.evaluations = Chunks(self.at_once), 0
            try:
                self._fit_conds(fit)
                return super().sample(noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed)
            finally:
                self.original_conds, self._call = dict(self._given), None

    def _check(self, latents: Tensor, sigmas: Tensor, denoise_mask: Tensor | None) -> None:
        refusals.refuse_bad_latents(latents)
        refusals.refuse_bad_sigmas(sigmas)
        refusals.refuse_single_trajectory(self.model_patcher, denoise_mask)
        refusals.refuse_keyframed_hooks(self._given, sigmas)
        self.parameterization(latents)

    def _fit_conds(self, fit: Fit) -> None:
        chains: dict = {}
        self.original_conds = {name: fit_conds(fit, name, conds, chains) for name, conds in self._given.items()}
        self.original_conds["none"] = without_image(self.original_conds["negative"])

    def _check_image(self) -> None:
        """Refuse models and prompts without an image where the baseline or the guidance is about one."""
        about_image = isinstance(self.baseline, ImageConditional) or self.guidance.image != 1
        if about_image and not isinstance(self.baseline, DrawnNoise):
            given = {name: conds for name, conds in self.conds.items() if name != "none"}
            refusals.refuse_ignored_image(given, self.conds["none"])

    def predict(self, requests: Sequence[Request], level: Level, index, **extra) -> list[Tensor]:
        """`csd.guidance.Predict`: eps_hat of particles `index` for each request."""
        return [self._predict_one(request, level, index, extra) for request in requests]

    def _predict_one(self, request: Request, level: Level, index, extra: dict) -> Tensor:
        x = self.levels.host_x(request.x_t, level)
        sigma = self.levels.host_sigma(level)

        def run(places):
            self._call = self._call_for(request.guidance, [index[place] for place in places])
            part = x[places.start : places.stop]
            return self(part, part.new_full((len(part),), sigma), **extra)

        denoised = self.chunks(run, len(x))
        return level.eps_from_denoised(request.x_t, denoised)

    def _call_for(self, guidance: Guidance, rows: Sequence[int]) -> _Call:
        """A call for the same particles as the last one takes over its ControlNets, with the hints they prepared."""
        last = self._call
        return _Call(guidance, rows, last.chains if last is not None and last.rows == rows else {})

    def predict_noise(self, x, timestep, model_options, seed=None):
        """Called by the host's wrappers: the denoised particles of the call under way."""
        if self._call is None:
            raise ValueError("got a sampler that follows one trajectory, expected the CSD Distillation sampler.")
        guidance = self._call.guidance
        conds = {branch: self._conds_of(branch) for branch in self._branches(guidance, model_options)}
        text_free = guidance.prompt == IMAGE
        asked = [None if text_free else conds.get(guidance.prompt), conds.get(IMAGE)]
        text, image = self._evaluate(asked, x, timestep, model_options)
        if text_free:
            text, asked[0] = image, asked[1]
        scale = 1.0 if text_free else guidance.text
        pair = self._pair(asked, [text, image], scale, x, timestep, model_options)
        if guidance.image == 1:
            return pair
        # By itself and in the place of a negative prompt: patches of the host tell two prompts apart, not three.
        _, none = self._evaluate([None, conds.get(NONE)], x, timestep, model_options)
        return pair + (guidance.image - 1) * (image - none)

    def _branches(self, guidance: Guidance, model_options: dict) -> set[str]:
        """The branches to evaluate; the others have coefficient zero, and the host gives zeros for them.

        Guidance patches see the pair that the host would show them.
        """
        needed = set(guidance.coefficients())
        if any(model_options.get(name) for name in _CFG_PATCHES):
            needed.add(guidance.prompt)
            if not math.isclose(guidance.text, 1.0) or model_options.get("disable_cfg1_optimization"):
                needed.add(IMAGE)
        return needed

    def _conds_of(self, branch: str) -> list[dict]:
        return conditioning.take(
            self.conds[CONDS[branch]], self._call.rows, self._count_of_particles, self._call.chains
        )

    def _evaluate(self, conds: list, x: Tensor, timestep: Tensor, model_options: dict) -> list[Tensor]:
        batched = model_options.get("sampler_calc_cond_batch_function")
        if batched is None:
            return comfy.samplers.calc_cond_batch(self.inner_model, conds, x, timestep, model_options)
        call = {"conds": conds, "input": x, "sigma": timestep, "model": self.inner_model}
        return batched({**call, "model_options": model_options})

    def _pair(self, conds: list, predictions: list, scale: float, x: Tensor, timestep: Tensor, options: dict) -> Tensor:
        """What the host makes of text and image: its guidance, or that of a patch."""
        call = {"conds": conds, "cond_scale": scale, "timestep": timestep, "input": x, "sigma": timestep}
        call |= {"model": self.inner_model, "model_options": options}
        for patch in options.get("sampler_pre_cfg_function", []):
            predictions = patch({**call, "conds_out": predictions})
        text, image, (cond, uncond) = predictions[0], predictions[1], conds
        return comfy.samplers.cfg_function(
            self.inner_model, text, image, scale, x, timestep, model_options=options, cond=cond, uncond=uncond
        )

    def start(self, count: int) -> None:
        """Called by the sampler once the host has processed the conditioning of `count` particles."""
        self._count_of_particles = count
        self._check_image()

    def _estimate_one_chunk(self, executor, model, noise_shape, *args, **kwargs):
        """The host reserves memory for what goes through the model at once, not for all particles."""
        shape = [min(noise_shape[0], self.chunks.size), *noise_shape[1:]]
        return executor(model, shape, *args, **kwargs)

    def _count(self, executor, x, *args, **kwargs):
        output = executor(x, *args, **kwargs)
        self.evaluations += x.shape[0]
        return output
