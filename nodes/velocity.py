"""CSD Velocity: edits with rectified flow models, which predict a velocity."""

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
            "How freely an edit may leave the source. For rectified flow models only (SD 3, Flux, Qwen-Image, "
            "Z-Image). Connect it to `baseline` of a sampler, and set the sampler's step size to 1.",
            [
                io.Float.Input(
                    "freedom",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How freely the edit may leave the source. Higher: a stronger edit. 1 follows the path of "
                    "the model (FlowEdit). 0 stays close to the source (delta denoising). Formula: eta in x_t = (1 - "
                    "t) x + t eps + eta t (x - s).",
                ),
                io.Boolean.Input(
                    "rising",
                    default=False,
                    tooltip="On: `freedom` rises from 0 to its value during the run. This keeps the layout (DVRF).",
                ),
                io.Combo.Input(
                    "source",
                    options=["image", "prompt"],
                    tooltip="How the model is told what the source shows. image: for edit models, which see the image. "
                    "prompt: for text-to-image models; connect a description of the source to `source_prompt`.",
                ),
                io.Float.Input(
                    "source_guidance",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="How strongly the description of the source counts. Only for `prompt`. Keep it below the "
                    "guidance of the sampler: 1.5 beside 5.5, for instance.",
                ),
                io.Float.Input(
                    "anchor",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Pulls the edit back towards the source. Higher: a weaker edit. Formula: anchor (x - s) is "
                    "added to the residual.",
                ),
                io.Boolean.Input(
                    "along_levels",
                    default=True,
                    tooltip="On: each step is as long as the distance to the next noise level, as in FlowEdit. Off: "
                    "the sampler's step size alone decides.",
                ),
                io.Conditioning.Input(
                    "source_prompt", optional=True, tooltip="A description of the source image. Only for `prompt`."
                ),
                io.Float.Input(
                    "alignment",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="Keeps the picture that the edit is heading for close to the source. Higher: a weaker "
                    "edit. Try 0.01 (FlowAlign), with `freedom` at 1. Formula: alignment times the difference of the "
                    "clean estimates x_t - t v is taken back in each step.",
                ),
                io.Combo.Input(
                    "guidance_from",
                    options=["negative prompt", "source prompt"],
                    default="negative prompt",
                    optional=True,
                    tooltip="What guidance starts from. source prompt: only what tells the prompt from the description "
                    "of the source counts, and a step takes 3 evaluations instead of 4 if source_guidance is 1 "
                    "(FlowAlign). Only for `prompt`.",
                ),
            ],
            [
                BaselineType.Output(
                    "choice", display_name="baseline", tooltip="For `baseline` of CSD Edit Sampler or CSD Guider."
                )
            ],
            search_aliases=["flowedit", "rectified flow edit", "flux edit", "dvrf", "flowalign"],
            group="Options",
        )

    @classmethod
    def run(
        cls,
        freedom,
        rising,
        source,
        source_guidance,
        anchor,
        along_levels,
        source_prompt=None,
        alignment=0.0,
        guidance_from="negative prompt",
    ):
        if source == "prompt" and source_prompt is None:
            raise ValueError(
                "got no source_prompt, expected a conditioning that describes the source; connect one, "
                "or choose `image` with an edit model."
            )
        eta = Rising(freedom) if rising else Constant(freedom)
        from_source = source == "prompt" and guidance_from == "source prompt"
        settings = Velocity(eta, source_guidance, anchor, along_levels, alignment, from_source)
        baseline = SourcePrompt() if source == "prompt" else ImageConditional()
        return io.NodeOutput(BaselineChoice(baseline, source_prompt, settings))
