"""MultiDiffusion, with which the samplers are compared."""

import pytest
import torch


def rand(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def canvas(case, tiny):
    """The case's canvas as one image, with its conditioning."""
    image = rand(1, 1, 4, 8, 20)
    prompts = [tiny.prompt(seed, concat_latent_image=image) for seed in (1, 2)]
    return type(case)(case.layout, rand(2, 1, 4, 8, 20), *prompts)


@pytest.fixture
def windows(canvas):
    """The same, cut into windows."""
    cut = canvas.layout.windows.rescaled((8, 8)).split
    prompts = [
        [[text, {"concat_latent_image": cut(rest["concat_latent_image"])}]]
        for ((text, rest),) in (canvas.positive, canvas.negative)
    ]
    return type(canvas)(canvas.layout, cut(canvas.latents), *prompts)


@pytest.mark.parametrize("at_once", [1, 3, 100])
@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_predictions_of_windows_are_averaged(ext, host, model, canvas, windows, level, host_predict, far, at_once, cfg):
    whole = canvas.layout.windows.rescaled((8, 8))
    x_t = rand(3, 1, 4, 8, 20)
    windowed = host.run("CSDMultiDiffusion", model=model, layout=canvas.layout, particles_at_once=at_once)[0]
    averaged = host_predict(windowed, canvas, x_t, level, cfg)
    separate = host_predict(model, windows, whole.split(x_t), level, cfg)
    assert far(averaged, ext.csd.scene.merge(whole, separate)) < 2e-5
    assert far(averaged, host_predict(model, canvas, x_t, level, cfg)) > 1e-3


def test_memory_is_bounded(host, model, canvas, level, host_predict, counted):
    clone, calls = counted(model)
    windowed = host.run("CSDMultiDiffusion", model=clone, layout=canvas.layout, particles_at_once=3)[0]
    host_predict(windowed, canvas, rand(3, 1, 4, 8, 20), level, 4.0)
    assert max(calls) == 3 and sum(calls) == 8


NAME = r"^CSD MultiDiffusion \(for comparison\): "


def test_a_layout_of_another_image(ext, host, model, canvas, level, host_predict):
    layout = ext.layout.plan((64, 224), (64, 64), 32, (False, False), 8, 1)
    windowed = host.run("CSDMultiDiffusion", model=model, layout=layout, particles_at_once=3)[0]
    with pytest.raises(ValueError, match=NAME + "layout: got a latent of 20 x 8 cells for a layout of 224 x 64 pixels"):
        host_predict(windowed, canvas, rand(3, 1, 4, 8, 20), level, 1.0)


def test_a_layout_of_several_images(ext, host, model):
    layout = ext.layout.plan((64, 160), (64, 64), 32, (False, False), 8, 2)
    with pytest.raises(ValueError, match=NAME + "layout: got a layout of 2 images, expected one; split one image"):
        host.run("CSDMultiDiffusion", model=model, layout=layout, particles_at_once=3)


def test_a_controlnet(host, model, canvas, tiny, level, host_predict):
    control = tiny.controlnet().set_cond_hint(rand(5, 1, 3, 64, 160), 1.0)
    controlled = [[text, {**rest, "control": control}] for text, rest in canvas.positive]
    windowed = host.run("CSDMultiDiffusion", model=model, layout=canvas.layout, particles_at_once=3)[0]
    with pytest.raises(ValueError, match=NAME + "model: got a ControlNet, which is not split"):
        host_predict(windowed, canvas, rand(3, 1, 4, 8, 20), level, 1.0, positive=controlled)


def test_no_memory_for_one_window(comfy, host, model, canvas, level, host_predict):
    full = model.clone()

    def fail(executor, *args, **kwargs):
        raise MemoryError

    full.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.APPLY_MODEL, "full", fail)
    windowed = host.run("CSDMultiDiffusion", model=full, layout=canvas.layout, particles_at_once=4)[0]
    with pytest.raises(ValueError, match=NAME + "memory: it ran out with a single particle .*; take smaller windows"):
        host_predict(windowed, canvas, rand(3, 1, 4, 8, 20), level, 1.0)
