"""CSDEditSampler and CSDSampler: the whole run in one node."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..csd.baseline import DrawnNoise, ImageConditional
from ..csd.guidance import Guidance
from ..csd.presets import BALANCED_STEP_SIZE, BALANCED_STEPS
from ..csd.stein import Couple
from ..csd.update import Update
from ..host.distiller import NoiseChoice
from ..host.io import Layout, io, schema
from ..host.levels import Levels
from ..host.node import Node
from ..host.run import run
from ..host.states import StateFile
from ..media.layout import Layout as WindowLayout
from ..media.report import picture
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


def _step_inputs(step_size: float, guidance: float, steps: int) -> list:
    return [
        io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True),
        io.Int.Input("steps", default=steps, min=1, max=10000),
        io.Float.Input(
            "step_size",
            default=step_size,
            min=0.0,
            max=1000.0,
            step=0.01,
            tooltip="How far each step moves the picture. Higher: a stronger edit in fewer steps; too high breaks it. "
            "theta - step_size * w(t) * direction.",
        ),
        io.Float.Input(
            "guidance",
            default=guidance,
            min=0.0,
            max=200.0,
            step=0.1,
            tooltip="How strongly the prompt pulls. Higher: a stronger change; try 3 to 8.",
        ),
    ]


def _range_inputs(low: float, high: float) -> list:
    return [
        io.Float.Input(
            "noise_low",
            default=low,
            min=0.0,
            max=1.0,
            step=0.01,
            tooltip="Least noise, as a fraction of training time. Lower: finer detail changes as well.",
        ),
        io.Float.Input(
            "noise_high",
            default=high,
            min=0.0,
            max=1.0,
            step=0.01,
            tooltip="Most noise. Higher changes larger structures; 0.5 keeps the layout of the source (paper).",
        ),
        io.Int.Input(
            "particles_per_step",
            default=0,
            min=0,
            max=100000,
            tooltip="Windows or frames drawn for each step; 0 takes all (paper: 4 of 12). Frames that are coupled "
            "along their motion always take part, all of them.",
        ),
        io.Int.Input(
            "particles_at_once",
            default=4,
            min=1,
            max=100000,
            tooltip="How many go through the model in one call. More is faster and takes more memory. The result is "
            "the same but for rounding.",
        ),
    ]


_OPTIONS = [
    Layout.Input(
        "layout", optional=True, tooltip="From ParticleSplit, for windows of a canvas; leave open for frames."
    ),
    Coupling.Input("coupling", optional=True),
    NoiseFieldType.Input("noise", optional=True),
    TimestepsType.Input("timesteps", optional=True),
    UpdateType.Input("update", optional=True),
]

_SAVINGS = SavingsType.Input("savings", optional=True, tooltip="Fewer evaluations at some cost in quality.")
_STATE = StateType.Input("state", optional=True, tooltip="Keeps the run in a file, from which it can go on.")

_MODEL = [
    io.Model.Input("model"),
    io.Conditioning.Input("positive", tooltip="The instruction, with the image (InstructPixToPixConditioning)."),
    io.Conditioning.Input("negative", tooltip="The same image with an empty or a negative prompt."),
    io.Latent.Input("latent", tooltip="Particles: a batch of windows (with their layout) or of frames."),
]

_OUTPUTS = [
    io.Latent.Output("edited", display_name="latent"),
    io.Image.Output("report", display_name="report", tooltip="Residual, step size and kernel of the run."),
]


@dataclass(frozen=True)
class Settings:
    """What the two samplers have in common, as their widgets and wires give it."""

    seed: int
    steps: int
    step_size: float
    noise_low: float
    noise_high: float
    particles_per_step: int
    particles_at_once: int
    layout: WindowLayout | None = None
    coupling: Couple | None = None
    noise: NoiseChoice | None = None
    timesteps: TimestepsChoice | None = None
    update: Callable[[float], Update] | None = None
    state: StateFile | None = None
    savings: Savings | None = None

    def check(self, node: str) -> None:
        if not 0 <= self.noise_low <= self.noise_high <= 1:
            raise ValueError(
                f"{node}: got a noise range of {self.noise_low} to {self.noise_high}, "
                "expected 0 <= noise_low <= noise_high <= 1."
            )

    def sigmas(self, levels: Levels) -> Tensor:
        """The host's sigma of every step, and a closing zero."""
        choice, reuse = self.timesteps or TimestepsChoice(), (self.savings or Savings()).reuse
        return levels.sigmas(choice(self.noise_low, self.noise_high), self.steps, self.seed, reuse, choice.own)

    def stages(self) -> dict:
        chosen = stages(self.step_size, self.particles_per_step, self.coupling, self.noise, self.update)
        return {**chosen, **(self.savings or Savings()).stages(), "states": self.state}


def _distill(node: str, *inputs, **stages) -> io.NodeOutput:
    """Latents and report; the run's cost also goes to the page and into the history."""
    latents, record = run(node, *inputs, **stages)
    cost = {"evaluations": record.evaluations, "seconds": round(record.seconds, 3), "steps": len(record.residual)}
    return io.NodeOutput(latents, torch.from_numpy(picture(node, record))[None], ui={"csd": [cost]})


class CSDEditSampler(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDEditSampler",
            "CSDEditSampler",
            "Edits a set of images together by Collaborative Score Distillation (arXiv 2307.04787): windows of a "
            "panorama, frames of a video, views of a scene.",
            [
                *_MODEL,
                *_step_inputs(BALANCED_STEP_SIZE, guidance=7.5, steps=BALANCED_STEPS),
                io.Float.Input(
                    "image_guidance",
                    default=1.5,
                    min=0.0,
                    max=50.0,
                    step=0.1,
                    tooltip="How strongly the source image holds (InstructPix2Pix). 1 saves evaluations.",
                ),
                *_range_inputs(0.02, 0.5),
                *_OPTIONS,
                BaselineType.Input("baseline", optional=True),
                _STATE,
                _SAVINGS,
            ],
            _OUTPUTS,
            search_aliases=["collaborative score distillation", "consistent edit", "panorama edit", "video edit"],
        )

    @classmethod
    def run(cls, model, positive, negative, latent, guidance, image_guidance, baseline=None, **settings):
        choice = baseline or BaselineChoice(ImageConditional())
        scales = Guidance(guidance, image_guidance)
        return _distill("CSDEditSampler", model, positive, negative, latent, scales, choice, Settings(**settings))


class CSDSampler(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDSampler",
            "CSDSampler",
            "Makes a set of images together by Collaborative Score Distillation, without a source. Empty latents "
            "start from noise.",
            [
                *_MODEL,
                *_step_inputs(step_size=1.0, guidance=15.0, steps=100),
                *_range_inputs(0.02, 0.98),
                *_OPTIONS,
                _STATE,
                _SAVINGS,
            ],
            _OUTPUTS,
            search_aliases=["collaborative score distillation", "score distillation sampling", "panorama generation"],
        )

    @classmethod
    def run(cls, model, positive, negative, latent, guidance, **settings):
        choice = BaselineChoice(DrawnNoise())
        scales = Guidance(guidance)
        return _distill(
            "CSDSampler", model, positive, negative, latent, scales, choice, Settings(**settings), from_noise=True
        )
