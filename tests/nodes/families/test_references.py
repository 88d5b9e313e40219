"""Reference images of edit models: of the canvas, of each window, or of another picture of any size."""

import pytest
import torch

from .by_hand import Prompts
from .models import FAMILIES

COUNT = 4
edit_models = pytest.mark.parametrize("name", ["Flux Kontext", "Qwen-Image-Edit", "Omnigen2"])


@pytest.fixture
def shown(comfy, case):
    """A family's model, four windows, and prompts that show these references: of the set and of each window."""

    def make(name: str, *references):
        family = FAMILIES[name]
        latents = case.layout.windows.rescaled((8, 8)).split(family.latents(5, 1, (8, 20)))

        def prompts(references):
            return Prompts(*(family.prompt(seed, reference_latents=references) for seed in (1, 2)))

        def of_window(i):
            return prompts([part[i : i + 1] if len(part) == COUNT else part for part in references])

        return family.model(comfy), latents, prompts(list(references)), of_window

    return make


def of_windows(case, whole):
    return case.layout.windows.rescaled((8, 8)).split(whole)


@edit_models
@pytest.mark.parametrize("size", [(8, 8), (12, 10), (18, 44)])
def test_a_second_reference_of_any_size(case, by_hand, family_edit, shown, far, name, size):
    """A style beside the windows' own pictures, which every window sees whole."""
    family = FAMILIES[name]
    own, style = of_windows(case, family.latents(6, 1, (8, 20))), family.latents(7, 1, size)
    model, latents, prompts, of_window = shown(name, own, style)
    expected = by_hand.edited(model, latents, of_window, case.layout)
    for at_once in (1, 3):
        assert far(family_edit(model, latents, prompts, case.layout, at_once), expected) < 1e-4
    assert far(family_edit(model, latents, shown(name, own, style.flip(-1))[2], case.layout), expected) > 3e-4


@edit_models
def test_a_reference_of_each_window_at_another_size(case, by_hand, family_edit, shown, far, name):
    """As encoders make them that scale every picture to a million pixels."""
    own = FAMILIES[name].latents(8, COUNT, (10, 10))
    model, latents, prompts, of_window = shown(name, own)
    expected = by_hand.edited(model, latents, of_window, case.layout)
    assert far(family_edit(model, latents, prompts, case.layout, 3), expected) < 1e-4


@edit_models
def test_a_reference_of_the_canvas_is_split(case, family_edit, shown, name):
    whole = FAMILIES[name].latents(6, 1, (8, 20))
    model, latents, by_canvas, _ = shown(name, whole)
    by_windows = shown(name, of_windows(case, whole))[2]
    edits = [family_edit(model, latents, prompts, case.layout, 3) for prompts in (by_canvas, by_windows)]
    assert torch.equal(*edits)


@edit_models
def test_references_of_another_number_are_refused(case, family_edit, shown, counted, name):
    model, latents, prompts, _ = shown(name, FAMILIES[name].latents(6, 3, (12, 10)))
    clone, calls = counted(model)
    with pytest.raises(ValueError, match="positive reference_latents: got a batch of 3 for 4 particles"):
        family_edit(clone, latents, prompts, case.layout)
    assert not calls
