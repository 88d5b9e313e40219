"""The shipped weights in the host's own classes, worked by the host's own nodes."""

import kornia
import numpy as np
import pytest
import torch

from collaborative_score_distillation.demo.instructions import INSTRUCTIONS, known_instructions
from collaborative_score_distillation.demo.painter import LOOKS, SOURCE, paint

HELD_OUT = 1_000_000  # seeds from here on were never trained on
EDITED = [look for look in LOOKS if look != SOURCE]
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def module(host):
    return host.module("host.demo_model")


@pytest.fixture(scope="module")
def demo_model(module):
    with torch.inference_mode():
        return module.load_demo_model()


def picture(look: str, width: int = 128, seed: int = HELD_OUT) -> torch.Tensor:
    return torch.from_numpy(paint(seed, look, 128, width))[None]


def psnr(image: torch.Tensor, reference: torch.Tensor) -> float:
    return float(kornia.metrics.psnr(image, reference, 1.0))


def shrunk(image: torch.Tensor) -> torch.Tensor:
    """Down to the size of the latent."""
    return torch.nn.functional.interpolate(image.movedim(-1, 1), scale_factor=1 / 8, mode="area").movedim(1, -1)


def edit(host, demo_model, source: torch.Tensor, instruction: str, cfg: float, **settings) -> torch.Tensor:
    """An edit with the host's own nodes and sampler."""
    model, clip, vae = demo_model
    (positive,) = host.run("CLIPTextEncode", clip=clip, text=instruction)
    (negative,) = host.run("CLIPTextEncode", clip=clip, text="")
    positive, negative, latent = host.run(
        "InstructPixToPixConditioning", positive=positive, negative=negative, pixels=source, vae=vae
    )
    sampling = {"seed": 1, "steps": 12, "sampler_name": "ddim", "scheduler": "normal", "denoise": 1.0, **settings}
    (latent,) = host.run(
        "KSampler", model=model, cfg=cfg, positive=positive, negative=negative, latent_image=latent, **sampling
    )
    return host.run("VAEDecode", samples=latent, vae=vae)[0]


def test_the_weights_are_small(module):
    files = [module.WEIGHTS / name for name in (module.VAE_FILE, module.EDITOR_FILE)]
    assert sum(file.stat().st_size for file in files) <= 24 * MEGABYTE


@pytest.mark.parametrize("look", EDITED)
def test_held_out_panoramas_survive_the_autoencoder(host, demo_model, look):
    panorama = picture(look, 512)
    (latent,) = host.run("VAEEncode", pixels=panorama, vae=demo_model[2])
    assert latent["samples"].shape == (1, 4, 16, 64)
    (restored,) = host.run("VAEDecode", samples=latent, vae=demo_model[2])
    assert psnr(restored, panorama) >= 26


def test_latents_have_unit_deviation_in_the_model(host, demo_model):
    model, _, vae = demo_model
    (latent,) = host.run("VAEEncode", pixels=picture(SOURCE, 512), vae=vae)
    scaled = model.model.process_latent_in(latent["samples"])
    assert 0.6 < float(scaled.std()) < 1.5


@pytest.mark.parametrize("width", [128, 512])
@pytest.mark.parametrize("look", LOOKS)
def test_previews_show_the_look(host, demo_model, look, width):
    """The host's preview is closer to the picture than to the same picture in any other look."""
    import latent_preview

    model, _, vae = demo_model
    (latent,) = host.run("VAEEncode", pixels=picture(look, width), vae=vae)
    form = model.model.latent_format
    previewer = latent_preview.Latent2RGBPreviewer(
        form.latent_rgb_factors, form.latent_rgb_factors_bias, form.latent_rgb_factors_reshape
    )
    preview = np.asarray(previewer.decode_latent_to_preview(form.process_in(latent["samples"])), np.float32)[None] / 255
    closeness = {other: psnr(torch.from_numpy(preview), shrunk(picture(other, width))) for other in LOOKS}
    assert max(closeness, key=closeness.get) == look
    assert closeness[look] > 15


def test_instructions_are_told_apart(host, demo_model):
    texts = ["", *known_instructions("first")]
    encoded = [host.run("CLIPTextEncode", clip=demo_model[1], text=text)[0][0][0] for text in texts]
    for index, one in enumerate(encoded):
        assert one.shape == (1, 77, 64) and torch.isfinite(one).all()
        for other in encoded[:index]:
            assert (one - other).abs().mean() > 0.02


def test_unknown_words_share_one_row(host, demo_model):
    one, other = (host.run("CLIPTextEncode", clip=demo_model[1], text=text)[0][0][0] for text in ("zebra", "tiger"))
    assert torch.equal(one, other)


@pytest.mark.parametrize("look", EDITED)
def test_the_hosts_sampler_edits_a_window(host, demo_model, look):
    """The edit of a held-out scene is closer to the painted truth than the source is."""
    source, truth = picture(SOURCE), picture(look)
    edited = edit(host, demo_model, source, INSTRUCTIONS[look][0], cfg=2.0)
    assert edited.shape == truth.shape
    assert psnr(edited, truth) > psnr(source, truth) + 3


def test_missing_weights_say_what_to_do(module, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{module.VAE_FILE}.*make demo-model"):
        module.load_demo_model(tmp_path)
