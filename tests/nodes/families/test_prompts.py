"""What prompts tell a model beside their words: references that are ignored, guidance scales, numbers of tokens."""

import logging

import pytest
import torch

from ..conftest import TOKENS
from .by_hand import Prompts
from .models import FAMILIES

COUNT = 3


@pytest.mark.parametrize("name", ["Wan 2.1", "Wan 2.2 5B"])
def test_a_reference_that_the_model_ignores(comfy, family_edit, counted, name):
    """It is among what the host hands to the model, so only predictions can tell."""
    family = FAMILIES[name]
    clone, calls = counted(family.model(comfy))
    reference = {"reference_latents": [family.latents(9, COUNT)]}
    prompts = Prompts(*(family.prompt(seed, **reference) for seed in (1, 2)))
    with pytest.raises(ValueError, match="CSD Edit Sampler: model: got a model that predicts the same with the ref"):
        family_edit(clone, family.latents(5, COUNT), prompts)
    assert calls == [1, 1]


def test_a_reference_that_the_model_sees_costs_two_evaluations(comfy, family_edit, counted):
    family = FAMILIES["Flux Kontext"]
    clone, calls = counted(family.model(comfy))
    reference = {"reference_latents": [family.latents(9, COUNT)]}
    family_edit(clone, family.latents(5, COUNT), Prompts(*(family.prompt(seed, **reference) for seed in (1, 2))))
    assert calls[:2] == [1, 1] and min(calls[2:]) >= COUNT


SCALES = [((3.5, 3.5, 3.5), False), ((30.0, 3.5, 3.5), True), ((4.0, 4.0, 3.5), True)]


@pytest.mark.parametrize("scales, warned", SCALES)
def test_guidance_on_one_prompt_only(comfy, family_edit, caplog, scales, warned):
    """FluxGuidance behind the positive prompt alone."""
    family = FAMILIES["Flux dev"]
    prompts = Prompts(*(family.prompt(seed, guidance=scale) for seed, scale in zip((1, 2, 3), scales)))
    with caplog.at_level(logging.WARNING):
        family_edit(family.model(comfy), family.latents(5, COUNT), prompts)
    assert ("the model is told different guidance scales" in caplog.text) == warned


@pytest.mark.parametrize("name", ["Omnigen2", "Lumina 2", "Z-Image"])
def test_a_prompt_for_each_particle(comfy, by_hand, family_edit, row, far, name):
    """The host counts the tokens of all rows together, and tells the model that number."""
    family = FAMILIES[name]
    model, latents = family.model(comfy), family.latents(5, COUNT)
    mask = torch.ones(COUNT, TOKENS, dtype=torch.long)
    whole = [family.prompt(seed, rows=COUNT, attention_mask=mask) for seed in (1, 2, 3)]
    expected = by_hand.edited(model, latents, lambda i: Prompts(*(row(prompt, i, COUNT) for prompt in whole)))
    for at_once in (1, 2, COUNT):
        assert far(family_edit(model, latents, Prompts(*whole), at_once=at_once), expected) < 1e-4


def test_prompts_of_other_lengths_for_each_particle(comfy, family_edit, counted):
    family = FAMILIES["Omnigen2"]
    clone, calls = counted(family.model(comfy))
    mask = torch.ones(COUNT, TOKENS, dtype=torch.long)
    mask[0, 5:] = 0
    prompts = Prompts(family.prompt(1, rows=COUNT, attention_mask=mask), family.prompt(2), family.prompt(3))
    with pytest.raises(ValueError, match="conditioning: got prompts of 5 to 7 tokens, one for each particle"):
        family_edit(clone, family.latents(5, COUNT), prompts)
    assert not calls
