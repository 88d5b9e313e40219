"""The sharp model's shipped weights in the host's own classes, worked by the host's own nodes."""

import kornia
import pytest
import torch

from collaborative_score_distillation.demo.instructions import INSTRUCTIONS
from collaborative_score_distillation.demo.painter import LOOKS, SOURCE, paint

HELD_OUT = 1_000_001  # seeds from 1,000,000 on were never trained on
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def sharp(host):
    return host.run("CSDDemoModel", model="sharp")


def picture(look: str, width: int = 512) -> torch.Tensor:
    return torch.from_numpy(paint(HELD_OUT, look, 128, width))[None]


def psnr(image: torch.Tensor, reference: torch.Tensor) -> float:
    return float(kornia.metrics.psnr(image, reference, 1.0))


def test_all_weights_together_are_small(host):
    files = list(host.module("host.demo_model").WEIGHTS.glob("*.safetensors"))
    assert len(files) == 5 and sum(file.stat().st_size for file in files) <= 60 * MEGABYTE


@pytest.mark.parametrize("look", LOOKS)
def test_held_out_panoramas_survive_the_autoencoder(host, sharp, look):
    """At least 5 dB better than 16 linear components, which reach 32.1 (summer) to 37.3 dB (night)."""
    (latent,) = host.run("VAEEncode", pixels=picture(look), vae=sharp[2])
    assert latent["samples"].shape == (1, 16, 16, 64)
    (restored,) = host.run("VAEDecode", samples=latent, vae=sharp[2])
    assert psnr(restored, picture(look)) >= 37


def test_previews_have_the_colours_of_the_picture(host, sharp):
    import latent_preview

    form = sharp[0].model.latent_format
    previewer = latent_preview.Latent2RGBPreviewer(form.latent_rgb_factors, form.latent_rgb_factors_bias)
    (latent,) = host.run("VAEEncode", pixels=picture("sunset"), vae=sharp[2])
    preview = previewer.decode_latent_to_preview(form.process_in(latent["samples"]))
    small = torch.nn.functional.interpolate(picture("sunset").movedim(-1, 1), scale_factor=1 / 8, mode="area")[0]
    shown = torch.tensor(list(preview.getdata())).view(16, 64, 3) / 255
    assert psnr(shown.movedim(-1, 0)[None], small[None]) > 25


def test_the_model_is_a_flow(host, sharp):
    sampling = sharp[0].get_model_object("model_sampling")
    assert float(sampling.sigma_max) == pytest.approx(1.0)
    x, velocity = torch.full((1, 16, 2, 2), 0.7), torch.full((1, 16, 2, 2), 0.5)
    assert torch.allclose(sampling.calculate_denoised(torch.tensor([0.4]), velocity, x), x - 0.4 * velocity)


@pytest.mark.parametrize("look", ["sunset", "night"])
def test_the_hosts_sampler_edits_a_window(host, sharp, look):
    """The edit of a held-out scene is closer to the painted truth than the source is."""
    model, clip, vae = sharp
    source, truth = picture(SOURCE, 128), picture(look, 128)
    (positive,) = host.run("CLIPTextEncode", clip=clip, text=INSTRUCTIONS[look][0])
    (negative,) = host.run("CLIPTextEncode", clip=clip, text="")
    positive, negative, latent = host.run(
        "InstructPixToPixConditioning", positive=positive, negative=negative, pixels=source, vae=vae
    )
    sampling = {"seed": 1, "steps": 12, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    (latent,) = host.run("KSampler", model=model, positive=positive, negative=negative, latent_image=latent, **sampling)
    (edited,) = host.run("VAEDecode", samples=latent, vae=vae)
    assert edited.shape == truth.shape and psnr(edited, truth) > psnr(source, truth) + 3


def test_missing_weights_say_what_to_do(host, tmp_path):
    module = host.module("host.flow_demo_model")
    with pytest.raises(FileNotFoundError, match=f"{module.VAE_FILE}.*make demo-model"):
        module.load_sharp_model(tmp_path)
