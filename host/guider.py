"""Guided predictions as a guider of the host.

The host's own guider mixes a positive and a negative prediction. This one holds any number of conditionings, which are
the branches of `csd.guidance`, and mixes those that a request asks for. All predictions go through the host, so model
patches, hooks, wrappers and guidance patches on MODEL act on each of them.

    positive   text and image           negative   image only (the negative prompt)
    source     source prompt, image     none       neither; made from the negative prompt
    any name   a further prompt, for a region for instance

With text scale g, image scale gi, and `pair` the host's own mixture of text and image:

    denoised = pair + (gi - 1) * (image - none),     pair = image + g * (text - image)

Predictions on target and source go through the model in one batch. Branches with coefficient zero, and branches that
equal others, are left out (`csd.guidance`). What a call is for is passed along among the model options, which the host
hands to `predict_noise`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from weakref import WeakMethod

import comfy.model_management
import comfy.patcher_extension as extension
import comfy.samplers
import torch
from einops import rearrange
from torch import Tensor

from ..csd.baseline import Baseline, DrawnNoise, ImageConditional, SourcePrompt
from ..csd.frames import Frames
from ..csd.guidance import IMAGE, NONE, SOURCE, TARGET, Call, Guidance, Request
from ..csd.scene import Crops
from ..media.layout import Layout
from . import conditioning, mixing, pages, patches, refusals
from .chunking import Chunks, room_for_one
from .errors import named
from .fit import Fit, fit_conds, without_image
from .levels import Levels
from .pages import NEGATIVE, POSITIVE, Page
from .peak import Peak
from .residual import Velocity

HOST_NAMES = {TARGET: "positive", IMAGE: "negative"}
_TEXT_FREE = (IMAGE, NONE)
_ABOUT = "csd_about"  # the model option that says what a call is for
_MOST_PAGES = 8  # more than two requests of three branches
Requests = Sequence[tuple[Guidance, Tensor]]


def host_name(branch: str) -> str:
    """The host's name for the conditioning of a branch. It treats `positive` and `negative` in its own ways."""
    return HOST_NAMES.get(branch, branch)


def slot_of(branch: str) -> int:
    return NEGATIVE if branch in _TEXT_FREE else POSITIVE


@dataclass(frozen=True)
class _About:
    """What a call of the model is for.

    guidances   the guidance of each request
    rows        which particles
    chains      their ControlNets, with prepared hints
    conds       their conditioning, by branch
    """

    guidances: tuple[Guidance, ...]
    rows: Sequence[int]
    chains: dict = field(default_factory=dict)
    conds: dict = field(default_factory=dict)


def _weakly(method: Callable) -> Callable:
    """A method that does not keep its object.

    A guider and its clone of the model that keep each other would outlive the run. If the model that was cloned is gone
    by then, the host takes what it has loaded for a leak, and collects garbage before it loads anything.
    """
    reference = WeakMethod(method)

    def call(*inputs, **further):
        bound = reference()
        assert bound is not None  # the host calls it while the guider samples
        return bound(*inputs, **further)

    return call


