"""Guidance patches of the host: each particle is guided as an image by itself, in chunks of any size."""

import importlib

import pytest

from .by_hand import Prompts
from .models import FAMILIES

COUNT = 3


def extra(module: str, node: str):
    return getattr(importlib.import_module(f"comfy_extras.nodes_{module}"), node)


def self_attention(model):
    return extra("sag", "SelfAttentionGuidance").execute(model, 0.7, 2.0).args[0]


def perturbed_attention(model):
    return extra("pag", "PerturbedAttentionGuidance").execute(model, 2.0).args[0]


def mahiro(model):
    return extra("mahiro", "Mahiro").execute(model).args[0]


def renormed(model):
    return extra("lumina2", "RenormCFG").execute(model, 100.0, 0.8).args[0]


def rescaled(model):
    return extra("model_advanced", "RescaleCFG")().patch(model, 0.8)[0]


def projected(model, momentum=0.0):
    return extra("apg", "APG").execute(model, 0.5, 5.0, momentum).args[0]


def zero_star(model):
    return extra("cfg", "CFGZeroStar").execute(model).args[0]


def tangential(model):
    return extra("tcfg", "TCFG").execute(model).args[0]


PATCHES = [self_attention, perturbed_attention, mahiro, renormed, rescaled, projected, zero_star, tangential]
CASES = [(patch, "SD 1.5") for patch in PATCHES]
# Without a negative prompt, as the loop by hand asks for the baseline of an edit model, APG projects on nothing.
CASES += [(patch, "InstructPix2Pix") for patch in PATCHES if patch is not projected]
CASES += [(patch, "Z-Image") for patch in (mahiro, renormed, projected, zero_star, tangential)]


@pytest.fixture
def prompts():
    def of(family):
        image = family.image(family.latents(6, 1))
        source = None if image else family.prompt(3)
        return Prompts(family.prompt(1, **image), family.prompt(2, **image), source)

    return of


@pytest.mark.parametrize("patch, name", CASES, ids=[f"{patch.__name__} {name}" for patch, name in CASES])
def test_every_particle_by_itself(comfy, by_hand, family_edit, prompts, far, patch, name):
    family = FAMILIES[name]
    model, latents, asked = family.model(comfy), family.latents(5, COUNT), prompts(family)
    expected = by_hand.edited(lambda i: patch(model), latents, lambda i: asked)
    for at_once in (1, 2, COUNT):
        assert far(family_edit(patch(model), latents, asked, at_once=at_once), expected) < 2e-4
    assert far(family_edit(model, latents, asked), expected) > 1e-3


def test_momentum_is_refused(comfy, family_edit, prompts, counted):
    family = FAMILIES["SD 1.5"]
    clone, calls = counted(projected(family.model(comfy), momentum=-0.5))
    with pytest.raises(ValueError, match="got Adaptive Projected Guidance with momentum.*Set it so"):
        family_edit(clone, family.latents(5, COUNT), prompts(family))
    assert not calls
