"""Regional prompts on windows and frames, for latents with and without an axis of time."""

import pytest
import torch

from ..conftest import rand
from .by_hand import Prompts
from .models import FAMILIES

some_families = pytest.mark.parametrize("name", ["Qwen-Image", "Wan 2.1", "SD 3"])
COUNT = 4


@pytest.fixture
def regional(comfy, case):
    """A family's model, four windows, and prompts of which one acts in a region: of the set and of each window."""

    def make(name, region, of_window):
        family = FAMILIES[name]
        everywhere, place = family.prompt(1), family.prompt(4)
        latents = case.layout.windows.rescaled((8, 8)).split(family.latents(5, 1, (8, 20)))
        rest = family.prompt(2), family.prompt(3)

        def prompts(entries):
            return Prompts([*everywhere, [place[0][0], {**place[0][1], **entries}]], *rest)

        return family.model(comfy), latents, prompts(region), lambda i: prompts(of_window(i))

    return make


@some_families
@pytest.mark.parametrize("pixels", [1, 8])
def test_a_mask_of_the_canvas(case, by_hand, family_edit, regional, far, name, pixels):
    mask = torch.nn.functional.interpolate(rand(6, 1, 1, 8, 20).sigmoid(), scale_factor=pixels)[0]
    windows = case.layout.windows.rescaled((8 * pixels, 8 * pixels)).split(mask)
    of_window = lambda i: {"mask": windows[i : i + 1]}  # noqa: E731
    model, latents, prompts, of_one = regional(name, {"mask": mask}, of_window)
    expected = by_hand.edited(model, latents, of_one, case.layout)
    for at_once in (1, 3, COUNT):
        assert far(family_edit(model, latents, prompts, case.layout, at_once), expected) < 1e-4
    everywhere = Prompts(prompts.positive[:1], prompts.negative, prompts.source)
    assert far(family_edit(model, latents, everywhere, case.layout), expected) > 1e-3


@some_families
@pytest.mark.parametrize("area", [(8, 6, 0, 10), ("percentage", 1.0, 0.3, 0.0, 0.5)])
def test_an_area_of_the_canvas(case, by_hand, family_edit, regional, far, name, area):
    inside = torch.zeros(1, 8, 20)
    inside[..., 10:16] = 1
    windows = case.layout.windows.rescaled((8, 8)).split(inside)
    model, latents, prompts, of_one = regional(name, {"area": area}, lambda i: {"mask": windows[i : i + 1]})
    expected = by_hand.edited(model, latents, of_one, case.layout)
    assert far(family_edit(model, latents, prompts, case.layout, 3), expected) < 1e-4


@some_families
def test_a_mask_for_each_frame(by_hand, family_edit, regional, far, name):
    masks = rand(7, COUNT, 8, 8).sigmoid()
    model, latents, prompts, of_one = regional(name, {"mask": masks}, lambda i: {"mask": masks[i : i + 1]})
    expected = by_hand.edited(model, latents, of_one)
    for at_once in (1, 3):
        assert far(family_edit(model, latents, prompts, at_once=at_once), expected) < 1e-4


@some_families
def test_a_relative_area_of_frames(family_edit, regional, far, name):
    """The host takes a relative area of height and width for one of time and height, on a latent with time."""
    areas = ("percentage", 1.0, 0.5, 0.0, 0.5), (8, 4, 0, 4), (8, 4, 0, 0)
    edits = []
    for area in areas:
        model, latents, prompts, _ = regional(name, {"area": area}, lambda i: {})
        edits.append(family_edit(model, latents, prompts, at_once=3))
    assert far(edits[0], edits[1]) < 1e-5 and far(edits[1], edits[2]) > 1e-3


def test_an_area_that_names_times(case, family_edit, regional, far):
    """As Conditioning (Set Area Percentage Video) writes it: on a canvas its times are left out."""
    share, whole = ("percentage", 1.0, 1.0, 0.3, 0.0, 0.0, 0.5), ("percentage", 1.0, 0.3, 0.0, 0.5)
    edits = []
    for area in (share, whole):
        model, latents, prompts, _ = regional("Wan 2.1", {"area": area}, lambda i: {})
        edits.append(family_edit(model, latents, prompts, case.layout, 3))
    assert torch.equal(*edits)
