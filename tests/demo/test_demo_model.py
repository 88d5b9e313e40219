"""The shipped weights in the host's own classes, worked by the host's own nodes."""

import kornia
import pytest
import torch

from collaborative_score_distillation.demo.instructions import known_instructions
from collaborative_score_distillation.demo.painter import LOOKS, paint

HELD_OUT = 1_000_000
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def module(host):
    return host.module("nodes.host.demo_model")


@pytest.fixture(scope="module")
def demo_model(module):
    with torch.inference_mode():
        return module.load_demo_model()


def picture(look: str, width: int = 128, seed: int = HELD_OUT) -> torch.Tensor:
    return torch.from_numpy(paint(seed, look, 128, width))[None]


def psnr(image: torch.Tensor, reference: torch.Tensor) -> float:
    return float(kornia.metrics.psnr(image, reference, 1.0))


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
    files = list(module.WEIGHTS.glob("*"))
    assert {file.name for file in files} >= {module.VAE_FILE, module.EDITOR_FILE}
    assert sum(file.stat().st_size for file in files) <= 24 * MEGABYTE


@pytest.mark.parametrize("look", LOOKS)
def test_held_out_panoramas_survive_the_autoencoder(host, demo_model, look):
    panorama = picture(look, 512)
    (latent,) = host.run("VAEEncode", pixels=panorama, vae=demo_model[2])
    assert latent["samples"].shape == (1, 4, 16, 64)
    (restored,) = host.run("VAEDecode", samples=latent, vae=demo_model[2])
    assert psnr(restored, panorama) >= 26


def test_latents_have_unit_deviation_in_the_model(host, demo_model):
    model, _, vae = demo_model
    (latent,) = host.run("VAEEncode", pixels=picture("summer", 512), vae=vae)
    scaled = model.model.process_latent_in(latent["samples"])
    assert 0.6 < float(scaled.std()) < 1.5


def test_previews_show_the_colours(host, demo_model):
    """The latent format's linear preview is closer to the picture than to the same picture in another look."""
    model, _, vae = demo_model
    panorama = picture("autumn", 512)
    (latent,) = host.run("VAEEncode", pixels=panorama, vae=vae)
    form = model.model.latent_format
    factors, bias = torch.tensor(form.latent_rgb_factors), torch.tensor(form.latent_rgb_factors_bias)
    preview = (form.process_in(latent["samples"]).movedim(1, -1) @ factors + bias + 1) / 2
    small = torch.nn.functional.interpolate(panorama.movedim(-1, 1), size=(16, 64), mode="area").movedim(1, -1)
    assert psnr(preview.clamp(0, 1), small) > 18


def test_instructions_are_told_apart(host, demo_model):
    texts = ["", *known_instructions()]
    encoded = [host.run("CLIPTextEncode", clip=demo_model[1], text=text)[0][0][0] for text in texts]
    for index, one in enumerate(encoded):
        assert one.shape == (1, 77, 64) and torch.isfinite(one).all()
        for other in encoded[:index]:
            assert (one - other).abs().mean() > 0.02


def test_unknown_words_share_one_row(host, demo_model):
    one, other = (host.run("CLIPTextEncode", clip=demo_model[1], text=text)[0][0][0] for text in ("cubism", "zebra"))
    assert torch.equal(one, other)


@pytest.mark.parametrize("look", [look for look in LOOKS if look != "summer"])
def test_the_hosts_sampler_edits_a_window(host, demo_model, look):
    """The edit of a held-out scene is closer to the painted truth than the source is."""
    source, truth = picture("summer"), picture(look)
    instruction = {"winter": "make it winter", "autumn": "make it autumn", "sunset": "make it a sunset"}
    edited = edit(host, demo_model, source, instruction.get(look, "make it night"), cfg=2.0)
    assert edited.shape == truth.shape
    assert psnr(edited, truth) > psnr(source, truth) + 3


def test_missing_weights_say_what_to_do(module, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{module.VAE_FILE}.*make demo-model"):
        module.load_demo_model(tmp_path)
