"""Whole runs: what they depend on and what they do not."""

import pytest
import torch


def rand(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_the_same_seed_gives_the_same_result(model, edit, seed):
    assert torch.equal(edit(model, seed=seed), edit(model, seed=seed))


def test_another_seed_gives_another(model, edit, far):
    results = [edit(model, seed=seed) for seed in (0, 1, 2**63, 2**64 - 1)]
    assert min(far(a, b) for i, a in enumerate(results) for b in results[:i]) > 1e-2


ORDER = [2, 0, 3, 1]


def reordered(conditioning):
    return [[text, {key: value[ORDER] for key, value in rest.items()}] for text, rest in conditioning]


@pytest.mark.parametrize("field", ["canvas", "independent", "shared"])
@pytest.mark.parametrize("per_step", [0, 2])
def test_windows_in_another_order(ext, host, model, case, edit, far, field, per_step):
    """Draws belong to places on the canvas, whatever the order in which windows are handed over."""
    windows = case.layout.windows
    origins = tuple(windows.origins[i] for i in ORDER)
    layout = type(case.layout)(case.layout.size, type(windows)(windows.canvas, windows.window, origins))
    inputs = {"positive": reordered(case.positive), "negative": reordered(case.negative), "layout": layout}
    options = {"noise": host.run("CSDNoiseField", field=field)[0], "particles_per_step": per_step}
    other = edit(model, **inputs, latent={"samples": case.latents[ORDER]}, **options)
    assert far(other, edit(model, **options)[ORDER]) < 1e-4


@pytest.mark.parametrize("field", ["canvas", "independent", "shared"])
def test_frames_in_another_order(host, model, case, edit, far, field):
    """Frames carry their numbers in the latent's batch_index, as the host's own noise expects them to."""
    inputs = {"positive": reordered(case.positive), "negative": reordered(case.negative), "layout": None}
    latent = {"samples": case.latents[ORDER], "batch_index": ORDER}
    noise = host.run("CSDNoiseField", field=field)[0]
    straight = edit(model, layout=None, noise=noise)
    assert far(edit(model, **inputs, latent=latent, noise=noise), straight[ORDER]) < 1e-4
    unnumbered = edit(model, **inputs, latent={"samples": case.latents[ORDER]}, noise=noise)
    assert (far(unnumbered, straight[ORDER]) > 1e-2) == (field != "shared")


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("bandwidth", ["median", "authors' median"])
@pytest.mark.parametrize("identical", [False, True])
def test_few_and_equal_particles(host, tiny, model, case, edit, count, bandwidth, identical):
    latents = rand(3, 1, 4, 8, 8).repeat(count, 1, 1, 1) if identical else case.latents[:count]
    image = case.positive[0][1]["concat_latent_image"][:1]
    prompts = {name: tiny.prompt(seed, concat_latent_image=image) for seed, name in enumerate(("positive", "negative"))}
    options = {"normalization": "mean", "fixed_bandwidth": 1.0, "repulsion": 1.0}
    coupling = host.run("CSDKernel", kernel="rbf", bandwidth=bandwidth, **options)[0]
    noise = host.run("CSDNoiseField", field="shared" if identical else "independent")[0]
    edited = edit(model, **prompts, latent={"samples": latents}, layout=None, coupling=coupling, noise=noise)
    assert torch.isfinite(edited).all() and not torch.equal(edited, latents)
    if identical:
        assert (edited - edited[:1]).abs().max() < 1e-5


def test_the_samplers_agree_on_one_particle(host, model, case, edit, far):
    """Alone, a particle is edited as without coupling: the kernel is one and nothing repels it."""
    one = {"latent": {"samples": case.latents[:1]}, "layout": None}
    one |= {
        name: [[text, {key: value[:1] for key, value in rest.items()}]]
        for name, ((text, rest),) in (("positive", case.positive), ("negative", case.negative))
    }
    options = {"bandwidth": "median", "fixed_bandwidth": 1.0, "normalization": "row", "repulsion": 1.0}
    kinds = [host.run("CSDKernel", kernel=kind, **options)[0] for kind in ("rbf", "independent")]
    assert torch.equal(*(edit(model, **one, coupling=kind) for kind in kinds))


def test_the_result_is_one_canvas(model, case, edit, merged):
    """Windows agree where they overlap: they are cut from the same canvas."""
    edited = edit(model)
    assert torch.equal(case.layout.windows.rescaled((8, 8)).split(merged(edited)), edited)


@pytest.mark.parametrize("wrap", [(False, True), (True, True)])
def test_wrapping_layouts(ext, tiny, model, case, edit, far, wrap):
    """A canvas that is turned about its seam, by a whole stride, gives the turned result."""
    layout = ext.layout.plan((64, 160), (64, 64), 32, wrap, 8, 1)
    windows = layout.windows.rescaled((8, 8))
    canvas, image = rand(1, 1, 4, 8, 20), rand(2, 1, 4, 8, 20)
    prompts = {name: tiny.prompt(seed, concat_latent_image=image) for seed, name in enumerate(("positive", "negative"))}
    edited = edit(model, **prompts, latent={"samples": windows.split(canvas)}, layout=layout)
    assert torch.isfinite(edited).all()
    assert torch.equal(edited[-1][..., 4:], edited[0][..., :4])  # the last window ends where the first begins


def test_several_canvases(ext, tiny, model, edit, far, uncoupled):
    """Canvases in a batch: only the coupling knows of the others."""
    both = ext.layout.plan((64, 96), (64, 64), 32, (False, False), 8, 2)
    one = ext.layout.plan((64, 96), (64, 64), 32, (False, False), 8, 1)
    canvases, images = rand(1, 2, 4, 8, 12), rand(2, 2, 4, 8, 12)

    def run(layout, canvases, images, **options):
        prompts = {name: tiny.prompt(i, concat_latent_image=images) for i, name in enumerate(("positive", "negative"))}
        latent = {"samples": layout.windows.rescaled((8, 8)).split(canvases)}
        return edit(model, **prompts, latent=latent, layout=layout, **options)

    together = run(both, canvases, images, coupling=uncoupled)
    assert far(together[:2], run(one, canvases[:1], images[:1], coupling=uncoupled)) < 1e-4
    assert far(run(both, canvases, images)[:2], together[:2]) > 1e-4
    assert far(run(both, canvases, images, particles_at_once=1), run(both, canvases, images)) < 1e-4


@pytest.mark.parametrize("scale", [1, 8])
def test_a_noise_mask_limits_the_edit(model, case, edit, merged, scale):
    mask = torch.zeros(1, 8 * scale, 20 * scale)
    mask[..., 9 * scale : 14 * scale] = 1
    edited = merged(edit(model, latent={**case.latent, "noise_mask": mask}))
    format_ = model.model.latent_format
    source = merged(format_.process_out(format_.process_in(case.latents)))
    inside = torch.zeros(20, dtype=torch.bool)
    inside[9:14] = True
    assert (edited - source)[..., ~inside].abs().max() < 1e-6
    assert (edited - source)[..., inside].abs().mean() > 1e-2


def test_outside_the_mask_not_a_bit_changes(ext, model, case, ask):
    """In the model's space, where the sampler works: what comes out there is what went in."""
    guidance, baseline = ext.csd.guidance.Guidance(3.0, 1.5), ext.csd.baseline.ImageConditional()
    guider = ext.guider.CSDGuider(model, guidance, baseline, case.layout)
    guider.set_conds(case.positive, case.negative)
    windows, distiller = case.layout.windows.rescaled((8, 8)), ext.distiller.Distiller()
    mask = torch.zeros(1, 1, 8, 20)
    mask[..., 9:14] = 1

    def question(guider, extra):
        spread = windows.split(mask.expand(1, 4, 8, 20))
        sigmas = torch.tensor([2.0, 1.0, 0.0])
        return distiller.sample(guider, sigmas, extra, None, None, case.latents, spread, True)

    merge = ext.csd.scene.merge
    source, edited = merge(windows, case.latents), merge(windows, ask(guider, case.latents, question))
    outside = ~mask.bool().expand_as(source)
    assert torch.equal(edited[outside], source[outside])
    assert not torch.equal(edited, source)


def test_half_precision_latents(model, case, edit, far):
    half = {"samples": case.latents.half()}
    assert far(edit(model, latent=half), edit(model, latent={"samples": half["samples"].float()})) < 1e-5


@pytest.mark.parametrize("layout", [True, False])
def test_generation_starts_from_noise(host, model, case, layout):
    inputs = {"positive": case.positive, "negative": case.negative, "latent": {"samples": torch.zeros(4, 4, 8, 8)}}
    numbers = {"steps": 2, "step_size": 0.0, "guidance": 5.0, "noise_low": 0.1, "noise_high": 0.9}
    chunks = {"particles_per_step": 0, "particles_at_once": 3, "layout": case.layout if layout else None}

    def generate(seed, **changes):
        return host.run("CSDSampler", model=model, seed=seed, **inputs, **{**numbers, **changes}, **chunks)[0][
            "samples"
        ]

    runs = [generate(seed) for seed in (1, 1, 2)]
    start = model.model.latent_format.process_in(runs[0])
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
    assert abs(start.std().item() - 1) < 0.1 and abs(start.mean().item()) < 0.1
    moved = generate(1, step_size=1.0)
    assert torch.isfinite(moved).all() and (moved - runs[0]).abs().max() > 1e-2


@pytest.mark.parametrize("per_step", [1, 2])
def test_only_some_particles_a_step(host, model, edit, counted, far, per_step):
    clone, calls = counted(model)
    changes = {"steps": 3, "image_guidance": 1.0, "baseline": host.run("CSDBaseline", baseline="drawn noise")[0]}
    some = edit(clone, particles_per_step=per_step, **changes)
    assert sum(calls) == 3 * 2 * per_step
    assert far(some, edit(model, **changes)) > 1e-3


def test_video_latents(ext, model, preview_seen):
    """A previewer is shown five axes as well: windows of a canvas with moments, or frames side by side."""
    layout = ext.layout.plan((64, 160), (64, 64), 32, (False, False), 8, 1)
    windows = layout.windows.rescaled((8, 8))
    canvas = rand(1, 1, 4, 3, 8, 20)
    assert torch.equal(ext.preview.whole(windows, windows.split(canvas)), canvas)
    frames = rand(2, 4, 4, 3, 8, 8)
    beside = ext.preview.whole(ext.csd.frames.Frames(4), frames)
    assert beside.shape == (1, 4, 3, 8, 32) and torch.equal(beside[0, ..., 8:16], frames[1])


@pytest.mark.parametrize(
    "count, size, across", [(8, (16, 24), 4), (8, (32, 32), 4), (4, (12, 12), 4), (1, (8, 8), 1), (8, (16, 128), 2)]
)
def test_frames_of_a_preview_are_in_rows(ext, count, size, across):
    frames = torch.arange(1.0, count + 1)[:, None, None, None].expand(count, 4, *size)
    picture, (height, width) = ext.preview.in_rows(frames), size
    assert picture.shape == (1, 4, -(-count // across) * height, across * width)
    corners = picture[0, 0, ::height, ::width].flatten()
    assert corners.tolist() == [*range(1, count + 1)]


def test_a_row_that_is_not_full_ends_in_grey(ext):
    picture = ext.preview.in_rows(torch.ones(3, 4, 16, 24))
    assert picture.shape == (1, 4, 32, 48) and not picture[..., 16:, 24:].any() and picture[..., 16:, :24].all()


@pytest.fixture
def preview_seen(monkeypatch):
    """What the host's callback is shown: number of the step, picture, number of steps."""
    import latent_preview

    seen = []
    monkeypatch.setattr(
        latent_preview, "prepare_callback", lambda *_: lambda step, x0, x, total: seen.append((step, x0.clone(), total))
    )
    return seen


def test_progress_shows_the_whole(model, case, edit, merged, preview_seen):
    edited = edit(model, steps=3)  # each in two parts
    assert [(step, total) for step, _, total in preview_seen] == [(1, 6), (3, 6), (5, 6)]
    last = preview_seen[-1][1]
    assert last.shape == (1, 4, 8, 20)
    assert torch.allclose(model.model.latent_format.process_out(last), merged(edited), atol=1e-5)


def test_progress_shows_frames_side_by_side(model, case, edit, preview_seen):
    edited = edit(model, steps=1, layout=None)
    picture = model.model.latent_format.process_out(preview_seen[0][1])
    assert picture.shape == (1, 4, 8, 32)
    assert torch.allclose(picture[0, ..., 16:24], edited[2], atol=1e-5)


def test_the_host_makes_a_preview(model, edit, monkeypatch):
    """Through the host's own previewer: a JPEG of the whole canvas at every step."""
    import comfy.utils

    pictures = []
    hook = lambda value, total, preview, **_: pictures.append(preview)  # noqa: E731
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", hook)
    edit(model, steps=2)
    shown = [preview[1] for preview in pictures if preview is not None]
    assert len(shown) == 2 and all(picture.size == (20, 8) for picture in shown)


@pytest.mark.parametrize("order", ["descending", "random"])
@pytest.mark.parametrize("masked", [False, True])
def test_the_trio_is_the_sampler(host, model, case, edit, far, order, masked):
    latent = {**case.latent, "noise_mask": torch.ones(1, 8, 20)} if masked else case.latent
    timesteps = host.run("CSDTimesteps", order=order)[0]
    kernel = {"bandwidth": "median", "fixed_bandwidth": 1.0, "normalization": "mean", "repulsion": 0.5}
    coupling = host.run("CSDKernel", kernel="rbf", **kernel)[0]
    prompts = {"positive": case.positive, "negative": case.negative, "layout": case.layout}
    scales = {"guidance": 3.0, "image_guidance": 1.5, "particles_at_once": 3}
    guider = host.run("CSDGuider", model=model, **prompts, **scales)[0]
    sampler = host.run("CSDDistillation", step_size=1.0, particles_per_step=3, coupling=coupling)[0]
    sigmas = host.run("CSDSigmas", model=model, steps=2, noise_low=0.1, noise_high=0.6, seed=7, timesteps=timesteps)[0]
    noise = host.run("RandomNoise", noise_seed=7)[0]
    inputs = {"noise": noise, "guider": guider, "sampler": sampler, "sigmas": sigmas, "latent_image": latent}
    output, denoised = host.run("SamplerCustomAdvanced", **inputs)
    same = edit(model, latent=latent, particles_per_step=3, coupling=coupling, timesteps=timesteps)
    assert far(output["samples"], same) < 1e-6
    assert far(denoised["samples"], same) < 1e-5
    assert far(host.run("SamplerCustomAdvanced", **inputs)[0]["samples"], same) < 1e-6  # and once more


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_updates_and_their_decay(host, model, edit, far, optimizer):
    plain, falling = (host.run("CSDUpdate", optimizer=optimizer, decay=decay, decay_every=1)[0] for decay in (1.0, 0.5))
    steps = [edit(model, update=update, step_size=0.1, steps=n) for update in (plain, falling) for n in (1, 3)]
    assert torch.equal(steps[0], steps[2]) and far(steps[1], steps[3]) > 1e-4
