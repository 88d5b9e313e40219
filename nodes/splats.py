"""Splats: made from views with depth, fitted to other pictures of them, and rendered."""

import torch
from torch import Tensor

from ..host import progress
from ..host.budget import afford
from ..host.io import io, schema
from ..host.node import Node
from ..host.splats import SplatType, device, handed_on, received
from ..media.view_set import Views
from .views import ViewsType, pinhole

COLOURS, EVERYTHING = "colours", "everything"
GEOMETRY = ("positions", "log_scales", "rotations", "logits")
WHAT = io.Combo.Input(
    "what",
    options=[COLOURS, EVERYTHING],
    default=COLOURS,
    tooltip="What may change. colours: splats keep their place and shape. everything: they move, too.",
)
MOST_SPLATS = 2_000_000
A_SPLAT, A_PIXEL = 900, 120  # bytes while they are fitted, with what the update remembers; bytes of a picture


def fitting_inputs(steps_by_default: int) -> list:
    """The widgets of a fit."""
    return [
        io.Int.Input(
            "steps",
            default=steps_by_default,
            min=0,
            max=100_000,
            tooltip="How long the splats are fitted to the pictures. More: nearer to them. 0: not at all. Try 100.",
        ),
        io.Int.Input(
            "views_per_step",
            default=1,
            min=1,
            max=64,
            tooltip="How many views each step looks at. More: smoother, and slower.",
        ),
        io.Float.Input(
            "rate",
            default=0.2,
            min=0.0,
            max=1.0,
            step=0.01,
            tooltip="How far the first steps go; the last ones go a tenth as far. Lower it for long fits. It is "
            "Adam's rate.",
        ),
        io.Int.Input(
            "seed", default=0, min=0, max=0xFFFFFFFF, tooltip="Chooses the order in which the views are looked at."
        ),
    ]


def outputs(name: str) -> list:
    """What a fit gives: splats under a name that is not one of the inputs, and a line on them."""
    told = "How many splats there are, and how near they come to the pictures."
    return [
        SplatType.Output(name, display_name="splat", tooltip="The scene after the fit."),
        io.String.Output("report", display_name="report", tooltip=told),
    ]


class SplatsFromViews(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDSplatsFromViews",
            "CSD Splats from Views",
            "A scene of Gaussian splats out of views with cameras and depth: a splat where a pixel lies in space, then "
            "a fit to the pictures.",
            [
                io.Image.Input("images", tooltip="One for each view, in the order of the views."),
                ViewsType.Input("views", tooltip="Cameras and depth of the images."),
                io.Int.Input(
                    "every",
                    default=2,
                    min=1,
                    max=32,
                    tooltip="How many pixels a splat stands for, across and down. 1 is sharpest; 2 takes a quarter "
                    "of the splats.",
                ),
                io.Int.Input(
                    "degree",
                    default=0,
                    min=0,
                    max=3,
                    tooltip="How much colours may change with the direction of view. 0: not at all. More: gloss. It "
                    "is the degree of spherical harmonics.",
                ),
                *fitting_inputs(100),
                io.Int.Input(
                    "most",
                    default=0,
                    min=0,
                    max=MOST_SPLATS,
                    tooltip="Splats where detail is missing are split during the fit until there are so many; faint "
                    "ones go. 0: neither.",
                ),
            ],
            outputs("splat"),
            search_aliases=["gaussian splatting", "3dgs", "unproject", "depth to splat", "train splats"],
            group="3D",
        )

    @classmethod
    def run(cls, images, views, every, degree, most, **fitting):
        from ..splats.density import during
        from ..splats.unproject import Sampling, unprojected

        pinhole(views)
        _with_depth(views)
        _weigh(views, every, most)
        pictures = at_size(views.checked(images), views.size)
        splats = unprojected(pictures, views, Sampling(every, degree=degree), progress.steps).to(device())
        density = during(fitting["steps"], most) if most else None
        return fit(splats, pictures, views, density=density, **fitting)


class FitSplats(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDFitSplats",
            "CSD Fit Splats",
            "Fits a scene of splats to other pictures of its views: edited ones, for instance. What the pictures do "
            "not agree on is averaged.",
            [
                SplatType.Input("splat", tooltip="The scene; it is not changed."),
                io.Image.Input("images", tooltip="One for each view, in the order of the views."),
                ViewsType.Input("views", tooltip="Where the pictures were taken; depth is not needed."),
                WHAT,
                *fitting_inputs(100),
            ],
            outputs("fitted"),
            search_aliases=["bake", "gaussian splatting", "3dgs", "refit", "instruct gs2gs"],
            group="3D",
        )

    @classmethod
    def run(cls, splat, images, views, what, **fitting):
        pinhole(views)
        splats = received(splat)
        afford_fit(len(splats), views.count, views.size, "take fewer or smaller views, or a scene of fewer splats")
        pictures = at_size(views.checked(images), views.size)
        return fit(splats, pictures, views, fixed=() if what == EVERYTHING else GEOMETRY, **fitting)


