"""Consistent Edit: what it turns into, what comes out, and what strength and quality do."""

import pytest
import torch

from .simple import PANORAMA, SET


@pytest.fixture(scope="module", params=["first", "sharp"])
def demo(host, request):
    return host.run("CSDDemoModel", model=request.param)


@pytest.fixture(scope="module")
def sharp(host):
    return host.run("CSDDemoModel", model="sharp")


@pytest.fixture(scope="module")
def picture(host):
    return host.run("CSDDemoScene", seed=1_000_002, look="summer", width=192, height=96)[0]


@pytest.fixture(scope="module")
def clip(host):
    made = {"seed": 1, "look": "summer", "frames": 3, "width": 96, "height": 64, "rate": 8.0}
    return host.run("CSDDemoClip", **made, neighbours=1, anchors=0)[0]


def test_a_panorama(consistent, demo, picture):
    edited, report = consistent(PANORAMA, demo, picture)
    assert edited.shape == picture.shape and report.shape[-1] == 3
    assert edited.mean() > picture.mean() + 0.02  # snow is bright


def test_a_clip(consistent, demo, clip):
    edited, _ = consistent(SET, demo, clip)
    assert edited.shape == clip.shape
    assert edited.mean() > clip.mean() + 0.02


def moved(edited, picture) -> float:
    return float((edited - picture).abs().mean())


def test_strength_decides_how_much_changes(consistent, demo, picture):
    none, weak, usual = (consistent(PANORAMA, demo, picture, strength=strength)[0] for strength in (0.0, 0.25, 0.5))
    through_the_vae = moved(none, picture)
    assert through_the_vae < 0.05
    assert through_the_vae + 0.02 < moved(weak, picture) < moved(usual, picture) - 0.02


def test_the_usual_strength_is_that_of_the_template(consistent, host, sharp, picture):
    """The same single nodes with the same numbers, wired by hand."""
    model, clip, vae = sharp
    by_hand = the_long_way(host, model, clip, vae, picture)
    assert torch.allclose(consistent(PANORAMA, sharp, picture, quality="balanced")[0], by_hand, atol=1e-5)


def the_long_way(host, model, clip, vae, picture):
    particles, layout = host.run(
        "CSDParticleSplit", whole=picture, window_width=96, window_height=96, overlap=48, wrap="none", multiple=8,
        blend="feather",
    )  # fmt: skip
    latent = {"samples": vae.encode(particles)}
    texts = [clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("make it winter", "")]
    shown = [[[tokens, {**rest, "concat_latent_image": latent["samples"]}] for tokens, rest in text] for text in texts]
    (baseline,) = host.run(
        "CSDVelocity", freedom=0.0, rising=False, source="image", source_guidance=1.0, anchor=0.0, along_levels=True
    )
    numbers = {"seed": 3, "steps": 3, "step_size": 1.0, "guidance": 1.0, "image_guidance": 1.0, "noise_low": 0.0}
    numbers |= {"noise_high": 0.85, "particles_per_step": 0, "particles_at_once": 8}
    wires = {"model": model, "positive": shown[0], "negative": shown[1], "latent": latent, "layout": layout}
    (coupling,) = host.run("CSDTones", strength=1.0, spread=0.15, block=1)
    edited, *_ = host.run("CSDEditSampler", **wires, **numbers, baseline=baseline, coupling=coupling)
    return host.run("CSDParticleMerge", particles=vae.decode(edited["samples"]), layout=layout, blend="feather")[0]


def test_views_agree_where_their_depth_says_so(consistent, host, sharp):
    images, views = host.run("CSDDemoViews", seed=1, look="summer", count=3, width=96, height=64)[:2]
    coupled, apart = (consistent(SET, sharp, images, views=given)[0] for given in (views, None))
    assert coupled.shape == images.shape and not torch.allclose(coupled, apart, atol=0.01)


def test_separate_pictures_in_the_papers_way(consistent, sharp, clip):
    fast, paper = (
        consistent(SET, sharp, clip, kind="separate pictures", quality=name)[0] for name in ("fast", "paper")
    )
    assert moved(fast, clip) > 0.05 and moved(paper, clip) > 0.05


def test_one_picture_is_a_set_too(consistent, sharp, clip):
    assert moved(consistent(SET, sharp, clip[:1])[0], clip[:1]) > 0.05


def test_no_instruction_is_refused(consistent, sharp, picture):
    assert "instruction: got no text" in consistent(PANORAMA, sharp, picture, instruction="  ")


def test_frames_of_any_size_come_back_in_it(consistent, sharp, clip):
    """With even sides, which a video needs."""
    odd = torch.nn.functional.interpolate(clip.movedim(-1, 1), (91, 302)).movedim(1, -1)
    assert consistent(SET, sharp, odd)[0].shape == (3, 92, 302, 3)


def test_a_mask_keeps_the_rest(consistent, sharp, picture):
    mask = torch.zeros(1, *picture.shape[1:3])
    mask[..., :96] = 1
    edited, _ = consistent(PANORAMA, sharp, picture, mask=mask)
    moved = (edited - picture).abs().mean((0, 1, 3))
    assert moved[:80].mean() > 3 * moved[112:].mean()
