"""CSD Demo Video: a painted clip for the demo model, with its true motion."""

import torch

from ..demo.painter import LOOKS
from ..host.budget import afford
from ..host.io import Correspondence, io, schema
from ..host.node import Node
from ..host.progress import steps
from ..media.pairs import pairs
from . import tooltips


class DemoClip(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDDemoClip",
            "CSD Demo Video",
            "Paints a short video for the demo model. The camera pans and zooms over a landscape. Clouds and a balloon "
            "or a cart move. The same seed gives the same motion in every look. The motion is known exactly.",
            [
                io.Int.Input(
                    "seed", default=1, min=0, max=0xFFFFFFFF, control_after_generate=True, tooltip="Chooses the scene."
                ),
                io.Combo.Input("look", options=list(LOOKS), default=LOOKS[0], tooltip="Season and light."),
                io.Int.Input("frames", default=24, min=1, max=1000, tooltip="How many frames."),
                io.Int.Input("width", default=192, min=64, max=2048, step=8, tooltip="Width of each frame in pixels."),
                io.Int.Input(
                    "height",
                    default=128,
                    min=64,
                    max=1024,
                    step=8,
                    tooltip="Height of each frame in pixels. The demo model was trained at 128.",
                ),
                io.Float.Input(
                    "rate",
                    default=12.0,
                    min=1.0,
                    max=120.0,
                    step=0.5,
                    tooltip="Frames per second. It does not change the frames.",
                ),
                io.Int.Input(
                    "neighbours",
                    default=2,
                    min=0,
                    max=1000,
                    tooltip=tooltips.NEIGHBOURS,
                ),
                io.Int.Input(
                    "anchors",
                    default=2,
                    min=0,
                    max=1000,
                    tooltip=tooltips.ANCHORS,
                ),
            ],
            [
                io.Image.Output("images", display_name="frames", tooltip="The painted frames, one batch."),
                io.Float.Output("pace", display_name="rate", tooltip="Frames per second, for `fps` of Create Video."),
                Correspondence.Output(
                    "correspondence",
                    display_name="correspondence",
                    tooltip="The true motion between frames, in place of what CSD Optical Flow measures.",
                ),
            ],
            search_aliases=["demo video", "painted clip", "true motion"],
            group="Demo",
        )

    @classmethod
    def run(cls, seed, look, frames, width, height, rate, neighbours, anchors):
        from ..demo import cost
        from ..demo.motion import true_motion
        from ..demo.painter.clip import paint_clip

        wanted = pairs(frames, neighbours, anchors)
        what = f"a clip of {frames} frames of {width} x {height} pixels with the motion of {len(wanted):,} pairs"
        turn = "lower `frames`, `width` or `height`, `neighbours` or `anchors`"
        afford(cost.clip(frames, height, width, len(wanted)), what, turn)
        pictures, clip = paint_clip(seed, look, frames, height, width, follow=steps)
        motion = true_motion(clip, wanted, steps)
        return io.NodeOutput(torch.from_numpy(pictures), rate, motion)
