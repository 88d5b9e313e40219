"""The embedded demo model and a picture for it, as nodes."""

import torch

from ..host.budget import afford
from ..host.io import io, schema
from ..host.node import Node


class DemoModel(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDDemoModel",
            "CSD Demo Model",
            "A small InstructPix2Pix model that ships with Collaborative Score Distillation, for trying the nodes "
            "without a download. It knows painted landscapes and a few instructions; see demo/MODEL_CARD.md.",
            [
                io.Combo.Input(
                    "model",
                    options=["first", "sharp"],
                    default="first",
                    optional=True,
                    tooltip="first: 4 latent channels, predicts noise, as Stable Diffusion 1.5. sharp: 16 channels, a "
                    "rectified flow, as SD 3 and Flux.",
                )
            ],
            [io.Model.Output(), io.Clip.Output(), io.Vae.Output()],
            search_aliases=["instruct pix2pix demo", "collaborative score distillation demo"],
        )

    @classmethod
    def run(cls, model="first"):
        from ..host.demo_model import load_demo_model
        from ..host.flow_demo_model import load_sharp_model

        return io.NodeOutput(*(load_sharp_model() if model == "sharp" else load_demo_model()))


class DemoScene(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDDemoScene",
            "CSD Demo Scene",
            "Paints a landscape for the demo model. The same seed gives the same scene in every look, which is what "
            "an edit can be compared with.",
            [
                io.Int.Input("seed", default=1, min=0, max=0xFFFFFFFF, control_after_generate=True),
                io.Combo.Input("look", options=["summer", "winter", "autumn", "sunset", "night"], default="summer"),
                io.Int.Input("width", default=512, min=64, max=8192, step=8, tooltip="Pixels."),
                io.Int.Input("height", default=128, min=64, max=2048, step=8, tooltip="Pixels; the model saw 128."),
            ],
            [io.Image.Output()],
        )

    @classmethod
    def run(cls, seed, look, width, height):
        from ..demo import cost
        from ..demo.painter import paint

        afford(cost.scene(height, width), f"a scene of {width} x {height} pixels", "lower `width` or `height`")
        return io.NodeOutput(torch.from_numpy(paint(seed, look, height, width))[None])
