"""Conditioning on a canvas: split like the canvas, matched to the particles, or refused."""

import pytest
import torch


def rand(seed, *shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def fit(ext, case):
    """Four particles of 8 x 8 cells on a canvas of 8 x 20."""
    return ext.fit.Fit(4, (8, 8), case.layout)


@pytest.fixture
def frames(ext):
    return ext.fit.Fit(4, (8, 8))


def cells(case):
    return case.layout.windows.rescaled((8, 8))


@pytest.mark.parametrize("scale", [1, 2, 8, 16])
def test_what_spans_the_canvas_is_split(fit, case, scale):
    whole = rand(scale, 1, 3, 8 * scale, 20 * scale)
    windows = case.layout.windows.rescaled((8 * scale, 8 * scale))
    assert torch.equal(fit.image("hint", whole), windows.split(whole))


@pytest.mark.parametrize("scale", [1, 2, 8])
@pytest.mark.parametrize("rows", [1, 4])
def test_what_has_the_size_of_a_particle_passes(fit, frames, scale, rows):
    part = rand(scale, rows, 3, 8 * scale, 8 * scale)
    assert fit.image("hint", part) is part and frames.image("hint", part) is part


def test_video_latents_are_split_frame_by_frame(fit, case):
    whole = rand(1, 1, 4, 3, 8, 20)
    assert torch.equal(fit.image("image", whole), cells(case).split(whole))


@pytest.fixture
def square(ext):
    """A canvas of 2 x 2 windows: in a way it is as large as one window at twice the scale."""
    return ext.fit.Fit(4, (8, 8), ext.layout.plan((128, 128), (64, 64), 0, (False, False), 8, 1))


@pytest.mark.parametrize("size", [16, 128])
def test_a_square_canvas_is_not_taken_for_a_large_window(square, size):
    whole = rand(1, 1, 3, size, size)
    half = size // 2
    corners = [whole[0, :, y : y + half, x : x + half] for y in (0, half) for x in (0, half)]
    assert torch.equal(square.image("hint", whole), torch.stack(corners))


@pytest.mark.parametrize("size", [8, 64])
def test_a_window_on_a_square_canvas_stays_a_window(square, size):
    one = rand(1, 1, 3, size, size)
    assert square.image("hint", one) is one


@pytest.fixture
def padded(ext):
    """An image of 60 x 150 pixels, padded to 64 x 160 (8 x 20 cells)."""
    return ext.fit.Fit(4, (8, 8), ext.layout.plan((60, 150), (64, 64), 32, (False, False), 32, 1))


def test_an_image_without_the_padding_gets_it(padded):
    image = rand(1, 1, 3, 60, 150)
    split = padded.image("mask", image)
    assert split.shape == (4, 3, 64, 64)
    assert torch.equal(split[-1][:, :60, :54], image[0, :, :, 96:])
    assert torch.equal(split[-1][:, 59:, 53:], image[0, :, 59:, 149:].expand(-1, 5, 11))


def test_several_canvases(ext):
    layout = ext.layout.plan((64, 160), (64, 64), 32, (False, False), 8, 2)
    fit, pair = ext.fit.Fit(8, (8, 8), layout), rand(1, 2, 8, 20)
    windows = layout.windows.rescaled((8, 8))
    assert torch.equal(fit.image("mask", pair), windows.split(pair))
    assert torch.equal(fit.image("mask", pair[:1]), windows.split(pair[:1].expand(2, -1, -1)))
    with pytest.raises(ValueError, match="mask: got 3 of 20 x 8"):
        fit.image("mask", rand(1, 3, 8, 20))


@pytest.mark.parametrize("wrap, seam", [((False, True), 0), ((True, True), 0)])
def test_wrapping_canvases_are_split_across_the_seam(ext, wrap, seam):
    layout = ext.layout.plan((64, 160), (64, 64), 32, wrap, 8, 1)
    fit, whole = ext.fit.Fit(layout.windows.count, (8, 8), layout), rand(1, 1, 8, 20)
    split = fit.image("mask", whole)
    last = layout.windows.origins[-1][1] // 8
    assert last > 12 and torch.equal(split[-1], whole[0].roll(-last, 1)[:, :8])


MISFITS = [
    ("batch", (3, 4, 8, 8), r"image: got a batch of 3 for 4 particles, expected 1 \(shared\) or 4 \(one each\)"),
    ("size", (1, 4, 8, 12), r"image: got 1 of 12 x 8, expected the size of the particles of 8 x 8 .* canvas of 20 x 8"),
    ("aspect", (1, 4, 16, 8), r"image: got 1 of 8 x 16"),
    ("canvas batch", (4, 4, 8, 20), r"image: got 4 of 20 x 8"),
]


@pytest.mark.parametrize("kind, shape, message", MISFITS, ids=[kind for kind, *_ in MISFITS])
def test_misfits_are_refused(fit, kind, shape, message):
    with pytest.raises(ValueError, match=message):
        fit.image("image", rand(1, *shape))


@pytest.mark.parametrize("key", ["concat_latent_image", "reference_latents", "noise_concat", "vace_frames"])
def test_every_kind_of_image(ext, fit, case, key):
    whole = rand(1, 1, 4, 8, 20)
    value = [whole] if key in ("reference_latents", "vace_frames") else whole
    (fitted,) = ext.fit.fit_conds(fit, "positive", [{key: value}], {})
    found = fitted[key][0] if isinstance(value, list) else fitted[key]
    assert torch.equal(found, cells(case).split(whole))


@pytest.mark.parametrize("key", ["cross_attn", "pooled_output", "attention_mask"])
def test_prompts_come_once_or_for_every_particle(ext, fit, key):
    for rows in (1, 4):
        (fitted,) = ext.fit.fit_conds(fit, "positive", [{key: rand(1, rows, 7)}], {})
        assert len(fitted[key]) == rows
    for rows in (2, 3, 5):
        with pytest.raises(ValueError, match=f"positive {key}: got a batch of {rows} for 4 particles"):
            ext.fit.fit_conds(fit, "positive", [{key: rand(1, rows, 7)}], {})


def test_a_conditioning_without_prompts(ext, fit):
    with pytest.raises(ValueError, match="negative: got an empty conditioning, expected at least one prompt"):
        ext.fit.fit_conds(fit, "negative", [], {})


def region(ext, fit, **entries):
    (fitted,) = ext.fit.fit_conds(fit, "positive", [entries], {})
    return fitted


@pytest.mark.parametrize("shape", [(8, 20), (1, 8, 20), (64, 160), (1, 64, 160)])
def test_masks_of_the_canvas(ext, fit, case, shape):
    mask = rand(1, *shape)
    grid = case.layout.windows.rescaled((shape[-2], shape[-2]))
    assert torch.equal(region(ext, fit, mask=mask)["mask"], grid.split(mask.reshape(1, *shape[-2:])))


@pytest.mark.parametrize("area", [(8, 6, 0, 10), ("percentage", 1.0, 0.3, 0.0, 0.5)])
def test_areas_of_the_canvas_become_masks(ext, fit, case, area):
    """Height, width, y, x: cells 10 to 15 of the canvas."""
    fitted = region(ext, fit, area=area)
    whole = torch.zeros(1, 8, 20)
    whole[:, :, 10:16] = 1
    assert "area" not in fitted and torch.equal(fitted["mask"], cells(case).split(whole))


def test_an_area_and_a_mask_together(ext, fit, case):
    mask, whole = rand(1, 1, 8, 20), torch.zeros(1, 8, 20)
    whole[:, :, 10:16] = 1
    fitted = region(ext, fit, area=(8, 6, 0, 10), mask=mask)
    assert torch.allclose(fitted["mask"], cells(case).split(mask * whole))


def test_independent_images_keep_their_areas(ext, frames):
    fitted = region(ext, frames, area=(4, 4, 0, 0), mask=rand(1, 1, 8, 8), set_area_to_bounds=True)
    assert fitted["area"] == (4, 4, 0, 0) and fitted["set_area_to_bounds"]


def test_boxes_cannot_be_split(ext, fit, frames):
    with pytest.raises(ValueError, match="positive: got GLIGEN boxes"):
        region(ext, fit, gligen=("position", None, []))
    assert "gligen" in region(ext, frames, gligen=("position", None, []))


@pytest.mark.parametrize("shape", [(8, 20), (1, 1, 8, 20), (1, 1, 64, 160)])
def test_noise_masks(fit, case, shape):
    mask = rand(1, *shape)
    grid = case.layout.windows.rescaled((shape[-2], shape[-2]))
    split = fit.noise_mask(mask)
    assert torch.equal(split.reshape(4, *split.shape[-2:]), grid.split(mask.reshape(1, *shape[-2:])))


def test_noise_masks_of_video_are_not_taken_for_moments(ext, comfy, case):
    mask, latents = rand(1, 1, 1, 8, 20), torch.zeros(4, 4, 3, 8, 8)
    ready = comfy.utils.reshape_mask(ext.fit.Fit.of(latents, case.layout).noise_mask(mask), latents.shape)
    expected = cells(case).split(mask)[:, :, None].expand(-1, 4, 3, -1, -1)
    assert torch.allclose(ready, expected)


def test_without_image(ext):
    given = {"uuid": 1, "concat_latent_image": rand(1, 1, 4, 8, 8), "reference_latents": [1], "strength": 2}
    (none,) = ext.fit.without_image([given])
    assert none["strength"] == 2 and "reference_latents" not in none and none["uuid"] != 1
    assert not none["concat_latent_image"].any() and given["concat_latent_image"].any()


CANVAS = {
    "image": lambda w: {"concat_latent_image": rand(5, 1, 4, 8, 20)},
    "mask": lambda w: {"mask": rand(6, 1, 8, 20)},
    "pixel mask": lambda w: {"mask": rand(7, 1, 64, 160)},
}


@pytest.mark.parametrize("kind", CANVAS)
def test_the_edit_is_that_of_split_conditioning(model, tiny, case, edit, far, kind):
    """From the node's input to its output: the canvas and its windows, given as conditioning, are the same."""
    whole = CANVAS[kind](None)
    ((key, value),) = whole.items()
    grid = case.layout.windows.rescaled((value.shape[-2], value.shape[-2]))
    rest = case.positive[0][1]
    rows = {**rest, key: grid.split(value)}
    other = tiny.prompt(60, **rest)
    by_canvas = edit(model, positive=[*tiny.prompt(1, **{**rest, **whole}), *other])
    by_windows = edit(model, positive=[*tiny.prompt(1, **rows), *other])
    assert far(by_canvas, by_windows) < 1e-5
    assert far(by_canvas, edit(model, positive=[*tiny.prompt(1, **rest), *other])) > 1e-3


def test_an_area_acts_where_it_lies(model, tiny, case, edit, far, merged, uncoupled):
    """A prompt for the right end of the canvas leaves the left end, out of reach of its windows, alone."""
    rest = case.positive[0][1]
    changes = {"coupling": uncoupled, "steps": 1, "guidance": 5.0}
    everywhere = tiny.prompt(1, **rest)
    area = [*everywhere, *tiny.prompt(70, **rest, area=(8, 4, 0, 16), strength=1.0)]
    plain, regional = (merged(edit(model, positive=prompt, **changes)) for prompt in (everywhere, area))
    assert far(plain[..., :16], regional[..., :16]) < 5e-5
    assert far(plain[..., 16:], regional[..., 16:]) > 1e-3
