"""A long clip with few frames at a time is the same edit as with all of them at once."""

import pytest
import torch

from collaborative_score_distillation.demo.instructions import INSTRUCTIONS

FRAMES, STEPS = 72, 10
CLIP = {"seed": 1_000_003, "look": "summer", "frames": FRAMES, "width": 96, "height": 64, "rate": 12.0}


@pytest.fixture(scope="module")
def inputs(host):
    """Model, conditioning and latents of a painted clip, coupled along its true motion."""
    model, clip, vae = host.run("CSDDemoModel")
    frames, _, motion = host.run("CSDDemoClip", **CLIP, neighbours=2, anchors=2)
    prompts = [host.run("CLIPTextEncode", clip=clip, text=text)[0] for text in (INSTRUCTIONS["sunset"][0], "")]
    pix2pix = {"positive": prompts[0], "negative": prompts[1], "pixels": frames, "vae": vae}
    positive, negative, latent = host.run("InstructPixToPixConditioning", **pix2pix)
    latent = {"samples": host.run("VAEEncode", pixels=frames, vae=vae)[0]["samples"]}
    kernel = {"bandwidth": "median", "fixed_bandwidth": 1.0, "normalization": "row", "repulsion": 0.0}
    (coupling,) = host.run("CSDKernel", kernel="uniform", correspondence=motion, **kernel)
    (noise,) = host.run("CSDNoiseField", field="carried", correspondence=motion)
    wires = {"model": model, "positive": positive, "negative": negative, "latent": latent}
    return {**wires, "coupling": coupling, "noise": noise}, vae


@pytest.mark.slow
def test_72_frames(host, inputs):
    wires, vae = inputs
    numbers = {"seed": 5, "steps": STEPS, "step_size": 2.0, "guidance": 2.0, "image_guidance": 1.0, "noise_low": 0.02}
    numbers |= {"noise_high": 0.4, "particles_per_step": 0}

    def pictures(**changes):
        edited = host.run("CSDEditSampler", **wires, **{**numbers, **changes})[0]
        return host.run("VAEDecode", samples=edited, vae=vae)[0]

    whole = pictures(particles_at_once=FRAMES)
    source = host.run("VAEDecode", samples=wires["latent"], vae=vae)[0]
    assert (whole - source).abs().mean() > 0.03
    for at_once in (12, 7):
        assert (pictures(particles_at_once=at_once) - whole).abs().max() < 1e-3
    assert torch.equal(pictures(particles_at_once=12, particles_per_step=12), pictures(particles_at_once=12))
