"""Noise masks: the update is limited, and the model sees every particle noised all over."""

import pytest
import torch

from ..conftest import rand
from .by_hand import Prompts
from .models import FAMILIES

COUNT = 3


@pytest.mark.parametrize("name", ["Wan 2.2 5B", "LTXV", "Wan 2.1", "Qwen-Image", "SD 3"])
def test_masked_frames(comfy, by_hand, family_edit, far, name):
    family = FAMILIES[name]
    model, latents = family.model(comfy), family.latents(5, COUNT)
    prompts = Prompts(*(family.prompt(seed) for seed in (1, 2, 3)))
    mask = (rand(6, COUNT, 8, 8) > 0).float()
    over = mask.reshape(COUNT, *[1] * (latents.ndim - 3), 8, 8)
    expected = by_hand.edited(model, latents, lambda i: prompts, mask=over)
    for at_once in (1, COUNT):
        edited = family_edit(model, latents, prompts, at_once=at_once, latent={"noise_mask": mask})
        assert far(edited, expected) < 1e-4
    format_ = model.model.latent_format
    unmoved = (edited - format_.process_out(format_.process_in(latents))) * (1 - over)
    assert unmoved.abs().max() < 1e-5
    assert torch.isfinite(edited).all() and far(edited, latents) > 1e-2
