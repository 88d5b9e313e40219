"""Refuses what cannot work with score distillation, before any model runs."""

import inspect
import logging
from contextlib import contextmanager

import torch
from torch import Tensor

from .conditioning import equal

_CACHES = ("easycache", "lazycache")
_SOURCE_IMAGES = ("concat_latent_image", "reference_latents")
_OTHER_BASELINE = (
    "or, for a text-to-image model, connect a CSD Baseline node with a source prompt and set image_guidance to 1."
)


def refuse_single_trajectory(model, denoise_mask: Tensor | None) -> None:
    """Refuses patches that expect consecutive model calls to follow one sampling trajectory."""
    options = model.model_options
    if options.get("context_handler") is not None:
        raise ValueError("model: got context windows, which hold particles back from the model; remove that node.")
    if denoise_mask is not None and "denoise_mask_function" in options:
        raise ValueError(
            "model: got Differential Diffusion, which widens the mask along one trajectory; remove that node, the mask "
            "works without it."
        )
    wrappers = [*model.wrappers.values(), *options.get("transformer_options", {}).get("wrappers", {}).values()]
    found = sorted({key for kind in wrappers for key in kind} & set(_CACHES))
    if found:
        raise ValueError(
            f"model: got {' and '.join(found)}, which reuses the previous step's prediction; the steps of a "
            "distillation do not follow one trajectory. Remove that node."
        )


def refuse_momentum(options: dict) -> None:
    """Guidance with a running average over consecutive calls (Adaptive Projected Guidance)."""
    for patch in options.get("sampler_pre_cfg_function", []):
        if inspect.isfunction(patch) and inspect.getclosurevars(patch).nonlocals.get("momentum"):
            raise ValueError(
                "model: got Adaptive Projected Guidance with momentum, a running average along one trajectory; "
                "expected momentum 0. Set it so on that node."
            )


def refuse_keyframed_hooks(conds: dict[str, list[dict]], sigmas: Tensor) -> None:
    """Refuses hooks whose strength follows the noise level, unless the levels descend."""
    descending = bool((sigmas[:-1].diff() <= 0).all())
    hooks = [hook for group in conds.values() for cond in group for hook in getattr(cond.get("hooks"), "hooks", ())]
    if not descending and any(len(hook.hook_keyframe.keyframes) > 1 for hook in hooks):
        raise ValueError(
            "conditioning: got hooks with keyframes and noise levels in random order; keyframes need descending "
            "levels. Choose descending timesteps or remove the keyframes."
        )


def refuse_bad_latents(latents: Tensor) -> None:
    if not isinstance(latents, Tensor):
        raise ValueError(
            f"latents: got a {type(latents).__name__}, such as picture and sound in one, expected one tensor; use a "
            "model of pictures alone."
        )
    if latents.ndim not in (4, 5) or 0 in latents.shape:
        raise ValueError(f"latents: got shape {tuple(latents.shape)}, expected [particles, channels, height, width].")
    if not torch.isfinite(latents).all():
        raise ValueError("latents: got NaN or infinite numbers; look at the image or VAE that they come from.")


def refuse_other_latents(latents: Tensor, model, name: str = "latents", whose: str = "the model") -> None:
    """Refuses latents with other channels or axes than those of a model, as the VAE of another model makes them."""
    wanted = model.get_model_object("latent_format")
    expected, got = (wanted.latent_channels, wanted.latent_dimensions), (latents.shape[1], latents.ndim - 2)
    if got != expected:
        raise ValueError(
            f"{name}: got latents of {_described(*got)}, expected {_described(*expected)}, as {whose} has them; "
            "connect a model and a VAE that belong together."
        )


def _described(channels: int, axes: int) -> str:
    return f"{channels} channels" + (" and an axis of time" if axes == 3 else "")


def warn_of_one_clip(latents: Tensor) -> None:
    """Warns of a single latent of a video model. It can be run, but nothing is coupled, which is rarely meant."""
    if latents.ndim == 5 and latents.shape[0] == 1:
        logging.warning(
            "Latents: one particle, a clip of %d moments, so nothing is coupled. If it was a set of images, put CSD "
            "VAE Batch between the VAE and VAE Encode.",
            latents.shape[2],
        )


def refuse_bad_sigmas(sigmas: Tensor) -> None:
    if len(sigmas) < 2:
        raise ValueError(f"steps: got {max(len(sigmas) - 1, 0)}, expected at least one.")
    if not torch.isfinite(sigmas).all() or (sigmas[:-1] <= 0).any():
        raise ValueError(f"sigmas: got {sigmas.tolist()}, expected finite levels above zero and a closing zero.")


def refuse_ignored_image(conds: dict[str, list[dict]], without_image: list[dict]) -> None:
    """Refuses prompts without an image, and models that ignore it.

    A model ignores the image if its inputs are the same with and without it.

    conds           processed conditioning, by name
    without_image   the conditioning `negative`, without its image
    """
    for name, prompts in conds.items():
        if not all(any(cond.get(key) is not None for key in _SOURCE_IMAGES) for cond in prompts):
            raise ValueError(
                f"{name}: got a prompt without an image, expected prompts that carry the source image; put "
                f"InstructPixToPixConditioning (or ReferenceLatent) before this node, {_OTHER_BASELINE}"
            )
    if all(equal(a["model_conds"], b["model_conds"]) for a, b in zip(conds["negative"], without_image, strict=False)):
        raise ValueError(
            "model: got a model that takes no image conditioning, so the source image would be ignored; use an "
            f"InstructPix2Pix model, {_OTHER_BASELINE}"
        )


def refuse_unseen_image(with_image: Tensor, without_image: Tensor) -> None:
    """A model that predicts the same with a reference and without it was not made to look at one.

    with_image, without_image   predictions on the same particle
    """
    if torch.equal(with_image, without_image):
        raise ValueError(
            "model: got a model that predicts the same with the reference latent and without it, so the source image "
            f"would be ignored; use an edit model (Flux Kontext, Qwen-Image-Edit), {_OTHER_BASELINE}"
        )


def warn_of_uneven_guidance(conds: dict[str, list[dict]]) -> None:
    """Models that are told a guidance scale (Flux) predict differently for another one, whatever the prompts say."""
    told = {
        name: sorted({float(cond["model_conds"]["guidance"].cond) for cond in prompts})
        for name, prompts in conds.items()
        if any("guidance" in cond["model_conds"] for cond in prompts)
    }
    if len(set(map(tuple, told.values()))) > 1:
        shown = ", ".join(f"{name} {' and '.join(map(str, scales))}" for name, scales in told.items())
        logging.warning(
            "Prompts: the model is told different guidance scales (%s). The edit follows their difference even where "
            "the prompts agree; put FluxGuidance with the same scale behind each of them.",
            shown,
        )


@contextmanager
def other_text_encoder():
    """Says what is wrong if the embeddings of a prompt have another width than the model expects."""
    try:
        yield
    except RuntimeError as error:
        if "shapes cannot be multiplied" not in str(error):
            raise
        raise ValueError(
            f"conditioning: got a prompt of another width than the model takes ({error}), expected one of the model's "
            "own text encoder; connect the CLIP that was loaded with this model."
        ) from error
