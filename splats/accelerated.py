"""Pictures of splats by a library with kernels for CUDA devices, where one is installed.

    gsplat   of nerfstudio; it compiles itself when it is first used
    gswarp   on NVIDIA Warp; it needs no compiler

`render.render` says what is right. A library has to give nearly the same pictures and gradients on a small cloud before
it is used. Nearly, because libraries paint a splat three standard deviations wide and no further.
"""

import logging
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import Tensor

from ..csd.geometry import Cameras
from . import render as plain
from .projection import DILATION, NEAR
from .render import Rendering
from .splats import Splats

Renderer = Callable[[Splats, Cameras, Sequence[int], Tensor | float], Rendering]
OFF, TURNED = 0.005, 0.1
"""How far a library may be off: mean difference of colours, and difference of gradients beside their length."""
_FAR = 1e4  # times `NEAR`: a far plane that a projection matrix has to have; nothing is cut off there


def render(splats: Splats, cameras: Cameras, index: Sequence[int], background: Tensor | float = 0.0) -> Rendering:
    """What `render.render` gives, by the fastest means on the device of the splats.

    Libraries take float32 and lenses without skew; for others `render.render` is used itself.
    """
    usual = splats.positions.dtype == torch.float32 and not cameras.intrinsics[:, 0, 1].any()
    chosen = renderer(splats.positions.device) if usual and len(splats) else plain.render
    return chosen(splats, cameras, index, background)


@cache
def renderer(device: torch.device) -> Renderer:
    """The means for a device: the first library that can be trusted there, or `render.render`."""
    for name, paint in LIBRARIES.items() if device.type == "cuda" else ():
        if find_spec(name) and trusted(name, partial(_imported, name, paint), device):
            return partial(_imported, name, paint)
    return plain.render


def _imported(name: str, paint: Callable[..., Rendering], *arguments) -> Rendering:
    return paint(import_module(name), *arguments)


def trusted(name: str, paint: Renderer, device: torch.device) -> bool:
    """Whether a library works on a device and gives what it should. The log says why not."""
    try:
        off, turned = differences(paint, device)
    except Exception as error:  # whatever a library raises that cannot be built or does not fit the device
        logging.warning("%s is installed, but does not run (%s); splats are rendered without it.", name, error)
        return False
    if off < OFF and turned < TURNED:
        return True
    logging.warning("%s is installed, but its pictures differ by %.3f; splats are rendered without it.", name, off)
    return False


def differences(paint: Renderer, device: torch.device) -> tuple[float, float]:
    """How far pictures of a small cloud are from `render.render`: mean of colours, and the worst of the gradients."""
    splats, cameras = _sample(device)
    ours, theirs = (_with_gradients(means, splats, cameras) for means in (plain.render, paint))
    turned = [(a - b).norm() / a.norm() for a, b in zip(ours[1:], theirs[1:], strict=True)]
    return float((ours[0] - theirs[0]).abs().mean()), float(torch.stack(turned).max())


def _with_gradients(paint: Renderer, splats: Splats, cameras: Cameras) -> list[Tensor]:
    """A picture, and the gradients of its mean square by all parts of the splats."""
    with torch.inference_mode(False), torch.enable_grad():
        leaves = {name: part.clone().requires_grad_() for name, part in splats.tree.items()}
        colour = paint(Splats.of(leaves), cameras, [0], 0.5).colour
        return [colour.detach(), *torch.autograd.grad(colour.square().mean(), list(leaves.values()))]


def _sample(device: torch.device) -> tuple[Splats, Cameras]:
    """Splats of all shapes and colours, and a camera before them."""
    draw = partial(torch.rand, generator=torch.Generator().manual_seed(0))
    positions = 2 * draw(40, 3) - torch.tensor([1.0, 1.0, -3.0])
    parts = positions, draw(40, 3) - 2.5, draw(40, 4) - 0.5, 2 * draw(40) - 1, draw(40, 4, 3) - 0.5
    lens = torch.tensor([[[70.0, 0, 33], [0, 66, 25], [0, 0, 1]]])
    return Splats(*parts).to(device), Cameras(lens, torch.eye(4)[None], (48, 64))


