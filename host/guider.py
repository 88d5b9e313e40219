"""Guided predictions through the host's guider path.

A guider of the host mixes a positive and a negative prediction. This one holds up to four
conditionings, which are the branches of `csd.guidance`, and mixes those that are asked for, so that
model patches, hooks, wrappers and guidance patches on MODEL have their effect on each prediction:

    positive   text and image         negative   image alone (the negative prompt)
    source     source prompt, image   none       neither

With g the text and gi the image scale, and `pair` what the host makes of text and image,

    denoised = pair + (gi - 1) * (image - none),     pair = image + g * (text - image)

Predictions of target and source go through the model in one batch, and those that `csd.guidance` finds
to be zero or equal to others are left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import comfy.model_management
import comfy.patcher_extension as extension
import comfy.samplers
import torch
from einops import rearrange
from torch import Tensor

from ..csd.baseline import Baseline, DrawnNoise, ImageConditional, SourcePrompt
from ..csd.frames import Frames
from ..csd.guidance import IMAGE, NONE, SOURCE, TARGET, Guidance, Request, repetitions
from ..csd.level import Level
from ..csd.parameterization import Parameterization
from ..media.layout import Layout
from . import conditioning, pages, refusals
from .chunking import Chunks
from .errors import named
from .fit import Fit, fit_conds, without_image
from .levels import Levels
from .pages import NEGATIVE, POSITIVE, Page

CONDS = {IMAGE: "negative", NONE: "none", TARGET: "positive", SOURCE: "source"}
SLOTS = {IMAGE: NEGATIVE, NONE: NEGATIVE, TARGET: POSITIVE, SOURCE: POSITIVE}
_MOST_PAGES = 8  # two requests of three branches, and room
_CFG_PATCHES = ("sampler_cfg_function", "sampler_pre_cfg_function", "sampler_post_cfg_function")


@dataclass(frozen=True)
class _Call:
    """What the model call under way is for.

    guidances   of each request
    firsts      for each request, the first that shows the same noised particles
    rows        which particles
    chains      their ControlNets
    conds       their conditioning by branch
    """

    guidances: tuple[Guidance, ...]
    firsts: tuple[int, ...]
    rows: Sequence[int]
    chains: dict = field(default_factory=dict)
    conds: dict = field(default_factory=dict)


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
        self._start_chunks()
        self.evaluations = 0
        self.same: dict[str, str] = {}
        self._call: _Call | None = None
        self._given: dict[str, list[dict]] = {}
        patcher = self.model_patcher
        patcher.add_wrapper_with_key(extension.WrappersMP.PREPARE_SAMPLING, pages.OWN, self._estimate_one_chunk)
        patcher.add_wrapper_with_key(extension.WrappersMP.APPLY_MODEL, pages.OWN, self._count)

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

    @property
    def prompts(self) -> dict[str, list[dict]]:
        """Conditioning as it was given, by name."""
        return dict(self._given)

    @property
    def settings(self) -> dict:
        """What the predictions depend on beside the model and the prompts."""
        return {"guidance": self.guidance, "baseline": self.baseline, "layout": self.layout, "frame names": self.names}

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
            self._start_chunks()
            self.evaluations = 0
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
        x = torch.stack([self.levels.host_x(request.x_t, level) for request in requests], 1)
        guidances = tuple(request.guidance for request in requests)
        denoised = torch.empty_like(x)
        for firsts, places in repetitions(requests).items():
            rows = [index[place] for place in places]
            denoised[places] = self._predict_alike(x[places], guidances, firsts, rows, level, extra)
        return [level.eps_from_denoised(r.x_t, part) for r, part in zip(requests, denoised.unbind(1), strict=True)]

    def _predict_alike(self, x: Tensor, guidances: tuple, firsts: tuple, rows: list, level: Level, extra) -> Tensor:
        """x [n, requests, C, h, w], in the host's scaling -> denoised, the same shape.

        Only the particles of a call go to the model's device.
        """
        sigma = self.levels.host_sigma(level)

        def run(places):
            self._call = self._call_for(guidances, firsts, rows[places.start : places.stop])
            part = rearrange(x[places.start : places.stop], "n r ... -> (r n) ...").to(self.model_patcher.load_device)
            denoised = self(part, part.new_full((len(part),), sigma), **extra)
            return rearrange(denoised, "(r n) ... -> n r ...", r=len(guidances)).to(x.device)

        return self.chunks(run, len(x))

    def _call_for(self, guidances: tuple, firsts: tuple, rows: Sequence[int]) -> _Call:
        """The last call again where nothing has changed: its ControlNets have prepared their hints."""
        call, last = _Call(guidances, firsts, rows), self._call
        same = last is not None and (last.guidances, last.firsts, last.rows) == (guidances, firsts, rows)
        return last if same else call

    def predict_noise(self, x, timestep, model_options, seed=None):
        """Called by the host's wrappers: the denoised particles of every request of the call under way."""
        if self._call is None:
            raise ValueError("got a sampler that follows one trajectory, expected the CSD Distillation sampler.")
        parts = x.chunk(len(self._call.guidances))
        timestep = timestep[: len(parts[0])]
        found = self._evaluate(parts, timestep, model_options)
        return torch.cat(
            [
                self._mix(guidance, evaluated, part, timestep, model_options)
                for guidance, evaluated, part in zip(self._call.guidances, found, parts, strict=True)
            ]
        )

    def _evaluate(self, parts: Sequence[Tensor], timestep: Tensor, options: dict) -> list[dict[str, Tensor]]:
        """Predictions by branch for each request. A branch that is not there has coefficient zero."""
        if "sampler_calc_cond_batch_function" in options:
            return [
                self._evaluate_by_patch(guidance, part, timestep, options)
                for guidance, part in zip(self._call.guidances, parts, strict=True)
            ]
        asked = [self._branches(guidance, options) for guidance in self._call.guidances]
        needed = {  # by whose particles and which branch; the same twice is one
            (first, branch): Page(parts[first], self._conds_of(branch), SLOTS[branch])
            for first, branches in zip(self._call.firsts, asked, strict=True)
            for branch in sorted(branches)
        }
        laid = list(needed.values())

        def run(places):
            return pages.predict(self.inner_model, laid[places.start : places.stop], timestep, options)

        found = dict(zip(needed, self.page_chunks(run, len(laid)), strict=True))
        return [
            {name: found[first, stand] for name in CONDS if (stand := self.same.get(name, name)) in branches}
            for first, branches in zip(self._call.firsts, asked, strict=True)
        ]

    def _evaluate_by_patch(self, guidance: Guidance, x: Tensor, timestep: Tensor, options: dict) -> dict[str, Tensor]:
        """Predictions by a patch that takes over the evaluation of a pair; it cannot tell what could be shared."""
        patch, needed = options["sampler_calc_cond_batch_function"], self._branches(guidance, options)
        call = {"input": x, "sigma": timestep, "model": self.inner_model, "model_options": options}
        text_free = guidance.prompt == IMAGE
        pair = [self._conds_of(branch) if branch in needed else None for branch in (guidance.prompt, IMAGE)]
        text, image = patch({**call, "conds": [None if text_free else pair[0], pair[1]]})
        found = {guidance.prompt: text, IMAGE: image}
        if NONE in needed:
            # By itself and in the place of a negative prompt: patches tell two prompts apart, not three.
            found[NONE] = patch({**call, "conds": [None, self._conds_of(NONE)]})[1]
        return found

    def _branches(self, guidance: Guidance, model_options: dict) -> set[str]:
        """The branches to evaluate; guidance patches see the pair that the host would show them."""
        same = {} if "sampler_calc_cond_batch_function" in model_options else self.same
        needed = set(guidance.coefficients(same))
        if any(model_options.get(name) for name in _CFG_PATCHES):
            needed.add(same.get(guidance.prompt, guidance.prompt))
            if not math.isclose(guidance.text, 1.0) or model_options.get("disable_cfg1_optimization"):
                needed.add(IMAGE)
        return needed

    def _conds_of(self, branch: str) -> list[dict]:
        call = self._call
        if branch not in call.conds:
            whole, count = self.conds[CONDS[branch]], self._count_of_particles
            call.conds[branch] = conditioning.take(whole, call.rows, count, call.chains, self.model_patcher.load_device)
        return call.conds[branch]

    def _mix(self, guidance: Guidance, found: dict[str, Tensor], x: Tensor, timestep: Tensor, options: dict) -> Tensor:
        """The guided prediction for particles x out of its branches."""
        absent = torch.zeros_like(x)
        text, image, none = (found.get(branch, absent) for branch in (guidance.prompt, IMAGE, NONE))
        asked = [self._conds_of(branch) if branch in found else None for branch in (guidance.prompt, IMAGE)]
        scale = 1.0 if guidance.prompt == IMAGE else guidance.text
        pair = self._pair(asked, [text, image], scale, x, timestep, options)
        return pair if guidance.image == 1 else pair + (guidance.image - 1) * (image - none)

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
        self.same = self._find_same()
        home = comfy.model_management.intermediate_device()
        self.conds = {name: conditioning.parked(conds, count, home) for name, conds in self.conds.items()}

    def _find_same(self) -> dict[str, str]:
        """For a branch, another with equal conditioning. Patches may tell positive from negative prompts."""
        apart, same = pages.tells_prompts_apart(self.model_patcher), {}
        there = [branch for branch in CONDS if CONDS[branch] in self.conds]
        for branch, other in combinations(there, 2):
            comparable = SLOTS[branch] == SLOTS[other] or not apart
            if comparable and conditioning.same(self.conds[CONDS[branch]], self.conds[CONDS[other]]):
                same.setdefault(other, same.get(branch, branch))
        return same

    def _start_chunks(self) -> None:
        """Where memory runs out, first the predictions of a batch are halved, then its particles."""
        self.chunks, self.page_chunks = Chunks(self.at_once), Chunks(_MOST_PAGES)

    def _estimate_one_chunk(self, executor, model, noise_shape, *args, **kwargs):
        """The host reserves memory for what goes through the model at once, not for all particles."""
        shape = [min(noise_shape[0], self.chunks.size), *noise_shape[1:]]
        return executor(model, shape, *args, **kwargs)

    def _count(self, executor, x, *args, **kwargs):
        output = executor(x, *args, **kwargs)
        self.evaluations += x.shape[0]
        return output
