"""One run of the distillation, from a node's inputs to its latents."""

import comfy.model_management
import comfy.sample
import comfy.utils
import torch

from . import advice, preview, refusals
from .distiller import Distiller
from .errors import named
from .guider import CSDGuider
from .io import known
from .presets import preset_of
from .record import Record

_RATIOS = ("downscale_ratio_spacial", "downscale_ratio_temporal")


def run(
    node: str, model, positive, negative, latent: dict, guidance, choice, settings, **stages
) -> tuple[dict, Record]:
    """Runs a sampler node: latents in the form of the host, and the record of the run.

    Raises ValueError before any model runs if an input is wrong. The message names the node and the input.
    """
    with named(node):
        settings.check(node)
        refusals.refuse_bad_latents(latent["samples"])
        names = tuple(str(place) for place in latent.get("batch_index", ()))
        guider = CSDGuider(
            model, guidance, choice.baseline, settings.layout, settings.particles_at_once, names, node, choice.velocity
        )
        guider.set_conds(positive, negative, choice.source)
        samples = _fixed(model, latent)
        sigmas = settings.sigmas(guider.levels)
        distiller = Distiller(**settings.stages(), **stages)
        if not distiller.from_noise:  # the presets are for edits
            preset = preset_of(model, described=choice.source is not None)
            distiller.advice = advice.about(preset, guidance.text, settings, len(samples))
        return _sample(guider, distiller, latent, samples, sigmas, settings.seed), distiller.record


def _fixed(model, latent: dict) -> torch.Tensor:
    """The latents, with the channels and axes of the model where they are empty.

    Empty latents of newer hosts say how many pixels a cell has. Their size is changed to the model's.
    """
    ratios = {name: latent[name] for name in _RATIOS if name in latent}
    return known(comfy.sample.fix_empty_latent_channels, model=model, latent_image=latent["samples"], **ratios)


def _sample(guider: CSDGuider, distiller: Distiller, latent: dict, samples, sigmas, seed: int) -> dict:
    show = preview.callback(guider.model_patcher, len(sigmas) - 1, guider.scene(samples))
    edited = guider.sample(
        torch.zeros_like(samples),
        samples,
        distiller,
        sigmas,
        denoise_mask=latent.get("noise_mask"),
        callback=show,
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )
    return {**latent, "samples": edited.to(comfy.model_management.intermediate_device())}
