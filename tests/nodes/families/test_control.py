"""ControlNets whose hints go through a VAE: every particle has its own, which is encoded once."""

import pytest

from ..conftest import rand
from .by_hand import Prompts
from .models import CONTROLNETS, FAMILIES, controlnet, image_vae, video_vae

COUNT = 4


@pytest.fixture(autouse=True)
def nothing_loaded(comfy):
    """The host's loader fails on entries of models that are gone while something still holds their weights."""
    comfy.model_management.current_loaded_models.clear()


@pytest.fixture(scope="module")
def vaes(host):
    """One that takes a batch for a clip, and one that does not."""
    return {"Qwen-Image": video_vae(), "Flux dev": image_vae()}


@pytest.fixture
def encoded(vaes):
    """How many pictures went through a VAE's network."""
    counts, handles = [], []
    for vae in vaes.values():
        count = lambda _, inputs: counts.append(len(inputs[0]))  # noqa: E731
        network = vae.first_stage_model.encoder
        handles.append(network.register_forward_pre_hook(count))
    yield counts
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize("name", CONTROLNETS)
def test_a_hint_of_the_canvas(host, comfy, case, vaes, encoded, by_hand, family_edit, far, name):
    family, control, vae = FAMILIES[name], controlnet(comfy, name), vaes[name]
    model = family.model(comfy)
    latents = case.layout.windows.rescaled((8, 8)).split(family.latents(5, 1, (8, 20)))
    hint = rand(6, 1, 3, 8, 20).sigmoid().repeat_interleave(8, -1).repeat_interleave(8, -2)
    windows = case.layout.windows.split(hint)

    def controlled(hint, strength=0.7):
        positive, negative = family.prompt(1), family.prompt(2)
        inputs = {"control_net": control, "image": hint.movedim(1, -1), "strength": strength, "vae": vae}
        times = {"start_percent": 0.0, "end_percent": 1.0}
        positive, negative = host.run(
            "ControlNetApplyAdvanced", positive=positive, negative=negative, **inputs, **times
        )
        return Prompts(positive, negative, positive if family.reference else family.prompt(3))

    expected = by_hand.edited(model, latents, lambda i: controlled(windows[i : i + 1]), case.layout)
    for at_once in (1, 3, COUNT):
        encoded.clear()
        assert far(family_edit(model, latents, controlled(hint), case.layout, at_once), expected) < 1e-4
        assert sum(encoded) == COUNT
    plain = Prompts(*(family.prompt(seed) for seed in (1, 2, 3)))
    assert far(family_edit(model, latents, plain, case.layout), expected) > 1e-3


@pytest.mark.parametrize("name", CONTROLNETS)
def test_a_shared_hint_is_encoded_once(host, comfy, vaes, encoded, family_edit, name):
    family = FAMILIES[name]
    inputs = {
        "control_net": controlnet(comfy, name),
        "image": rand(6, 1, 64, 64, 3).sigmoid(),
        "vae": vaes[name],
        "strength": 0.7,
    }
    prompts = {"positive": family.prompt(1), "negative": family.prompt(2)}
    pair = host.run("ControlNetApplyAdvanced", **prompts, **inputs, start_percent=0.0, end_percent=1.0)
    encoded.clear()
    family_edit(family.model(comfy), family.latents(5, COUNT), Prompts(*pair, family.prompt(3)), at_once=1)
    assert sum(encoded) == 1
