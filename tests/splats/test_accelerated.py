"""Libraries that render splats: what they are given, and when they are used.

Without a CUDA device stand-ins take their places. They have the signatures that the libraries document, and render by
the cameras that they read out of what they get.
"""

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import pytest
import torch

from collaborative_score_distillation.csd.geometry import Cameras
from collaborative_score_distillation.splats import accelerated, render
from collaborative_score_distillation.splats.accelerated import differences, renderer, trusted
from collaborative_score_distillation.splats.splats import Splats
from collaborative_score_distillation.tests.splats.clouds import cloud, looking

CPU = torch.device("cpu")


def _painted(parts: tuple, lenses, world_to_camera, size) -> tuple:
    cameras = Cameras(lenses, torch.linalg.inv(world_to_camera), size)
    found = render.render(Splats.linear(*parts), cameras, range(cameras.count))
    return found.colour, found.depth, found.alpha


def rasterization(means, quats, scales, opacities, colors, viewmats, Ks, width, height, near_plane, eps2d, **further):
    """As in gsplat."""
    assert near_plane == 0.01 and eps2d == 0.3 and further["render_mode"] == "RGB+ED"
    assert (further["sh_degree"] + 1) ** 2 == colors.shape[1]
    parts = means, scales, quats, opacities, colors
    colour, depth, alpha = _painted(parts, Ks, viewmats, (height, width))
    return torch.cat([colour, depth[..., None]], -1), alpha[..., None], {}


class GaussianRasterizer:
    """As in gswarp: row vectors times matrices, and pixels whose centres are whole numbers."""

    def __init__(self, settings):
        self.settings = settings

    def __call__(self, means3D, means2D, opacities, shs, scales, rotations):
        one = self.settings
        size, view = (one.image_height, one.image_width), one.viewmatrix.T
        clip = one.projmatrix.T @ torch.linalg.inv(view)
        assert torch.allclose(one.campos, torch.linalg.inv(view)[:3, 3], atol=1e-6) and not one.bg.any()
        lens = torch.eye(3)
        for axis, (side, tangent) in enumerate(((size[1], one.tanfovx), (size[0], one.tanfovy))):
            lens[axis, axis], lens[axis, 2] = side / (2 * tangent), side * (clip[axis, 2] + 1) / 2
            assert torch.allclose(clip[axis, axis], 1 / torch.tensor(tangent))
        parts = means3D, scales, rotations, opacities[:, 0], shs
        colour, depth, alpha = _painted(parts, lens[None], view[None], size)
        return colour[0].movedim(-1, 0), None, SimpleNamespace(depth=depth * alpha, alpha=alpha)


def library(name: str) -> ModuleType:
    made = ModuleType(name)
    made.__spec__ = ModuleSpec(name, None)
    made.rasterization, made.GaussianRasterizer = rasterization, GaussianRasterizer
    made.GaussianRasterizationSettings = SimpleNamespace
    return made


@pytest.fixture(params=accelerated.LIBRARIES)
def paint(request):
    made, by = library(request.param), accelerated.LIBRARIES[request.param]
    return lambda *arguments: by(made, *arguments)


@pytest.mark.parametrize("degree", [0, 2])
def test_a_library_gets_the_same_splats_and_cameras(paint, degree):
    splats, cameras = cloud(20, degree, dtype=torch.float32), looking(3)
    ours, theirs = (means(splats, cameras, [2, 0], 0.4) for means in (render.render, paint))
    assert torch.allclose(ours.colour, theirs.colour, atol=1e-4) and torch.allclose(ours.alpha, theirs.alpha, atol=1e-4)
    assert torch.allclose(ours.depth, theirs.depth, atol=1e-3)


def test_a_library_that_gives_the_same_is_trusted(paint):
    off, turned = differences(paint, CPU)
    assert off < 1e-4 and turned < 1e-2 and trusted("library", paint, CPU)


def test_a_library_that_is_wrong_is_not(paint, caplog):
    def bent(splats, *arguments):
        return paint(Splats.of({**splats.tree, "positions": 1.1 * splats.positions}), *arguments)

    assert not trusted("library", bent, CPU)
    assert "library is installed, but its pictures differ by" in caplog.text


def test_a_library_whose_gradients_are_wrong_is_not(paint):
    def flat(splats, *arguments):
        unmoved = 0 * splats.positions + splats.positions.detach()
        return paint(Splats.of({**splats.tree, "positions": unmoved}), *arguments)

    assert not trusted("library", flat, CPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a CUDA device")
def test_a_library_without_a_device_is_not_used(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "gsplat", library("gsplat"))
    renderer.cache_clear()
    assert renderer(torch.device("cuda")) is render.render
    assert "gsplat is installed, but does not run" in caplog.text
    renderer.cache_clear()


def test_a_cpu_renders_by_itself(monkeypatch):
    monkeypatch.setitem(sys.modules, "gsplat", library("gsplat"))
    assert renderer(CPU) is render.render


@pytest.mark.parametrize("name", accelerated.LIBRARIES)
def test_the_library_itself(name):
    if not (torch.cuda.is_available() and find_spec(name)):
        pytest.skip(f"needs {name} and a CUDA device")
    assert renderer(torch.device("cuda")) is not render.render