class CSDGuider(comfy.samplers.CFGGuider):
    """A guider of several images at once.

    model      ModelPatcher; cloned
    guidance   scales of the target's prediction
    baseline   what is subtracted from it
    layout     where the particles lie on a canvas; None for independent images
    at_once    how many particles go through the model in one call
    names      a name for each independent image, which keys its random draws; empty: its position keys them
    node       the node's name, for error messages
    velocity   settings of a run in velocity space; None for the noise residual
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
        velocity: Velocity | None = None,
    ):
        super().__init__(model.clone())
        self.levels = Levels(self.model_patcher.get_model_object("model_sampling"))
        self.guidance, self.baseline, self.layout = guidance, baseline, layout
        self.at_once, self.names, self.node, self.velocity = at_once, names, node, velocity
        if velocity is not None and not self.levels.is_flow:
            raise ValueError(
                "velocity: got a model that predicts eps or v, expected a rectified flow model (SD 3, Flux, "
                "Qwen-Image, Z-Image, Wan); remove CSD Velocity, or replace it by CSD Baseline."
            )
        self._start_chunks()
        self.evaluations = 0
        self.same: dict[str, str] = {}
        self._prepared: _About | None = None
        self._patches: patches.Fitted = {}
        self._unsure = False
        self._given: dict[str, list[dict]] = {}
        patcher, kinds = self.model_patcher, extension.WrappersMP
        patcher.add_wrapper_with_key(kinds.PREPARE_SAMPLING, pages.OWN, _weakly(self._estimate_one_chunk))
        patcher.add_wrapper_with_key(kinds.APPLY_MODEL, pages.OWN, _weakly(self._count))

    def set_conds(self, positive, negative, source=None, further: Mapping[str, list] | None = None) -> None:
        """Sets the conditioning, in the form of the host's nodes.

        source    describes the source image, for the baseline `SourcePrompt`
        further   more prompts by name, which a `Guidance` can use
        """
        prompts = {"positive": positive, "negative": negative, **(further or {})}
        if isinstance(self.baseline, SourcePrompt):
            if source is None:
                raise ValueError(
                    "baseline: got no source prompt; connect a conditioning that describes the source image."
                )
            prompts[SOURCE] = source
            if self.velocity is not None and self.velocity.from_source:
                prompts["negative"] = source
        self.inner_set_conds(prompts)
        self._given = dict(self.original_conds)

    @property
    def prompts(self) -> dict[str, list[dict]]:
        """Conditioning as it was given, by name."""
        return dict(self._given)

    @property
    def settings(self) -> dict:
        """What the predictions depend on, apart from the model and the prompts."""
        return {
            "guidance": self.guidance,
            "baseline": self.baseline,
            "velocity": self.velocity,
            "layout": self.layout,
            "frame names": self.names,
        }

    def scene(self, particles: Tensor) -> Crops:
        return self.layout.windows_for(particles) if self.layout else Frames(particles.shape[0], self.names)

    def sample(
        self, noise, latent_image, sampler, sigmas, denoise_mask=None, callback=None, disable_pbar=False, seed=None
    ):
        with named(self.node):
            self._check(latent_image, sigmas, denoise_mask)
            latent_image = latent_image.float()  # before the host scales it: half precision would round
            fit = Fit.of(latent_image, self.layout)
            if denoise_mask is not None:
                denoise_mask = fit.noise_mask(denoise_mask)
            self._start_chunks()
            self.evaluations, self.peak = 0, Peak(self.model_patcher.load_device)
            try:
                self._fit_conds(fit)
                self._patches = patches.fitted(self.model_options, fit)
                return super().sample(noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed)
            finally:
                self.original_conds, self._prepared, self._patches = dict(self._given), None, {}

    def _check(self, latents: Tensor, sigmas: Tensor, denoise_mask: Tensor | None) -> None:
        refusals.refuse_bad_latents(latents)
        refusals.refuse_other_latents(latents, self.model_patcher)
        refusals.refuse_bad_sigmas(sigmas)
        refusals.refuse_single_trajectory(self.model_patcher, denoise_mask)
        refusals.refuse_momentum(self.model_options)
        refusals.refuse_keyframed_hooks(self._given, sigmas)
        self.scene(latents)
        if self.layout is None:
            refusals.warn_of_one_clip(latents)

    def _fit_conds(self, fit: Fit) -> None:
        chains: dict = {}
        self.original_conds = {name: fit_conds(fit, name, conds, chains) for name, conds in self._given.items()}
        self.original_conds[NONE] = without_image(self.original_conds["negative"])

    def _check_image(self) -> bool:
        """Refuse models and prompts without an image where the baseline or the guidance is about one.

        True where only a prediction can tell whether the model looks at the image.
        """
        about_image = isinstance(self.baseline, ImageConditional) or self.guidance.image != 1
        if not about_image or isinstance(self.baseline, DrawnNoise):
            return False
        given = {name: conds for name, conds in self.conds.items() if name != NONE}
        refusals.refuse_ignored_image(given, self.conds[NONE])
        return conditioning.differ_in_references_alone(self.conds["negative"], self.conds[NONE])

    def _look_at_image(self, x: Tensor, sigma: float, row: int, options: dict) -> None:
        """Predict the particle `row`, x [1, C, h, w], with its image and without, and refuse equal predictions."""
        device, self._unsure = self.model_patcher.load_device, False
        x, time = x.to(device), x.new_full((1,), sigma, device=device)
        conds = [conditioning.take(self.conds[name], [row], self._particles, {}, device) for name in ("negative", NONE)]
        pair = [mixing.evaluated(self.inner_model, [None, one], x, time, options)[1] for one in conds]
        refusals.refuse_unseen_image(*pair)

    def predict(self, requests: Sequence[Request], call: Call, **extra) -> list[Tensor]:
        """`csd.guidance.Predict`: eps_hat for each request. Only the particles of one call are on the model's device.

        extra   what the host passes to samplers: model_options and the seed
        """
        x = torch.stack([self.levels.host_x(request.x_t, call.level) for request in requests], 1)
        guidances = tuple(request.guidance for request in requests)
        sigma, options = self.levels.host_sigma(call.level), extra.pop("model_options", {})

        def run(places):
            about = self._about(guidances, call.index[places.start : places.stop])
            part = rearrange(x[places.start : places.stop], "n r ... -> (r n) ...").to(self.model_patcher.load_device)
            tagged = {**patches.for_rows(options, self._patches, about.rows, self._particles), _ABOUT: about}
            denoised = self(part, part.new_full((len(part),), sigma), model_options=tagged, **extra)
            return rearrange(denoised, "(r n) ... -> n r ...", r=len(guidances)).to(x.device)

        with room_for_one(), refusals.other_text_encoder():
            if self._unsure:
                self._look_at_image(x[:1, 0], sigma, call.index[0], options)
            denoised = self.chunks(run, len(x)).unbind(1)
        return [call.level.eps_from_denoised(r.x_t, part) for r, part in zip(requests, denoised, strict=True)]

    def _about(self, guidances: tuple[Guidance, ...], rows: Sequence[int]) -> _About:
        """What this call is for. If it equals the last one, that is used again: its ControlNets are prepared."""
        last, rows = self._prepared, list(rows)
        if last is None or (last.guidances, last.rows) != (guidances, rows):
            last = self._prepared = _About(guidances, rows)
        return last

    def predict_noise(self, x, timestep, model_options, seed=None):
        """The denoised particles of every request of the call. The host calls this, through its wrappers."""
        about = model_options.get(_ABOUT)
        if about is None:
            raise ValueError("got a sampler that follows one trajectory, expected the CSD Distillation sampler.")
        parts = x.chunk(len(about.guidances))
        timestep, requests = timestep[: len(parts[0])], list(zip(about.guidances, parts, strict=True))
        groups = [[request] for request in requests] if mixing.in_turn(model_options) else [requests]
        return torch.cat([self._guided(about, group, timestep, model_options) for group in groups])

    def _guided(self, about: _About, requests: Requests, timestep: Tensor, options: dict) -> Tensor:
        """The denoised particles of some requests, each of which is a guidance with its particles."""
        evaluate = self._evaluate_pair if mixing.in_turn(options) else self._evaluate
        found = evaluate(about, requests, timestep, options)
        return torch.cat(
            [self._mix(about, *request, each, timestep, options) for request, each in zip(requests, found, strict=True)]
        )

    def _evaluate(self, about: _About, requests: Requests, timestep: Tensor, options: dict) -> list[dict]:
        """Predictions by branch for each request. A branch that is not there has coefficient zero."""
        asked = [self._branches(guidance, options) for guidance, _ in requests]
        needed = {
            (number, branch): Page(requests[number][1], self._conds_of(about, branch), slot_of(branch))
            for number, branches in enumerate(asked)
            for branch in sorted(branches)
        }
        laid = list(needed.values())

        def run(places):
            return pages.predict(self.inner_model, laid[places.start : places.stop], timestep, options)

        found = dict(zip(needed, self.page_chunks(run, len(laid)), strict=True))
        return [
            {
                name: found[number, stand]
                for name in (guidance.prompt, *_TEXT_FREE)
                if (stand := self.same.get(name, name)) in asked[number]
            }
            for number, (guidance, _) in enumerate(requests)
        ]

    def _evaluate_pair(self, about: _About, requests: Requests, timestep: Tensor, options: dict) -> list[dict]:
        """The same for one request by the host's own call, for patches that cannot tell what could be shared."""
        ((guidance, x),) = requests
        needed, found = self._branches(guidance, options), {}
        if NONE in needed:
            # By itself and in the place of a negative prompt: patches tell two prompts apart, not three.
            conds = [None, self._conds_of(about, NONE)]
            found[NONE] = mixing.evaluated(self.inner_model, conds, x, timestep, options)[1]
        pair = [self._conds_of(about, branch) if branch in needed else None for branch in (guidance.prompt, IMAGE)]
        pair = [None if guidance.prompt == IMAGE else pair[0], pair[1]]
        text, image = mixing.evaluated(self.inner_model, pair, x, timestep, options)
        return [{**found, guidance.prompt: text, IMAGE: image}]

    def _branches(self, guidance: Guidance, model_options: dict) -> set[str]:
        """The branches to evaluate; guidance patches see the pair that the host would show them."""
        same = {} if mixing.in_turn(model_options) else self.same
        needed = set(guidance.coefficients(same))
        if mixing.is_patched(model_options):
            needed.add(same.get(guidance.prompt, guidance.prompt))
            if not math.isclose(guidance.text, 1.0) or model_options.get("disable_cfg1_optimization"):
                needed.add(IMAGE)
        return needed

    def cost_of(self, guidance: Guidance) -> int:
        """How many evaluations of the model a particle's prediction takes in the run. A prompt may have parts."""
        return sum(len(self.conds[host_name(branch)]) for branch in self._branches(guidance, self.model_options))

    def _conds_of(self, about: _About, branch: str) -> list[dict]:
        if branch not in about.conds:
            whole, device = self.conds[host_name(branch)], self.model_patcher.load_device
            about.conds[branch] = conditioning.take(whole, about.rows, self._particles, about.chains, device)
        return about.conds[branch]

    def _mix(self, about: _About, guidance: Guidance, x: Tensor, found: dict, timestep: Tensor, options: dict):
        """The guided prediction for particles x out of its branches."""
        absent = torch.zeros_like(x)
        text, image, none = (found.get(branch, absent) for branch in (guidance.prompt, IMAGE, NONE))
        asked = [self._conds_of(about, branch) if branch in found else None for branch in (guidance.prompt, IMAGE)]
        scale = 1.0 if guidance.prompt == IMAGE else guidance.text
        pair = mixing.mixed(self.inner_model, asked, [text, image], scale, x, timestep, options)
        return pair if guidance.image == 1 else pair + (guidance.image - 1) * (image - none)

    def start(self, count: int) -> None:
        """Prepares a run. The sampler calls it once the host has processed the conditioning of `count` particles."""
        self._particles = count
        self.conds = {name: conditioning.noised_everywhere(conds) for name, conds in self.conds.items()}
        self.conds = {name: conditioning.counted_by_row(conds, count) for name, conds in self.conds.items()}
        refusals.warn_of_uneven_guidance({name: conds for name, conds in self.conds.items() if name != NONE})
        self._unsure = self._check_image()
        self.same = self._find_same()
        home = comfy.model_management.intermediate_device()
        self.conds = {name: conditioning.parked(conds, count, home) for name, conds in self.conds.items()}

    def _find_same(self) -> dict[str, str]:
        """Branch -> another branch with equal conditioning.

        Positive and negative prompts are not compared if a patch might treat them differently.
        """
        apart, same = pages.tells_prompts_apart(self.model_patcher), {}
        first = [branch for branch in (IMAGE, NONE, TARGET) if host_name(branch) in self.conds]
        there = [*first, *(name for name in self.conds if name not in (*HOST_NAMES.values(), NONE))]
        for branch, other in combinations(there, 2):
            comparable = slot_of(branch) == slot_of(other) or not apart
            if comparable and conditioning.same(self.conds[host_name(branch)], self.conds[host_name(other)]):
                same.setdefault(other, same.get(branch, branch))
        return same

    def _start_chunks(self) -> None:
        """When memory runs out, first the number of predictions in a batch is halved, then that of particles."""
        self.chunks, self.page_chunks = Chunks(self.at_once), Chunks(_MOST_PAGES)

    def _estimate_one_chunk(self, executor, model, noise_shape, *args, **kwargs):
        """Makes the host reserve memory for the particles of one call, not for all particles."""
        shape = [min(noise_shape[0], self.chunks.size), *noise_shape[1:]]
        return executor(model, shape, *args, **kwargs)

    def _count(self, executor, x, *args, **kwargs):
        output = executor(x, *args, **kwargs)
        self.evaluations += x.shape[0]
        self.peak.look()
        return output
