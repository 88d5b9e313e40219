"""Sets of images through the encoders of video models: every image by itself."""

import logging
from copy import copy

import pytest
import torch

from ..conftest import rand
from ..test_text_to_3d import SETTINGS as SCENE
from .models import FAMILIES, video_vae, vision_clip

PICTURES = rand(1, 5, 32, 48, 3).sigmoid()


@pytest.fixture(scope="module")
def clips(host):
    return video_vae()


@pytest.fixture(scope="module")
def batched(host, clips):
    return host.run("CSDVAEBatch", vae=clips, images_at_once=2)[0]


def test_a_video_vae_takes_a_set_for_a_clip(host, clips):
    """What the node is for: five pictures become two moments of one latent."""
    assert host.run("VAEEncode", vae=clips, pixels=PICTURES)[0]["samples"].shape == (1, 16, 2, 4, 6)


def test_every_image_is_encoded_by_itself(host, clips, batched):
    encoded = host.run("VAEEncode", vae=batched, pixels=PICTURES)[0]["samples"]
    alone = [host.run("VAEEncode", vae=clips, pixels=picture[None])[0]["samples"] for picture in PICTURES]
    assert encoded.shape == (5, 16, 1, 4, 6)
    assert torch.equal(encoded, torch.cat(alone))
    tiled = host.run("VAEEncodeTiled", vae=batched, pixels=PICTURES, tile_size=64, overlap=0)[0]["samples"]
    assert tiled.shape == encoded.shape


def test_every_image_comes_back(host, clips, batched):
    latent = host.run("VAEEncode", vae=batched, pixels=PICTURES)[0]
    (pictures,) = host.run("VAEDecode", vae=batched, samples=latent)
    rows = [host.run("VAEDecode", vae=clips, samples={"samples": row[None]})[0] for row in latent["samples"]]
    assert pictures.shape == PICTURES.shape
    assert torch.allclose(pictures, torch.cat(rows), atol=1e-5)


def test_a_vae_for_sound_is_refused(host, clips):
    sound = copy(clips)
    sound.latent_dim = 1
    with pytest.raises(ValueError, match="CSD VAE Batch: VAE: got one for sound, expected one for images"):
        host.run("CSDVAEBatch", vae=sound, images_at_once=2)


def test_windows_taken_for_a_clip_are_recognised(host, comfy, clips, case, edit, counted):
    family = FAMILIES["Qwen-Image"]
    clone, calls = counted(family.model(comfy))
    latent = host.run("VAEEncode", vae=clips, pixels=rand(2, 4, 64, 64, 3).sigmoid())[0]
    prompts = {"positive": family.prompt(1), "negative": family.prompt(2)}
    with pytest.raises(ValueError, match="got one clip of 1 moments for a layout of 4 windows.* put CSD VAE Batch"):
        edit(clone, **prompts, latent=latent)
    assert not calls


def test_frames_taken_for_a_clip_are_warned_of(host, comfy, edit, caplog):
    family = FAMILIES["Qwen-Image"]
    (baseline,) = host.run("CSDBaseline", baseline="source prompt", source=family.prompt(3))
    inputs = {"positive": family.prompt(1), "negative": family.prompt(2), "baseline": baseline, "image_guidance": 1.0}
    with caplog.at_level(logging.WARNING):
        edit(family.model(comfy), **inputs, latent={"samples": family.latents(1, 1)}, layout=None)
    assert "one particle, a clip of 1 moments" in caplog.text
    caplog.clear()
    edit(family.model(comfy), **inputs, latent={"samples": family.latents(1, 2)}, layout=None)
    assert "one particle" not in caplog.text


@pytest.fixture(scope="module")
def encoded(host, comfy):
    """Each of three pictures with the same words, by the host's encoder for Qwen-Image-Edit."""
    clip, pictures = vision_clip(comfy), rand(3, 3, 64, 64, 3).sigmoid()
    encode = {"clip": clip, "prompt": "snow"}
    alone = [host.run("TextEncodeQwenImageEditPlus", **encode, image1=one[None])[0] for one in pictures]
    return alone, host.run("TextEncodeQwenImageEditPlus", **encode, image1=pictures)[0]


def test_the_encoder_sees_the_first_picture_of_a_set(encoded):
    """What the node is for: the whole set in one call is the first picture alone."""
    alone, together = encoded
    assert torch.equal(together[0][0], alone[0][0][0])


def test_every_image_has_its_own_prompt(host, encoded, far):
    alone, _ = encoded
    (joined,) = host.run("CSDPromptOfEach", prompts=alone)
    tokens = joined[0][0]
    assert tokens.shape[0] == 3 and torch.equal(tokens, torch.cat([prompt[0][0] for prompt in alone]))
    assert far(tokens[0], tokens[1]) > 1e-3 and far(tokens[1], tokens[2]) > 1e-3


def test_references_and_pooled_prompts_are_joined(host):
    def prompt(seed):
        entries = {"pooled_output": rand(seed, 1, 16), "reference_latents": [rand(seed, 1, 16, 1, 8, 8)]}
        return [[rand(seed, 1, 7, 16), {**entries, "guidance": 3.0}]]

    ((tokens, entries),) = host.run("CSDPromptOfEach", prompts=[prompt(1), prompt(2)])[0]
    assert tokens.shape == (2, 7, 16) and entries["pooled_output"].shape == (2, 16) and entries["guidance"] == 3.0
    assert torch.equal(entries["reference_latents"][0], torch.cat([rand(1, 1, 16, 1, 8, 8), rand(2, 1, 16, 1, 8, 8)]))


MISFITS = [
    ([[rand(1, 1, 7, 16), {}]], [[rand(1, 1, 8, 16), {}]], "got 7 to 8 tokens, expected the same number"),
    ([[rand(1, 1, 7, 16), {"a": 1}]], [[rand(1, 1, 7, 16), {}]], "got a in some only"),
    ([[rand(1, 1, 7, 16), {"a": 1}]], [[rand(1, 1, 7, 16), {"a": 2}]], "got a different a in each"),
    ([[rand(1, 2, 7, 16), {}]], [[rand(1, 2, 7, 16), {}]], "got tokens of shape .2, 7, 16., expected one row"),
    ([[rand(1, 1, 7, 16), {}]], [], "got 0 to 1 parts in each"),
]


@pytest.mark.parametrize("first, second, message", MISFITS, ids=[message for *_, message in MISFITS])
def test_prompts_that_do_not_fit_together(host, first, second, message):
    with pytest.raises(ValueError, match=f"CSD Prompt of Each: prompts: {message}"):
        host.run("CSDPromptOfEach", prompts=[first, second])


def test_views_of_a_scene_from_a_text_are_no_clip(host, comfy, clips):
    """Each view of a step has a latent of its own, so two steps of two views take eight evaluations."""
    links = {"model": FAMILIES["Qwen-Image"].model(comfy), "clip": vision_clip(comfy), "vae": clips}
    with torch.inference_mode():
        made = host.node("CSDTextToSplats").execute(**links, **{**SCENE, "steps": 2, "view_words": "none"})
    assert torch.isfinite(made.args[0].sh).all() and made.ui["csd"][0]["evaluations"] == 8
