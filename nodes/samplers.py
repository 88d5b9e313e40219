"""CSD Edit Sampler and CSD Sampler: a whole run of the method in one node."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ..csd.baseline import DrawnNoise, ImageConditional
from ..csd.guidance import Guidance
from ..csd.presets import BALANCED_STEP_SIZE, BALANCED_STEPS
from ..csd.stein import Couple
from ..csd.timesteps import Descending, times
from ..csd.update import Update
from ..host.distiller import NoiseChoice
from ..host.io import Layout, io, schema
from ..host.levels import Levels
from ..host.node import Node
from ..host.run import run
from ..host.states import StateFile
from ..media.layout import Layout as WindowLayout
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
from .preset import PresetChoice, PresetType
from .reports import PLOTS, REPORT, reported, shown
from .savings import Savings, SavingsType
from .state import STATE


def step_inputs(step_size: float, guidance: float, steps: int) -> list:
    return [
        io.Int.Input(
            "seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True, tooltip=tooltips.SEED
        ),
        io.Int.Input("steps", default=steps, min=1, max=10000, tooltip=tooltips.STEPS),
        io.Float.Input("step_size", default=step_size, min=0.0, max=1000.0, step=0.01, tooltip=tooltips.STEP_SIZE),
        io.Float.Input("guidance", default=guidance, min=0.0, max=200.0, step=0.1, tooltip=tooltips.GUIDANCE),
    ]


def range_inputs(low: float, high: float) -> list:
    return [
        io.Float.Input("noise_low", default=low, min=0.0, max=1.0, step=0.01, tooltip=tooltips.NOISE_LOW),
        io.Float.Input("noise_high", default=high, min=0.0, max=1.0, step=0.01, tooltip=tooltips.NOISE_HIGH),
        io.Int.Input("particles_per_step", default=0, min=0, max=100000, tooltip=tooltips.PARTICLES_PER_STEP),
        io.Int.Input("particles_at_once", default=4, min=1, max=100000, tooltip=tooltips.PARTICLES_AT_ONCE),
    ]


STAGES = [
    Coupling.Input("coupling", optional=True, tooltip=tooltips.COUPLING),
    NoiseFieldType.Input("noise", optional=True, tooltip=tooltips.NOISE),
    TimestepsType.Input("timesteps", optional=True, tooltip=tooltips.TIMESTEPS),
    UpdateType.Input("update", optional=True, tooltip=tooltips.UPDATE),
]
_OPTIONS = [
    Layout.Input("layout", optional=True, tooltip=tooltips.LAYOUT),
    *STAGES,
]

SAVINGS = SavingsType.Input("savings", optional=True, tooltip=tooltips.SAVINGS)


def _model_inputs(positive: str, negative: str, latent: str) -> list:
    """The model and what it is given, each with its tooltip."""
    return [
        io.Model.Input("model", tooltip=tooltips.MODEL),
        io.Conditioning.Input("positive", tooltip=positive),
        io.Conditioning.Input("negative", tooltip=negative),
        io.Latent.Input("latent", tooltip=latent),
    ]


_OUTPUTS = [
    io.Latent.Output("edited", display_name="latent", tooltip="The finished latents, for VAE Decode."),
    REPORT,
    PLOTS,
]


@dataclass(frozen=True)
class Settings:
    """The settings that both samplers have: widgets, and what is connected.

    closing   the time after the last step, where another run goes on from there; None: there is none
    """

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
    closing: float | None = None

    def check(self, node: str) -> None:
        if not 0 <= self.noise_low <= self.noise_high <= 1:
            raise ValueError(
                f"{node}: got a noise range of {self.noise_low} to {self.noise_high}, "
                "expected 0 <= noise_low <= noise_high <= 1."
            )

    def following(self, preset: PresetChoice) -> "Settings":
        """These with the preset's numbers, and with its timesteps and savings where none are connected."""
        timesteps, savings = self.timesteps or preset.timesteps, self.savings or preset.savings
        return replace(self, **preset.numbers, timesteps=timesteps, savings=savings)

    def rounds(self, count: int) -> list["Settings"]:
        """The same run in at most `count` parts, which share its steps. Each has noise of its own, and no file.

        Noise levels that descend go on from part to part. In any other order each part has the whole range.
        """
        count, order = min(count, self.steps), (self.timesteps or TimestepsChoice())(self.noise_low, self.noise_high)
        ends = [round(self.steps * number / count) for number in range(count + 1)]
        levels = times(order, self.steps)
        whole = not isinstance(order, Descending)
        return [
            replace(
                self,
                state=None,
                steps=end - begin,
                seed=(self.seed + number) % 2**64,
                noise_low=self.noise_low if whole else levels[end - 1],
                noise_high=self.noise_high if whole else levels[begin],
                closing=None if whole or end == self.steps else levels[end],
            )
            for number, (begin, end) in enumerate(zip(ends, ends[1:]))
        ]

    def sigmas(self, levels: Levels) -> Tensor:
        """The host's sigma of every step, and the one after the last, which closes the run: [steps + 1]."""
        choice, reuse = self.timesteps or TimestepsChoice(), (self.savings or Savings()).reuse
        sigmas = levels.sigmas(choice(self.noise_low, self.noise_high), self.steps, self.seed, reuse, choice.own)
        if self.closing is not None:
            sigmas[-1] = levels.sigma(self.closing, choice.own)
        return sigmas

    def stages(self) -> dict:
        chosen = stages(self.step_size, self.particles_per_step, self.coupling, self.noise, self.update)
        return {**chosen, **(self.savings or Savings()).stages(), "states": self.state}


