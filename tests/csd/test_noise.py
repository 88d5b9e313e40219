import pytest
import torch

from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.noise import MAKERS, Independent, OnCanvas
from collaborative_score_distillation.csd.scene import merge
from collaborative_score_distillation.csd.windows import Windows, cover


def field(name, scene, index=None, seed=3, step=5, dtype=torch.float32):
    """Noise of `index`, drawn for a theta of 4 channels."""
    index = list(range(scene.count)) if index is None else index
    if isinstance(scene, Frames):
        theta = torch.zeros(scene.count, 4, 8, 8, dtype=dtype)
    else:
        theta = torch.zeros(scene.batch, 4, *scene.canvas, dtype=dtype)
    return MAKERS[name](scene, theta)(Draws(seed, step), index, scene.split(theta, index))


@pytest.fixture(params=["frames", "windows"])
def scene(request):
    windows = cover((16, 40), (16, 16), (8, 6), (False, True), batch=2)
    return Frames(6) if request.param == "frames" else windows


@pytest.fixture(params=sorted(MAKERS))
def name(request):
    return request.param


def test_the_same_seed_gives_the_same_numbers(name, scene):
    assert torch.equal(field(name, scene), field(name, scene))


@pytest.mark.parametrize("change", [{"seed": 4}, {"step": 6}, {"seed": 35, "step": 0}], ids=str)
def test_another_seed_or_step_gives_other_numbers(name, scene, change):
    a, b = field(name, scene), field(name, scene, **change)
    assert not torch.isclose(a, b).flatten(1).all(1).any()


def test_noise_does_not_hang_on_order_or_company(name, scene):
    everyone = field(name, scene)
    index = [3, 0, 5]
    assert torch.equal(field(name, scene, index), everyone[index])
    assert torch.equal(field(name, scene, [4]), everyone[[4]])


def test_noise_follows_the_name_of_a_frame(name):
    ordered = field(name, Frames(3, ("a", "b", "c")))
    assert torch.equal(field(name, Frames(3, ("c", "a", "b"))), ordered[[2, 0, 1]])


def test_noise_follows_the_origin_of_a_window(name):
    windows = cover((16, 40), (16, 16), (8, 8))
    order = list(reversed(range(windows.count)))
    turned = Windows(windows.canvas, windows.window, tuple(windows.origins[i] for i in order))
    assert torch.equal(field(name, turned), field(name, windows)[order])


def test_noise_has_unit_variance(name):
    noise = field(name, cover((64, 128), (64, 64), (64, 64))).double()
    count = noise[0].numel()
    assert abs(noise.mean().item()) < 4 / count**0.5
    assert abs(noise.var().item() - 1) < 4 * (2 / count) ** 0.5


def test_noise_takes_the_type_of_the_particles(name, scene):
    noise = field(name, scene, dtype=torch.float16)
    assert noise.dtype == torch.float16
    assert torch.equal(noise, field(name, scene).half())


def correlation(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


def test_independent_noise_is_uncorrelated_between_particles():
    noise = field("independent", Frames(6))
    assert max(abs(correlation(noise[i], noise[j])) for i in range(6) for j in range(i)) < 4 / 256**0.5


def test_shared_noise_is_equal_for_all(scene):
    noise = field("shared", scene)
    assert (noise == noise[:1]).all()


@pytest.mark.parametrize("wrap", [(False, False), (True, True)], ids=["planar", "wrapping"])
def test_canvas_noise_agrees_where_windows_overlap(wrap):
    """Only what agrees on overlaps, the seam included, is unchanged by averaging."""
    windows = cover((20, 45), (12, 16), (5, 6), wrap, batch=2)
    noise = field("canvas", windows)
    assert torch.equal(windows.split(merge(windows, noise)), noise)
    apart = field("independent", windows)
    assert not torch.allclose(windows.split(merge(windows, apart)), apart)


def test_canvas_noise_agrees_across_the_seam():
    windows = Windows((8, 32), (8, 8), ((0, 28), (0, 0)), (False, True))
    noise = field("canvas", windows)
    assert torch.equal(noise[0, ..., 4:], noise[1, ..., :4])


def test_canvases_have_noise_of_their_own():
    noise = field("canvas", cover((8, 16), (8, 8), (8, 8), batch=2))
    assert abs(correlation(noise[0], noise[2])) < 4 / 256**0.5


def test_a_step_draws_its_canvas_once(monkeypatch):
    """However many parts it is scored in; and the next step draws another."""
    drawn, windows, normal = [], cover((8, 30), (8, 8), (8, 5)), Draws.normal

    def counting(self, shape, *key):
        drawn.append((self.step, key))
        return normal(self, shape, *key)

    monkeypatch.setattr(Draws, "normal", counting)
    noise, like = OnCanvas(windows, (4, 8, 30)), torch.zeros(2, 4, 8, 8)
    parts = [[noise(Draws(0, step), [i, i + 1], like) for i in (0, 2)] for step in (0, 1)]
    assert drawn == [(0, ("theta", "canvas 0")), (1, ("theta", "canvas 0"))]
    assert not torch.equal(parts[0][0], parts[1][0])


def test_independent_noise_needs_a_name_for_each_particle_alone():
    like = torch.zeros(2, 4, 8, 8)
    noise = Independent(["x", "y", "z"])(Draws(3, 5), [2, 0], like)
    assert torch.equal(noise, field("independent", Frames(3, ("x", "y", "z")), [2, 0]))


def test_drawing_leaves_the_global_generator_alone(name, scene):
    before = torch.get_rng_state()
    field(name, scene)
    assert torch.equal(torch.get_rng_state(), before)
