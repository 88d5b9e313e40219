"""The same machinery for SamplerCustomAdvanced: guider, sampler and sigmas."""

from ..csd.baseline import ImageConditional
from ..csd.guidance import Guidance
from ..host.distiller import Distiller
from ..host.guider import CSDGuider
from ..host.io import Layout, io, schema
from ..host.levels import Levels
from ..host.node import Node
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
from .state import StateType


class DistillationGuider(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDGuider",
            "CSD Guider",
            "Guided predictions of a set of images, with a baseline, for the CSD Distillation sampler.",
            [
                io.Model.Input("model"),
                io.Conditioning.Input("positive"),
                io.Conditioning.Input("negative"),
                io.Float.Input("guidance", default=7.5, min=0.0, max=200.0, step=0.1),
                io.Float.Input("image_guidance", default=1.5, min=0.0, max=50.0, step=0.1),
                io.Int.Input("particles_at_once", default=4, min=1, max=100000),
                Layout.Input("layout", optional=True),
                BaselineType.Input("baseline", optional=True),
            ],
            [io.Guider.Output()],
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
            "Score distillation as a SAMPLER. Needs the CSD Guider.",
            [
                io.Float.Input("step_size", default=2.0, min=0.0, max=1000.0, step=0.01),
                io.Int.Input(
                    "particles_per_step",
                    default=0,
                    min=0,
                    max=100000,
                    tooltip="0 takes all. Frames that are coupled along their motion always take part, all of them.",
                ),
                Coupling.Input("coupling", optional=True),
                NoiseFieldType.Input("noise", optional=True),
                UpdateType.Input("update", optional=True),
                StateType.Input("state", optional=True),
                SavingsType.Input("savings", optional=True, tooltip="Connect the same one to CSD Sigmas."),
            ],
            [io.Sampler.Output()],
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
            "The noise level of every step, from a range given as fractions of training time.",
            [
                io.Model.Input("model"),
                io.Int.Input("steps", default=40, min=1, max=10000),
                io.Float.Input("noise_low", default=0.02, min=0.0, max=1.0, step=0.01),
                io.Float.Input("noise_high", default=0.5, min=0.0, max=1.0, step=0.01),
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, tooltip="For random timesteps."),
                TimestepsType.Input("timesteps", optional=True),
                SavingsType.Input("savings", optional=True, tooltip="The same to CSD Distillation."),
            ],
            [io.Sigmas.Output()],
        )

    @classmethod
    def run(cls, model, steps, noise_low, noise_high, seed, timesteps=None, savings=None):
        choice = timesteps or TimestepsChoice()
        levels, reuse = Levels(model.get_model_object("model_sampling")), (savings or Savings()).reuse
        return io.NodeOutput(levels.sigmas(choice(noise_low, noise_high), steps, seed, reuse, choice.own))
