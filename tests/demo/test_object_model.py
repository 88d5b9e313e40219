"""The demo model of objects, sampled by the host's own sampler."""

import pytest
import torch

VIEWS = ("front view", "right side view", "back view")


@pytest.fixture(scope="module")
def pictures(host):
    """text -> pictures [3, 96, 96, 3] of the object from three sides."""
    model, clip, vae = host.run("CSDDemoModel", model="objects")
    joined = host.module("host.prompts").joined

    def sampled(text: str) -> torch.Tensor:
        prompts = [host.run("CLIPTextEncode", clip=clip, text=f"{text}, {view}")[0] for view in VIEWS]
        negative = host.run("CLIPTextEncode", clip=clip, text="")[0]
        settings = {"seed": 3, "steps": 12, "cfg": 3.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
        latent = {"samples": torch.zeros(len(VIEWS), 16, 12, 12)}
        wires = {"model": model, "positive": joined(prompts), "negative": negative, "latent_image": latent}
        return host.run("VAEDecode", vae=vae, samples=host.run("KSampler", **wires, **settings)[0])[0]

    return sampled


@pytest.mark.parametrize(("text", "channel"), [("a red car", 0), ("a green tree", 1), ("a blue mug", 2)])
def test_the_object_has_its_colour(pictures, text, channel):
    middle = pictures(text)[:, 36:60, 40:56].mean((0, 1, 2))
    assert middle.argmax() == channel and middle[channel] > middle.mean() + 0.1


def test_a_car_is_wider_from_its_side(pictures):
    """How far red reaches across the picture."""
    reach = [(one[..., 0] - one[..., 1:].mean(-1) > 0.25).any(0).sum() for one in pictures("a red car")]
    assert reach[1] > 1.15 * reach[0]
