"""Patches on MODEL that hold a row or a picture for each particle: every particle sees its own."""

import importlib

import pytest
import torch

from ..conftest import rand
from .by_hand import Prompts
from .models import FAMILIES, fill, video_vae

COUNT = 4


def of_each(rows, model):
    """The model with a patch like that of IP-Adapters: a row for each image, and `ad_params` to find them by."""

    def patch(out, extra):
        own = rows
        if "ad_params" in extra and len(rows) >= extra["ad_params"]["full_length"]:
            own = rows[extra["ad_params"]["sub_idxs"]]
        return out + own.repeat(len(extra["cond_or_uncond"]), 1)[:, None, : out.shape[-1]]

    patched = model.clone()
    patched.set_model_attn2_output_patch(patch)
    return patched


@pytest.mark.parametrize("name", ["SD 1.5", "InstructPix2Pix"])
def test_rows(comfy, by_hand, family_edit, row, far, name):
    family = FAMILIES[name]
    model, rows = family.model(comfy), rand(8, COUNT, 64)
    latents, image = family.latents(5, COUNT), family.image(family.latents(6, COUNT))
    source = None if image else family.prompt(3)
    prompts = Prompts(family.prompt(1, **image), family.prompt(2, **image), source)

    def of_one(i):
        whole = (prompts.positive, prompts.negative, prompts.source)
        return Prompts(*(part and row(part, i, COUNT) for part in whole))

    expected = by_hand.edited(lambda i: of_each(rows[i : i + 1], model), latents, of_one)
    for at_once in (1, 3, COUNT):
        assert far(family_edit(of_each(rows, model), latents, prompts, at_once=at_once), expected) < 1e-4
    assert far(family_edit(of_each(rows.flip(0), model), latents, prompts), expected) > 1e-3


@pytest.fixture(scope="module")
def control_patch(host, comfy):
    """A DiffSynth ControlNet for Qwen-Image, of the host's class; `extra` channels for a mask."""
    module = importlib.import_module("comfy_extras.nodes_model_patch")

    def make(extra: int):
        ops = importlib.import_module("comfy.ops").manual_cast
        settings = {"num_layers": 1, "additional_in_dim": extra, "dim": 32, "dtype": torch.float32, "operations": ops}
        network = module.QwenImageBlockWiseControlNet(**settings)
        fill(network, 3, gain=1.4)
        network.requires_grad_(False)
        cpu = torch.device("cpu")
        return importlib.import_module("comfy.model_patcher").ModelPatcher(network, cpu, cpu)

    return make


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_pictures(host, comfy, case, by_hand, family_edit, control_patch, far, scale, masked):
    """Every window is guided by its own part of a canvas's picture, as if the node had been given that alone."""
    family, net, vae = FAMILIES["Qwen-Image"], control_patch(4 if masked else 0), video_vae()
    model, prompts = family.model(comfy), Prompts(*(family.prompt(seed) for seed in (1, 2, 3)))
    latents = case.layout.windows.rescaled((8, 8)).split(family.latents(5, 1, (8, 20)))
    picture, mask = rand(6, 1, 3, 64, 160).sigmoid(), rand(7, 1, 64, 160).sigmoid()
    finer = lambda image: image.repeat_interleave(scale, -1).repeat_interleave(scale, -2)  # noqa: E731

    def patched(picture, mask):
        hint = {"image": picture.movedim(1, -1), "strength": 1.0, **({"mask": mask} if masked else {})}
        return host.run("QwenImageDiffsynthControlnet", model=model, model_patch=net, vae=vae, **hint)[0]

    windows = case.layout.windows.split(picture), case.layout.windows.split(mask)
    of_window = lambda i: patched(*(part[i : i + 1] for part in windows))  # noqa: E731
    expected = by_hand.edited(of_window, latents, lambda i: prompts, case.layout)
    whole = patched(finer(picture), finer(mask))
    for at_once in (1, 3, COUNT):
        assert far(family_edit(whole, latents, prompts, case.layout, at_once), expected) < 1e-4
    assert far(family_edit(model, latents, prompts, case.layout), expected) > 1e-3


def test_pictures_that_cannot_be_split_are_refused(comfy, case, family_edit, counted):
    class Picture:
        image = rand(1, 1, 64, 160, 3)

        def __call__(self, call):
            return call

    family = FAMILIES["Qwen-Image"]
    clone, calls = counted(family.model(comfy))
    clone.set_model_double_block_patch(Picture())
    prompts = Prompts(*(family.prompt(seed) for seed in (1, 2, 3)))
    latents = case.layout.windows.rescaled((8, 8)).split(family.latents(5, 1, (8, 20)))
    with pytest.raises(ValueError, match="CSD Edit Sampler: model: got a patch Picture with a picture, which cannot"):
        family_edit(clone, latents, prompts, case.layout)
    assert not calls