def _distill(node: str, *inputs, said: Sequence[str] = (), **stages) -> io.NodeOutput:
    """Latents, card and curves. What the run cost is also shown on the page and kept in the history.

    said   lines for the card: which settings were chosen, and why
    """
    latents, record = run(node, *inputs, **stages)
    return io.NodeOutput(latents, *reported(node, record, said), ui=shown(record))


class CSDEditSampler(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDEditSampler",
            "CSD Edit Sampler",
            "Edits a set of images together, so that they agree: windows of a panorama, frames of a video, or views of "
            "a scene. The method is Collaborative Score Distillation (arXiv 2307.04787).",
            [
                *_model_inputs(
                    tooltips.INSTRUCTION,
                    tooltips.NO_INSTRUCTION,
                    "The images to edit, one batch from VAE Encode: windows (connect their `layout`), frames or views.",
                ),
                *step_inputs(BALANCED_STEP_SIZE, guidance=7.5, steps=BALANCED_STEPS),
                io.Float.Input(
                    "image_guidance", default=1.5, min=0.0, max=50.0, step=0.1, tooltip=tooltips.IMAGE_GUIDANCE
                ),
                *range_inputs(0.02, 0.5),
                *_OPTIONS,
                BaselineType.Input("baseline", optional=True, tooltip=tooltips.BASELINE),
                STATE,
                SAVINGS,
                PresetType.Input("preset", optional=True, tooltip=tooltips.PRESET),
            ],
            _OUTPUTS,
            search_aliases=[
                "collaborative score distillation",
                "consistent edit",
                "panorama",
                "video",
                "tiled",
                "flicker",
            ],
            group="Sampling",
        )

    @classmethod
    def run(
        cls,
        model,
        positive,
        negative,
        latent,
        guidance,
        image_guidance,
        baseline: BaselineChoice | None = None,
        preset: PresetChoice | None = None,
        **settings,
    ):
        chosen, scales, said = Settings(**settings), Guidance(guidance, image_guidance), ()
        if preset is not None:
            chosen, scales, said = chosen.following(preset), preset.guidance, preset.said
            baseline = baseline or preset.baseline
        choice = baseline or BaselineChoice(ImageConditional())
        return _distill("CSD Edit Sampler", model, positive, negative, latent, scales, choice, chosen, said=said)


class CSDSampler(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDSampler",
            "CSD Sampler",
            "Makes a set of new images together, so that they agree. There is no source image: empty latents start "
            "from noise. The method is Collaborative Score Distillation (arXiv 2307.04787).",
            [
                *_model_inputs(
                    "What the images should show.",
                    "What the images should not show; or an empty prompt.",
                    "Empty latents, one for each image: windows (connect their `layout`), frames or views.",
                ),
                *step_inputs(step_size=1.0, guidance=15.0, steps=100),
                *range_inputs(0.02, 0.98),
                *_OPTIONS,
                STATE,
                SAVINGS,
            ],
            _OUTPUTS,
            search_aliases=["collaborative score distillation", "sds", "text to panorama", "panorama generation"],
            group="Sampling",
        )

    @classmethod
    def run(cls, model, positive, negative, latent, guidance, **settings):
        choice = BaselineChoice(DrawnNoise())
        scales = Guidance(guidance)
        return _distill(
            "CSD Sampler", model, positive, negative, latent, scales, choice, Settings(**settings), from_noise=True
        )