def by_gsplat(
    library: ModuleType, splats: Splats, cameras: Cameras, index: Sequence[int], background: Tensor | float = 0.0
) -> Rendering:
    """By `gsplat.rasterization`."""
    splats, (height, width) = splats[splats.finite], cameras.size
    lenses, poses = (
        part[list(index)].to(splats.positions, copy=True) for part in (cameras.intrinsics, cameras.camera_to_world)
    )
    shown, alpha, _ = library.rasterization(
        means=splats.positions, quats=splats.rotations, scales=splats.scales, opacities=splats.opacities,
        colors=splats.harmonics, viewmats=torch.linalg.inv(poses), Ks=lenses, width=width, height=height,
        near_plane=NEAR, eps2d=DILATION, sh_degree=_degree(splats), render_mode="RGB+ED", packed=False,
    )  # fmt: skip
    return plain.over(shown[..., :3], shown[..., 3] * alpha[..., 0], alpha[..., 0], background)


def by_gswarp(
    library: ModuleType, splats: Splats, cameras: Cameras, index: Sequence[int], background: Tensor | float = 0.0
) -> Rendering:
    """By `gswarp.GaussianRasterizer`, one view after the other."""
    splats = splats[splats.finite]
    seen = [_by_gswarp(library, splats, cameras, view) for view in index]
    colour, depth, alpha = (torch.stack(parts) for parts in zip(*seen))
    return plain.over(colour.movedim(1, -1), depth[:, 0], alpha[:, 0], background)


def _by_gswarp(library: ModuleType, splats: Splats, cameras: Cameras, view: int) -> tuple[Tensor, Tensor, Tensor]:
    """Colour [3, H, W] over black, depth weighted by what is seen [1, H, W], and alpha [1, H, W]."""
    height, width = cameras.size
    lens = cameras.intrinsics[view]
    pose = cameras.camera_to_world[view].to(splats.positions, copy=True)
    to_camera = torch.linalg.inv(pose)
    settings = library.GaussianRasterizationSettings(
        image_height=height, image_width=width, tanfovx=width / (2 * float(lens[0, 0])),
        tanfovy=height / (2 * float(lens[1, 1])), bg=pose.new_zeros(3), scale_modifier=1.0, viewmatrix=to_camera.T,
        projmatrix=(clip_matrix(lens, cameras.size).to(pose) @ to_camera).T, sh_degree=_degree(splats),
        campos=pose[:3, 3], prefiltered=False,
    )  # fmt: skip
    colour, _, seen = library.GaussianRasterizer(settings)(
        means3D=splats.positions, means2D=torch.zeros_like(splats.positions), opacities=splats.opacities[:, None],
        shs=splats.harmonics, scales=splats.scales, rotations=torch.nn.functional.normalize(splats.rotations, dim=-1),
    )  # fmt: skip
    return colour, seen.depth, seen.alpha


def clip_matrix(lens: Tensor, size: tuple[int, int]) -> Tensor:
    """From the camera's axes to clip space [4, 4]: the picture's sides are at x, y = -w and w."""
    (fx, _, cx), (_, fy, cy), _ = lens.tolist()
    height, width = size
    far = _FAR * NEAR
    rows = [
        [2 * fx / width, 0, 2 * cx / width - 1, 0],
        [0, 2 * fy / height, 2 * cy / height - 1, 0],
        [0, 0, far / (far - NEAR), -far * NEAR / (far - NEAR)],
        [0, 0, 1, 0],
    ]
    return torch.tensor(rows)


def _degree(splats: Splats) -> int:
    return round(splats.harmonics.shape[1] ** 0.5) - 1


LIBRARIES = {"gsplat": by_gsplat, "gswarp": by_gswarp}