def fit(splats, pictures: Tensor, views: Views, steps: int, views_per_step: int, fixed=(), density=None, **settings):
    """The outputs of a node that fits splats to pictures at the size of the views."""
    from ..splats.fit import Fitting, fitted
    from ..splats.scene import SplatScene

    fitting = Fitting(steps, min(views_per_step, views.count), density=density, fixed=fixed, **settings)
    scene = SplatScene(views.cameras, views.names)
    found = fitted(splats, scene, pictures.to(splats.positions), views.masks, fitting, progress.steps)
    return io.NodeOutput(handed_on(found), report(found, scene, pictures))


def report(splats, scene, pictures: Tensor) -> str:
    """A line on splats and how far they are from the pictures of their views."""
    from ..splats.fit import decibels

    return f"{len(splats):,} splats, {decibels(splats, scene, pictures, progress.steps):.2f} dB at {scene.count} views"


class RenderSplats(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDRenderSplats",
            "CSD Render Splats",
            "Pictures of a scene of splats from the cameras of views, with depth: a view set of its own.",
            [
                SplatType.Input("splat", tooltip="The scene to render."),
                ViewsType.Input("views", tooltip="The cameras to render from, and the size of the pictures."),
                io.Int.Input(
                    "frames",
                    default=0,
                    min=0,
                    max=10_000,
                    tooltip="How many pictures. 0: one for each view. Otherwise so many on a path through them, for "
                    "a video.",
                ),
                io.Float.Input(
                    "background",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="Grey behind the splats; 0: black.",
                ),
            ],
            [
                io.Image.Output("images", display_name="images", tooltip="The rendered pictures, one for each camera."),
                ViewsType.Output("rendered", display_name="views", tooltip="The cameras, with depth."),
                io.Mask.Output("alpha", display_name="alpha", tooltip="Where there are splats."),
            ],
            search_aliases=["gaussian splatting", "3dgs", "turntable", "novel view", "render splat"],
            group="3D",
        )

    @classmethod
    def run(cls, splat, views, frames, background):
        from ..splats.accelerated import render
        from ..splats.path import along

        splats = received(splat)
        cameras = along(views.cameras, frames) if frames else views.cameras
        height, width = cameras.size
        what = f"{cameras.count} pictures of {width} x {height} pixels"
        afford(A_PIXEL * height * width * cameras.count, what, "lower `frames` or take smaller views")
        shown = [render(splats, cameras, [view], background) for view in progress.steps(range(cameras.count))]
        parts = ([getattr(one, name) for one in shown] for name in ("colour", "depth", "alpha"))
        colour, depth, alpha = (torch.cat(part).cpu() for part in parts)
        names = tuple(f"frame_{number:05}" for number in range(1, frames + 1)) or views.names
        rendered = Views(cameras, torch.where(alpha > 0.5, depth, 0), None, names)
        return io.NodeOutput(colour.clamp(0, 1), rendered, alpha.clamp(0, 1))


def at_size(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures [N, h, w, 3] at a size of the same proportions."""
    if tuple(images.shape[1:3]) == tuple(size):
        return images
    return torch.nn.functional.interpolate(images.movedim(-1, 1), size, mode="area").movedim(1, -1)


def afford_fit(splats: int, views: int, size: tuple[int, int], turn: str) -> None:
    """ValueError where splats and the pictures [views, H, W, 3] that they follow take more memory than there is.

    turn   what to lower
    """
    height, width = size
    what = f"{splats:,} splats that follow {views} views of {width} x {height} pixels"
    afford(A_SPLAT * splats + A_PIXEL * height * width * views, what, turn)


def _with_depth(views: Views) -> None:
    if views.depth is None:
        raise ValueError(
            "views: got none with depth, expected depth to place splats by; add a depth_file_path to every frame of "
            "transforms.json, or load splats from a file."
        )


def _weigh(views: Views, every: int, most: int) -> None:
    """About as many splats as one view and a half has pixels."""
    height, width = views.size
    count = max(3 * height * width // (2 * every**2), most)
    afford_fit(count, views.count, views.size, "raise `every` or take smaller views")
