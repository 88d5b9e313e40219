"""Every family, edited by the sampler and by a loop written by hand: the same but for rounding, in any chunks."""

import pytest

from .by_hand import Prompts
from .models import FAMILIES

COUNT = 3
every_family = pytest.mark.parametrize("name", FAMILIES)


def prompts_of(family) -> Prompts:
    """Of a set: one for all, with a reference for each particle where the family takes one."""
    reference = family.image(family.latents(9, COUNT))
    source = None if family.reference else family.prompt(3)
    return Prompts(family.prompt(1, **reference), family.prompt(2, **reference), source)


@every_family
def test_frames(comfy, by_hand, family_edit, row, far, name):
    family = FAMILIES[name]
    model, latents, prompts = family.model(comfy), family.latents(5, COUNT), prompts_of(family)

    def of_one(i):
        whole = (prompts.positive, prompts.negative, prompts.source)
        return Prompts(*(part and row(part, i, COUNT) for part in whole))

    expected = by_hand.edited(model, latents, of_one)
    assert far(expected, latents) > 1e-2
    for at_once in (1, 2, COUNT):
        assert far(family_edit(model, latents, prompts, at_once=at_once), expected) < 1e-4
