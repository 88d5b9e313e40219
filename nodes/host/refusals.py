"""What cannot work with score distillation, refused before any model runs."""

import torch
from torch import Tensor

_CACHES = ("easycache", "lazycache")


def refuse_single_trajectory(model_options: dict) -> None:
    """Options that take consecutive model calls for steps of one sampling trajectory."""
    if model_options.get("context_handler") is not None:
        raise ValueError("model: got context windows, which hold particles back from the model; remove that node.")
    wrappers = model_options.get("transformer_options", {}).get("wrappers", {})
    found = sorted({key for keys in wrappers.values() for key in keys} & set(_CACHES))
    if found:
        raise ValueError(
            f"model: got {' and '.join(found)}, which reuses the previous step's prediction; the steps of a "
            "distillation do not follow one trajectory. Remove that node."
        )


def refuse_keyframed_hooks(conds: dict[str, list[dict]], sigmas: Tensor) -> None:
    """Hooks whose strength follows the noise level, unless the levels descend."""
    descending = bool((sigmas[:-1].diff() <= 0).all())
    hooks = [hook for group in conds.values() for cond in group for hook in getattr(cond.get("hooks"), "hooks", ())]
    if not descending and any(len(hook.hook_keyframe.keyframes) > 1 for hook in hooks):
        raise ValueError(
            "conditioning: got hooks with keyframes and noise levels in random order; keyframes need descending "
            "levels. Choose descending timesteps or remove the keyframes."
        )


def refuse_bad_latents(latents: Tensor) -> None:
    if latents.ndim not in (4, 5) or 0 in latents.shape:
        raise ValueError(f"latents: got shape {tuple(latents.shape)}, expected [particles, channels, height, width].")
    if not torch.isfinite(latents).all():
        raise ValueError("latents: got NaN or infinite numbers; look at the image or VAE that they come from.")


def refuse_bad_sigmas(sigmas: Tensor) -> None:
    if len(sigmas) < 2:
        raise ValueError(f"steps: got {max(len(sigmas) - 1, 0)}, expected at least one.")
    if not torch.isfinite(sigmas).all() or (sigmas[:-1] <= 0).any():
        raise ValueError(f"sigmas: got {sigmas.tolist()}, expected finite levels above zero and a closing zero.")


def refuse_ignored_image(with_image: list[dict], without_image: list[dict]) -> None:
    """A model that makes the same of a prompt with and without its image has no image conditioning.

    Both lists hold processed conditioning, the one with its image and the other without.
    """
    if not any("concat_latent_image" in cond or "reference_latents" in cond for cond in with_image):
        raise ValueError(
            "positive, negative: got prompts without an image, expected prompts that carry the source image; put "
            "InstructPixToPixConditioning (or ReferenceLatent) before this node, or connect a CSD baseline node with a "
            "source prompt, which works with any text-to-image model."
        )
    if all(_same(a["model_conds"], b["model_conds"]) for a, b in zip(with_image, without_image)):
        raise ValueError(
            "model: got a model that takes no image conditioning, so the source image would be ignored; use an "
            "InstructPix2Pix model, or connect a CSD baseline node with a source prompt."
        )


def _same(a: dict, b: dict) -> bool:
    if a.keys() != b.keys():
        return False
    return all(_same_cond(a[key].cond, b[key].cond) for key in a)


def _same_cond(a, b) -> bool:
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and torch.equal(a, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same_cond, a, b))
    return a == b
