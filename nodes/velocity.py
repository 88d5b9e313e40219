"""CSD Velocity: edits with rectified flow models, in their own space."""

from ..csd.baseline import ImageConditional, SourcePrompt
from ..csd.velocity import Constant, Rising
from ..host.io import io, schema
from ..host.node import Node
from ..host.residual import Velocity
from .options import BaselineChoice, BaselineType


class VelocityOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDVelocity",
            "CSD Velocity",
            "For rectified flow models (SD 3, Flux, Qwen-Image, Z-Image): how freely an edit may leave the source. "
            "Connect it to `baseline` of a sampler. Step size 1 walks from the source to the edit once.",
            [
                io.Float.Input(
                    "freedom",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="Higher: a stronger edit. 1 follows the path of the model (FlowEdit), 0 stays close to the "
                    "source (delta denoising). eta in x_t = (1 - t) x + t eps + eta t (x - s).",
                ),
                io.Boolean.Input(
                    "rising",
                    default=False,
                    tooltip="Freedom rises from 0 to its value during the run (DVRF): the layout is kept first.",
                ),
                io.Combo.Input(
                    "source",
                    options=["image", "prompt"],
                    tooltip="What the source is compared by. image: for edit models, the prediction with the image and "
                    "without text. prompt: for text-to-image models, the prediction for a description of the source.",
                ),
                io.Float.Input(
                    "source_guidance",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Text guidance on the source, for `prompt`. Keep it under the target's: 1.5 beside 5.5.",
                ),
                io.Float.Input(
                    "anchor",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Pulls the edit back towards the source. Higher: a weaker edit; try 0.01 (FlowAlign).",
                ),
                io.Boolean.Input(
                    "along_levels",
                    default=True,
                    tooltip="Multiplies each step by the distance to the next noise level, as FlowEdit does.",
                ),
                io.Conditioning.Input("source_prompt", optional=True, tooltip="Describes the source, for `prompt`."),
            ],
            [BaselineType.Output("choice", display_name="baseline")],
            search_aliases=["flowedit", "rectified flow edit", "flux edit", "dvrf"],
        )

    @classmethod
    def run(cls, freedom, rising, source, source_guidance, anchor, along_levels, source_prompt=None):
        if source == "prompt" and source_prompt is None:
            raise ValueError(
                "got no source_prompt, expected a conditioning that describes the source; connect one, "
                "or choose `image` with an edit model."
            )
        eta = Rising(freedom) if rising else Constant(freedom)
        settings = Velocity(eta, source_guidance, anchor, along_levels)
        baseline = SourcePrompt() if source == "prompt" else ImageConditional()
        return io.NodeOutput(BaselineChoice(baseline, source_prompt, settings))
