"""The libraries that render splats on a CUDA device, as far as they run without one.

gsplat brings its projection in plain PyTorch. The kernels of gswarp run on a CPU, though it refuses tensors there, and
though a thread then gets only the first splat of a round. So single splats are compared: alpha at every pixel, and
colour and depth at the first pixel of each tile.
"""

from functools import partial
from types import SimpleNamespace

import gswarp
import pytest
import torch

from collaborative_score_distillation.csd.geometry import Cameras
from collaborative_score_distillation.splats import render
from collaborative_score_distillation.splats.accelerated import by_gswarp
from collaborative_score_distillation.splats.projection import DILATION, FAINT, NEAR, project
from collaborative_score_distillation.splats.splats import Splats
from collaborative_score_distillation.tests.splats.clouds import cloud, looking

COUNT, TILE = 24, 16
GEOMETRY = ("positions", "log_scales", "rotations", "logits")


def turned() -> Cameras:
    """Two cameras that look at the splats from a little to the right and from below, through lenses off the middle."""
    cameras, poses = looking(2, 48, 64), torch.eye(4).repeat(2, 1, 1)
    tilt = torch.tensor([0.3, -0.2])
    poses[:, 0, 0], poses[:, 2, 2] = tilt.cos(), tilt.cos()
    poses[:, 0, 2], poses[:, 2, 0] = tilt.sin(), -tilt.sin()
    poses[:, :3, 3] = torch.tensor([[-0.8, 0.1, 0.1], [0.5, 0.2, -0.1]])
    return Cameras(cameras.intrinsics, poses, cameras.size)


@pytest.fixture(params=[0, 1])
def view(request) -> int:
    return request.param


def test_the_projection_is_that_of_gsplat(view):
    from gsplat.cuda import _torch_impl as gsplat

    splats, cameras = cloud(COUNT, 2, dtype=torch.float32), turned()
    covariances, _ = gsplat._quat_scale_to_covar_preci(splats.rotations, splats.scales, compute_preci=False)
    to_camera, (height, width) = torch.linalg.inv(cameras.camera_to_world), cameras.size
    lens = cameras.intrinsics, width, height
    _, means, depths, conics, _ = gsplat._fully_fused_projection(
        splats.positions, covariances, to_camera, *lens, eps2d=DILATION, near_plane=NEAR
    )
    directions = splats.positions - cameras.centres[view]
    colours = (gsplat._spherical_harmonics(2, directions, splats.harmonics) + 0.5).clamp_min(0)
    ours = project(splats, cameras, view)
    assert len(ours.rows) == COUNT
    assert torch.allclose(ours.means, means[view, ours.rows], atol=1e-4)
    assert torch.allclose(ours.conics, conics[view, ours.rows], rtol=1e-4, atol=1e-6)
    assert torch.allclose(ours.depth, depths[view, ours.rows], atol=1e-5)
    assert torch.allclose(ours.colours, colours[ours.rows], atol=1e-5)


@pytest.fixture
def painted(view, monkeypatch):
    """Each splat by itself, by ourselves and by gswarp: pictures, and gradients of the mean square of alpha."""
    monkeypatch.setattr("gswarp.rasterizer.validate_rasterizer_inputs", lambda *_: None)
    splats, cameras = cloud(COUNT, 2, dtype=torch.float32), turned()
    means = render.render, partial(by_gswarp, gswarp)
    return [[_painted(paint, splats[[one]], cameras, view) for paint in means] for one in range(COUNT)]


def _painted(paint, splat: Splats, cameras: Cameras, view: int) -> SimpleNamespace:
    leaves = {name: part.clone().requires_grad_() for name, part in splat.tree.items()}
    found = paint(Splats.of(leaves), cameras, [view])
    gradients = torch.autograd.grad(found.alpha.square().mean(), [leaves[name] for name in GEOMETRY])
    return SimpleNamespace(colour=found.colour, depth=found.depth, alpha=found.alpha, gradients=gradients)


def test_single_splats_are_those_of_gswarp(painted):
    corners = 0
    for ours, theirs in painted:
        clear = (ours.alpha > 2 * FAINT) & (theirs.alpha > 2 * FAINT)
        assert clear.any() and torch.allclose(ours.alpha[clear], theirs.alpha[clear], atol=1e-5)
        assert (ours.alpha - theirs.alpha).abs().max() < 2 * FAINT + 1e-3
        first = clear[:, ::TILE, ::TILE]
        corners += int(first.sum())
        for name in ("colour", "depth"):
            a, b = (getattr(one, name)[:, ::TILE, ::TILE][first] for one in (ours, theirs))
            assert torch.allclose(a, b, atol=1e-5), name
    assert corners > 10


def test_gradients_of_single_splats_are_those_of_gswarp(painted):
    """But for the rim where a splat begins to be painted."""
    for number in range(len(GEOMETRY)):
        pairs = [(ours.gradients[number], theirs.gradients[number]) for ours, theirs in painted]
        off = torch.stack([(a - b).norm() / a.norm() for a, b in pairs])
        assert off.max() < 0.05 and off.median() < 1e-3, GEOMETRY[number]
