"""CSD Particle Split and CSD Particle Merge: windows and the whole again, for every type and any size."""

import importlib
import json
from copy import copy

import pytest
import torch


def rand(seed, *shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


WINDOW = {"window_width": 64, "window_height": 64, "overlap": 32, "wrap": "none", "multiple": 8}


@pytest.fixture
def split(host):
    return lambda whole, **changes: host.run("CSDParticleSplit", whole=whole, **{**WINDOW, **changes})


@pytest.fixture
def merge(host):
    return lambda particles, layout, blend="uniform": host.run(
        "CSDParticleMerge", particles=particles, layout=layout, blend=blend
    )[0]


SIZES = [(64, 64), (64, 160), (100, 300), (40, 30), (65, 64), (1, 1), (129, 97)]


@pytest.mark.parametrize("height, width", SIZES)
@pytest.mark.parametrize("overlap", [0, 32, 56])
def test_images_of_any_size_come_back(split, merge, height, width, overlap):
    image = rand(1, 2, height, width, 3)
    particles, layout = split(image, overlap=overlap)
    assert particles.shape[1:] == (64, 64, 3) and len(particles) == layout.windows.count
    assert torch.equal(merge(particles, layout), image)
    assert (merge(particles, layout, "feather") - image).abs().max() < 1e-6


@pytest.mark.parametrize("shape", [(70, 90), (2, 70, 90)])
def test_masks_of_two_and_three_axes(split, merge, shape):
    mask = rand(2, *shape)
    particles, layout = split(mask)
    assert particles.shape[1:] == (64, 64)
    assert torch.equal(merge(particles, layout), mask.reshape(-1, 70, 90))


LATENTS = [(1, 4, 9, 23), (2, 16, 8, 20), (1, 4, 3, 9, 23), (2, 4, 2, 5, 5)]


@pytest.mark.parametrize("shape", LATENTS)
@pytest.mark.parametrize("multiple", [8, 32])
def test_latents_of_pictures_and_videos(split, merge, shape, multiple):
    latent = {"samples": rand(3, *shape), "noise_mask": rand(4, *shape[:1], 1, *shape[2:]), "note": "kept"}
    particles, layout = split(latent, multiple=multiple)
    assert particles["samples"].shape[-2:] == (8, 8) and particles["note"] == "kept"
    assert len(particles["noise_mask"]) == len(particles["samples"])
    whole = merge(particles, layout)
    assert torch.equal(whole["samples"], latent["samples"]) and torch.equal(whole["noise_mask"], latent["noise_mask"])
    assert (merge(particles, layout, "feather")["samples"] - latent["samples"]).abs().max() < 1e-6


def test_a_noise_mask_in_pixels(split):
    latent = {"samples": rand(3, 1, 4, 8, 20), "noise_mask": torch.ones(1, 1, 64, 160)}
    latent["noise_mask"][..., 80:] = 0
    mask = split(latent)[0]["noise_mask"]
    assert mask.shape[-2:] == (8, 8) and mask[0].min() == 1 and mask[-1].max() == 0


def test_noise_masks_that_do_not_match(split):
    latent = {"samples": rand(3, 2, 4, 8, 20), "noise_mask": torch.ones(3, 1, 8, 20)}
    with pytest.raises(ValueError, match="CSD Particle Split: got 3 noise masks for 2 latents, expected 1 or 2"):
        split(latent)


WRAPS = [("none", (96, 160)), ("horizontal", (90, 160)), ("vertical", (96, 150)), ("both", (96, 160))]


@pytest.mark.parametrize("wrap, size", WRAPS)
def test_wrapping(split, merge, wrap, size):
    image = rand(5, 1, *size, 3)
    particles, layout = split(image, wrap=wrap)
    assert torch.equal(merge(particles, layout), image)
    assert (merge(particles, layout, "feather") - image).abs().max() < 1e-6
    across = {"none": (False, False), "horizontal": (False, True), "vertical": (True, False), "both": (True, True)}
    height, width = layout.windows.canvas
    ys, xs = zip(*layout.windows.origins, strict=True)
    assert (max(ys) + 64 > height, max(xs) + 64 > width) == across[wrap]


def test_a_window_that_crosses_the_seam_sees_both_ends(split):
    image = rand(6, 1, 64, 160, 3)
    particles, layout = split(image, wrap="horizontal")
    x = layout.windows.origins[-1][1]
    assert torch.equal(particles[-1], image[0].roll(-x, 1)[:, :64])


@pytest.mark.parametrize("scale", [0.125, 0.25, 2, 4])
def test_merging_at_another_scale(split, merge, scale):
    """Latents of split pixels, or windows that were upscaled in between."""
    _, layout = split(rand(7, 1, 64, 160, 3))
    canvas = rand(8, 1, 4, int(64 * scale), int(160 * scale))
    side = int(64 * scale)
    latents = {"samples": layout.windows.rescaled((side, side)).split(canvas)}
    assert torch.equal(merge(latents, layout)["samples"], canvas)


def test_the_padding_is_cut_off_at_another_scale(split, merge):
    _, layout = split(rand(7, 1, 56, 152, 3), multiple=32)
    assert layout.windows.canvas == (64, 160)
    canvas = rand(8, 1, 4, 8, 20)
    latents = {"samples": layout.windows.rescaled((8, 8)).split(canvas)}
    assert torch.equal(merge(latents, layout)["samples"], canvas[..., :7, :19])


def test_feathering_hides_a_seam(split, merge):
    """Two windows that disagree: the feathered average changes step by step, the uniform one at the edges."""
    _, layout = split(rand(9, 1, 64, 96, 3))
    particles = torch.stack([torch.zeros(64, 64, 3), torch.ones(64, 64, 3)])
    smooth, flat = (merge(particles, layout, blend)[0, 32, :, 0].diff().abs().max() for blend in ("feather", "uniform"))
    assert smooth < 0.05 < flat


def test_padding_repeats_the_edge(split):
    image = rand(10, 1, 40, 30, 3)
    (particle,), _ = split(image)
    assert torch.equal(particle[:40, :30], image[0])
    assert torch.equal(particle[40:, :30], image[0, -1:].expand(24, -1, -1))
    assert torch.equal(particle[:40, 30:], image[0, :, -1:].expand(-1, 34, -1))


BAD = [
    ({"window_width": 60}, "got windows of 60 x 64 pixels, expected multiples of 8"),
    ({"multiple": 48}, "got windows of 64 x 64 pixels, expected multiples of 48"),
    ({"overlap": 64}, "got an overlap of 64, expected a multiple of 8 from 0 to less than .*64"),
    ({"overlap": 20}, "got an overlap of 20, expected a multiple of 8"),
    ({"overlap": -8}, "overlap: got -8, expected a number from 0"),
    ({"wrap": "horizontal", "window_width": 512, "overlap": 0}, "got a width of 160 that wraps around, .* 512"),
]


@pytest.mark.parametrize("changes, message", BAD, ids=[f"{next(iter(c))} {next(iter(c.values()))}" for c, _ in BAD])
def test_bad_windows(split, changes, message):
    with pytest.raises(ValueError, match=f"CSD Particle Split: {message}"):
        split(rand(1, 1, 100, 160, 3), **changes)


def test_a_seam_cannot_be_padded(split):
    with pytest.raises(
        ValueError, match="CSD Particle Split: got a width of 150 that wraps around, expected a multiple"
    ):
        split(rand(1, 1, 64, 150, 3), wrap="horizontal")


def test_latents_need_whole_cells(split):
    with pytest.raises(ValueError, match="CSD Particle Split: got multiple 4 for latents of 8 pixels a cell, expected"):
        split({"samples": rand(1, 1, 4, 8, 20)}, multiple=4)


def test_the_vae_says_how_many_pixels_a_cell_has(split, merge, comfy):
    """One pixel, of the host's VAE for models that work on pixels."""
    vae = importlib.import_module("comfy.sd").VAE(sd={"pixel_space_vae": torch.tensor(1.0)})
    latent = {"samples": rand(1, 1, 3, 64, 160)}
    particles, layout = split(latent, vae=vae)
    assert particles["samples"].shape[-2:] == (64, 64) and layout.size == (64, 160)
    assert torch.equal(merge(particles, layout)["samples"], latent["samples"])


@pytest.mark.parametrize("cell", [16, 32])
def test_a_latent_says_how_many_pixels_a_cell_has(split, merge, cell):
    """Newer hosts write it into the latent."""
    latent = {"samples": rand(1, 1, 128, 64 // cell, 160 // cell), "downscale_ratio_spacial": cell}
    particles, layout = split(latent, multiple=32)
    assert particles["samples"].shape[-1] == 64 // cell and layout.size == (64, 160)
    assert torch.equal(merge(particles, layout)["samples"], latent["samples"])
    with pytest.raises(ValueError, match=f"got multiple 8 for latents of {cell} pixels a cell, expected"):
        split(latent)


def test_images_for_a_vae_of_large_cells(split, comfy):
    """Windows of pixels have to fit the cells as well: found out before anything is encoded."""
    vae = copy(importlib.import_module("comfy.sd").VAE(sd={"pixel_space_vae": torch.tensor(1.0)}))
    vae.downscale_ratio = (None, 16, 16)  # as the host writes it for video models
    with pytest.raises(ValueError, match="got multiple 8 for latents of 16 pixels a cell"):
        split(rand(1, 1, 64, 160, 3), vae=vae)
    assert len(split(rand(1, 1, 64, 160, 3), vae=vae, multiple=16)[0]) == 4


@pytest.mark.parametrize("empty", [torch.zeros(0, 64, 64, 3), torch.zeros(1, 0, 64, 3), torch.zeros(0, 64, 64)])
def test_nothing_to_split(split, empty):
    with pytest.raises(
        ValueError, match="CSD Particle Split: whole: got a tensor .*expected an? .* of at least one picture"
    ):
        split(empty)


def test_particles_of_another_layout(split, merge):
    particles, _ = split(rand(1, 1, 64, 160, 3))
    _, other = split(rand(1, 1, 64, 300, 3))
    with pytest.raises(ValueError, match="CSD Particle Merge: layout: got 4 particles for a layout of"):
        merge(particles, other)


def test_particles_of_another_shape(split, merge):
    _, layout = split(rand(1, 1, 64, 160, 3))
    with pytest.raises(ValueError, match="CSD Particle Merge: Windows: .*does not rescale to"):
        merge(rand(1, 4, 63, 65, 3), layout)


@pytest.mark.parametrize("wrap", ["none", "horizontal"])
def test_a_layout_goes_through_json(ext, split, wrap):
    _, layout = split(rand(1, 2, 96, 160, 3), wrap=wrap)
    assert ext.layout.Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


@pytest.mark.parametrize("change", [{"version": 2}, {"unit": "cell"}, {"version": None}])
def test_layouts_of_other_versions(ext, split, change):
    data = split(rand(1, 1, 64, 160, 3))[1].to_json()
    with pytest.raises(ValueError, match=r"Layout: got version .*, expected version 1 in pixels"):
        ext.layout.Layout.from_json({**data, **change})


def test_what_is_split_does_not_change(split, merge):
    latent = {"samples": rand(1, 1, 4, 9, 23), "noise_mask": rand(2, 1, 1, 9, 23)}
    before = {key: value.clone() for key, value in latent.items()}
    particles, layout = split(latent)
    kept = particles["samples"].clone()
    merge(particles, layout)
    assert all(torch.equal(latent[key], before[key]) for key in before) and torch.equal(particles["samples"], kept)
