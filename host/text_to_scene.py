"""One run of text-to-3D, from a node's inputs to its splats."""

import latent_preview
import torch

from ..csd.baseline import DrawnNoise
from ..csd.guidance import Guidance
from ..splats.orbit import all_view_words, seen_from
from ..splats.splats import Splats
from .errors import named
from .guider import CSDGuider
from .prompts import Prompt, joined
from .record import Record
from .refusals import refuse_other_latents
from .scene_distiller import SceneDistiller
from .vae import pictures


def prompts_of_views(clip, text: str, words: str) -> Prompt:
    """One conditioning with a row for each thing that a prompt says of a view."""
    return joined([encoded(clip, seen_from(text, view)) for view in all_view_words(words)])


def encoded(clip, text: str) -> Prompt:
    """A text as the host's CLIP Text Encode node encodes it. ValueError where there is no text encoder."""
    if clip is None:
        raise ValueError("clip: got none, expected a text encoder; use a checkpoint that has one, or a loader for it.")
    return clip.encode_from_tokens_scheduled(clip.tokenize(text))


def distilled(
    node: str, model, positive: Prompt, negative: Prompt, settings, guidance: float, **stages
) -> tuple[Splats, Record]:
    """The scene that `SceneDistiller(**stages)` makes, and the record of the run.

    Raises ValueError before any model runs if an input is wrong. The message names the node and the input.
    """
    with named(node):
        settings.check(node)
        guider = CSDGuider(model, Guidance(guidance), DrawnNoise(), at_once=settings.particles_at_once, node=node)
        guider.set_conds(positive, negative)
        distiller = SceneDistiller(**stages, states=settings.state)
        latents = _empty(distiller, model)
        sigmas = settings.sigmas(guider.levels)
        show = latent_preview.prepare_callback(guider.model_patcher, settings.steps)
        guider.sample(torch.zeros_like(latents), latents, distiller, sigmas, callback=show, seed=settings.seed)
        assert distiller.final is not None
        return distiller.final, distiller.record


def _empty(distiller: SceneDistiller, model) -> torch.Tensor:
    """Latents for the host to prepare the model by: one for each prompt, in the size of the views.

    Raises ValueError where the VAE does not fit the model or the size.
    """
    height, width = distiller.around.size
    latent = distiller.vae.encode(torch.zeros(1, height, width, 3))
    refuse_other_latents(latent, model, "vae")
    made = pictures(distiller.vae.decode(latent)).shape[1]
    if made != height:
        raise ValueError(
            f"side: got {height} pixels, of which the VAE makes {made}; expected a multiple of what it takes for a "
            "cell, 8 for most; choose another side."
        )
    return latent.new_zeros(len(distiller.words), *latent.shape[1:])
