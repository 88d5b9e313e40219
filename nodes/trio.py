"""Collaborative Score Distillation for SamplerCustomAdvanced: guider, sampler and sigmas."""

from ..csd.baseline import ImageConditional
from ..csd.guidance import Guidance
from ..host.distiller import Distiller
from ..host.guider import CSDGuider
from ..host.io import Layout, io, schema
from ..host.levels import Levels
from ..host.node import Node
from . import tooltips
from .options import (
    BaselineChoice,
    BaselineType,
    Coupling,
    NoiseFieldType,
    TimestepsChoice,
    TimestepsType,
    UpdateType,
    stages,
)
from .savings import Savings, SavingsType
from .state import STATE


class DistillationGuider(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDGuider",
            "CSD Guider",
            "Predicts the noise of a set of images with guidance, for CSD Distillation in SamplerCustomAdvanced.",
            [
                io.Model.Input("model", tooltip=tooltips.MODEL),
                io.Conditioning.Input("positive", tooltip=tooltips.INSTRUCTION),
                io.Conditioning.Input("negative", tooltip=tooltips.NO_INSTRUCTION),
                io.Float.Input("guidance", default=7.5, min=0.0, max=200.0, step=0.1, tooltip=tooltips.GUIDANCE),
                io.Float.Input(
                    "image_guidance", default=1.5, min=0.0, max=50.0, step=0.1, tooltip=tooltips.IMAGE_GUIDANCE
                ),
                io.Int.Input("particles_at_once", default=4, min=1, max=100000, tooltip=tooltips.PARTICLES_AT_ONCE),
                Layout.Input("layout", optional=True, tooltip=tooltips.LAYOUT),
                BaselineType.Input("baseline", optional=True, tooltip=tooltips.BASELINE),
            ],
            [io.Guider.Output(tooltip="For SamplerCustomAdvanced, together with CSD Distillation.")],
            search_aliases=["guider", "cfg guider", "collaborative score distillation"],
            group="Sampling",
        )

    @classmethod
    def run(cls, model, positive, negative, guidance, image_guidance, particles_at_once, layout=None, baseline=None):
        choice = baseline or BaselineChoice(ImageConditional())
        guider = CSDGuider(
            model,
            Guidance(guidance, image_guidance),
            choice.baseline,
            layout,
            particles_at_once,
            velocity=choice.velocity,
        )
        guider.set_conds(positive, negative, choice.source)
        return io.NodeOutput(guider)


class DistillationSampler(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDDistillation",
            "CSD Distillation",
            "Collaborative Score Distillation as a sampler for SamplerCustomAdvanced. It needs CSD Guider: other "
            "guiders have no baseline.",
            [
                io.Float.Input("step_size", default=2.0, min=0.0, max=1000.0, step=0.01, tooltip=tooltips.STEP_SIZE),
                io.Int.Input("particles_per_step", default=0, min=0, max=100000, tooltip=tooltips.PARTICLES_PER_STEP),
                Coupling.Input("coupling", optional=True, tooltip=tooltips.COUPLING),
                NoiseFieldType.Input("noise", optional=True, tooltip=tooltips.NOISE),
                UpdateType.Input("update", optional=True, tooltip=tooltips.UPDATE),
                STATE,
                SavingsType.Input(
                    "savings",
                    optional=True,
                    tooltip=f"{tooltips.SAVINGS} Connect the same CSD Savings to CSD Sigmas.",
                ),
            ],
            [io.Sampler.Output(tooltip="For SamplerCustomAdvanced, together with CSD Guider.")],
            search_aliases=["sampler", "score distillation", "collaborative score distillation"],
            group="Sampling",
        )

    @classmethod
    def run(cls, step_size, particles_per_step, coupling=None, noise=None, update=None, state=None, savings=None):
        chosen = stages(step_size, particles_per_step, coupling, noise, update)
        return io.NodeOutput(Distiller(**chosen, **(savings or Savings()).stages(), states=state))


class DistillationSigmas(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDSigmas",
            "CSD Sigmas",
            "Lists the noise level of every step, for CSD Distillation in SamplerCustomAdvanced.",
            [
                io.Model.Input("model", tooltip="The model that knows which noise levels there are."),
                io.Int.Input("steps", default=40, min=1, max=10000, tooltip=tooltips.STEPS),
                io.Float.Input("noise_low", default=0.02, min=0.0, max=1.0, step=0.01, tooltip=tooltips.NOISE_LOW),
                io.Float.Input("noise_high", default=0.5, min=0.0, max=1.0, step=0.01, tooltip=tooltips.NOISE_HIGH),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    tooltip="Chooses the noise levels when CSD Timesteps is `random`. Otherwise it has no effect.",
                ),
                TimestepsType.Input("timesteps", optional=True, tooltip=tooltips.TIMESTEPS),
                SavingsType.Input(
                    "savings",
                    optional=True,
                    tooltip=f"{tooltips.SAVINGS} Connect the same CSD Savings to CSD Distillation.",
                ),
            ],
            [io.Sigmas.Output(tooltip="For `sigmas` of SamplerCustomAdvanced.")],
            search_aliases=["sigmas", "scheduler", "noise levels"],
            group="Sampling",
        )

    @classmethod
    def run(cls, model, steps, noise_low, noise_high, seed, timesteps=None, savings=None):
        choice = timesteps or TimestepsChoice()
        levels, reuse = Levels(model.get_model_object("model_sampling")), (savings or Savings()).reuse
        return io.NodeOutput(levels.sigmas(choice(noise_low, noise_high), steps, seed, reuse, choice.own))
