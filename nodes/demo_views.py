"""Painted views of a diorama for the demo model, with their cameras and depth, as a node."""

import torch

from ..demo.painter import LOOKS
from ..host.budget import afford
from ..host.io import io, schema
from ..host.node import Node
from ..host.progress import steps
from ..media.view_set import Views, numbered
from .views import ViewsType


class DemoViews(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDDemoViews",
            "CSD Demo Views",
            "Paints views of a diorama for the demo model: a landscape of cut-outs, seen by cameras on an arc. The "
            "same seed gives the same views in every look. Cameras and depth are exact.",
            [
                io.Int.Input(
                    "seed",
                    default=1,
                    min=0,
                    max=0xFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Chooses the diorama.",
                ),
                io.Combo.Input("look", options=list(LOOKS), default=LOOKS[0], tooltip="Season and light."),
                io.Int.Input(
                    "count", default=8, min=1, max=360, tooltip="How many views, evenly spaced along the arc."
                ),
                io.Int.Input("width", default=192, min=64, max=1024, step=8, tooltip="Width of each view in pixels."),
                io.Int.Input(
                    "height",
                    default=128,
                    min=64,
                    max=1024,
                    step=8,
                    tooltip="Height of each view in pixels. The demo model was trained at 128.",
                ),
            ],
            [
                io.Image.Output("images", display_name="images", tooltip="The painted views, one batch."),
                ViewsType.Output(
                    "views",
                    display_name="views",
                    tooltip="Cameras, depth and names, for CSD View Correspondence and CSD View Set Save.",
                ),
            ],
            search_aliases=["demo view set", "painted views", "diorama"],
            group="Demo",
        )

    @classmethod
    def run(cls, seed, look, count, width, height):
        from ..demo import cost
        from ..demo.painter.diorama import paint_views
        from ..demo.views import true_views

        what = f"{count} views of {width} x {height} pixels"
        afford(cost.views(count, height, width), what, "lower `count`, `width` or `height`")
        pictures, diorama = paint_views(seed, look, count, height, width, follow=steps)
        cameras, depth = true_views(diorama, steps)
        return io.NodeOutput(torch.from_numpy(pictures), Views(cameras, depth, None, numbered(count)))
