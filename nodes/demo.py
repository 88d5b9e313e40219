"""The demo model that ships with the extension, and a painted picture for it."""

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
            "A small editing model that ships with the extension, for trying the nodes without a download. It knows "
            "painted landscapes and a few instructions. They are listed in demo/MODEL_CARD.md.",
            [
                io.Combo.Input(
                    "model",
                    options=["first", "sharp", "objects"],
                    default="first",
                    optional=True,
                    tooltip="Which of three models. first: predicts noise, as Stable Diffusion 1.5 does; its pictures "
                    "are blurred. sharp: a rectified flow, as SD 3 and Flux are; its pictures are sharp, its edits are "
                    "less trained. They have 4 and 16 latent channels. objects: painted objects from text, for CSD "
                    "Text to 3D.",
                )
            ],
            [
                io.Model.Output(tooltip="The diffusion model."),
                io.Clip.Output(tooltip="The text encoder, for CLIP Text Encode."),
                io.Vae.Output(tooltip="The autoencoder, for VAE Encode and VAE Decode."),
            ],
            search_aliases=["instruct pix2pix demo", "collaborative score distillation demo"],
            group="Demo",
        )

    @classmethod
    def run(cls, model="first"):
        from ..host.demo_model import load_demo_model
        from ..host.flow_demo_model import load_sharp_model
        from ..host.object_demo_model import load_object_model

        load = {"first": load_demo_model, "sharp": load_sharp_model, "objects": load_object_model}[model]
        return io.NodeOutput(*load())


class DemoScene(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDDemoScene",
            "CSD Demo Scene",
            "Paints a landscape for the demo model. The same seed gives the same scene in every look, so an edit can "
            "be compared with the true winter, for instance.",
            [
                io.Int.Input(
                    "seed", default=1, min=0, max=0xFFFFFFFF, control_after_generate=True, tooltip="Chooses the scene."
                ),
                io.Combo.Input(
                    "look",
                    options=["summer", "winter", "autumn", "sunset", "night"],
                    default="summer",
                    tooltip="Season and light.",
                ),
                io.Int.Input("width", default=512, min=64, max=8192, step=8, tooltip="Width in pixels."),
                io.Int.Input(
                    "height",
                    default=128,
                    min=64,
                    max=2048,
                    step=8,
                    tooltip="Height in pixels. The demo model was trained at 128.",
                ),
            ],
            [io.Image.Output(tooltip="The painted landscape.")],
            search_aliases=["painted landscape", "test picture", "sample panorama", "demo image"],
            group="Demo",
        )

    @classmethod
    def run(cls, seed, look, width, height):
        from ..demo import cost
        from ..demo.painter import paint

        afford(cost.scene(height, width), f"a scene of {width} x {height} pixels", "lower `width` or `height`")
        return io.NodeOutput(torch.from_numpy(paint(seed, look, height, width))[None])
