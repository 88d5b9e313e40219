"""Option nodes: one stage of the method each, wired into a sampler that would otherwise take its default."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..csd import kernel as kernels
from ..csd.aligned import Aligned, PairRBF, PairUniform
from ..csd.baseline import Baseline, DrawnNoise, ImageConditional, SourcePrompt
from ..csd.carried import Carried
from ..csd.noise import MAKERS
from ..csd.scene import Crops
from ..csd.stein import NORMALIZATIONS, Stein
from ..csd.timesteps import Descending, Random, Timesteps
from ..csd.update import SGD, Adam, StepSize
from ..host.distiller import NoiseChoice
from ..host.io import Correspondence, custom, io, schema
from ..host.node import Node
from ..host.residual import Velocity

Coupling = custom("CSD_COUPLING", Callable)
NoiseFieldType = custom("CSD_NOISE", NoiseChoice)
UpdateType = custom("CSD_UPDATE", Callable)

ORDERS = {"descending": Descending, "random": Random}
SIGNAL_TO_NOISE, OWN_TIME = "signal-to-noise", "model's own time"


@dataclass(frozen=True)
class TimestepsChoice:
    """In which order a noise range is visited, and whether it is one of the model's own time."""

    order: Callable[[float, float], Timesteps] = Descending
    own: bool = False

    def __call__(self, low: float, high: float) -> Timesteps:
        return self.order(low, high)


TimestepsType = custom("CSD_TIMESTEPS", TimestepsChoice)


class KernelOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDKernel",
            "CSD Kernel",
            "How particles are coupled: direction_i = s_i * (sum_j k(x_j, x_i) r_j + repulsion_i). With a "
            "correspondence, residuals are first moved to where the same content is seen.",
            [
                io.Combo.Input(
                    "kernel",
                    options=["rbf", "independent", "uniform"],
                    tooltip="independent: no coupling at all. uniform: the plain mean of what corresponds, for which a "
                    "correspondence is needed.",
                ),
                io.Combo.Input(
                    "bandwidth",
                    options=["median", "authors' median", "fixed"],
                    tooltip="h of exp(-d^2 / h): median(d^2) / log(n + 1) over pairs, the same with the zero diagonal "
                    "counted in, or the number below.",
                ),
                io.Float.Input("fixed_bandwidth", default=1000.0, min=0.001, max=1e9, tooltip="h for `fixed`."),
                io.Combo.Input(
                    "normalization",
                    options=["row", "mean"],
                    tooltip="row: weights sum to one, so a step size means the same for any number of particles. "
                    "mean: 1/n, as in the paper. With a correspondence the weights always sum to one.",
                ),
                io.Float.Input(
                    "repulsion",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Strength of the term that keeps particles apart.",
                ),
                Correspondence.Input(
                    "correspondence",
                    optional=True,
                    tooltip="Where particles show the same: CSD Optical Flow for frames, CSD View Correspondence for "
                    "views, CSD Canvas Correspondence for windows.",
                ),
            ],
            [Coupling.Output("coupling", display_name="coupling")],
        )

    @classmethod
    def run(cls, kernel, bandwidth, fixed_bandwidth, normalization, repulsion, correspondence=None):
        choices = {"median": kernels.median, "authors' median": kernels.authors_median}
        h = kernels.Fixed(fixed_bandwidth) if bandwidth == "fixed" else choices[bandwidth]
        if kernel == "uniform" and correspondence is None:
            raise ValueError(
                "got the kernel `uniform` without a correspondence, expected one to say what to average; "
                "connect CSD Optical Flow, CSD View Correspondence or CSD Canvas Correspondence, or choose `rbf`."
            )
        if kernel == "independent" or correspondence is None:
            chosen = kernels.RBF(h) if kernel == "rbf" else kernels.Independent()
            return io.NodeOutput(Stein(chosen, NORMALIZATIONS[normalization], repulsion))
        return io.NodeOutput(Aligned(correspondence, PairRBF(h) if kernel == "rbf" else PairUniform(), repulsion))


class NoiseOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDNoiseField",
            "CSD Noise Field",
            "How the noise of different particles belongs together.",
            [
                io.Combo.Input(
                    "field",
                    options=["canvas", "independent", "shared", "carried"],
                    tooltip="canvas: drawn on the canvas, so overlapping windows agree. independent: one draw for each "
                    "particle (the authors' code). shared: one draw for all. carried: moves with the picture, for "
                    "which a correspondence is needed.",
                ),
                Correspondence.Input(
                    "correspondence", optional=True, tooltip="Along which `carried` noise moves: of frames or views."
                ),
            ],
            [NoiseFieldType.Output("noise", display_name="noise")],
        )

    @classmethod
    def run(cls, field, correspondence=None):
        if field != "carried":
            return io.NodeOutput(NoiseChoice(MAKERS[field]))
        if correspondence is None:
            raise ValueError(
                "got the field `carried` without a correspondence, expected one to move the noise "
                "along; connect CSD Optical Flow or CSD View Correspondence, or choose another field."
            )
        return io.NodeOutput(NoiseChoice(partial(_carried, correspondence), correspondence))


def _carried(correspondence, crops: Crops, theta) -> Carried:
    return Carried(correspondence, crops.keys())


class TimestepOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDTimesteps",
            "CSD Timesteps",
            "In which order the noise range is visited, and what its numbers mean.",
            [
                io.Combo.Input(
                    "order",
                    options=list(ORDERS),
                    tooltip="descending: structure first, detail last. random: as in the paper.",
                ),
                io.Combo.Input(
                    "scale",
                    options=[SIGNAL_TO_NOISE, OWN_TIME],
                    default=SIGNAL_TO_NOISE,
                    optional=True,
                    tooltip="What noise_low and noise_high mean for flow models and CosXL. signal-to-noise: as much "
                    "noise as Stable Diffusion has at that time, so that 0.5 means the same for every model. model's "
                    "own time: a fraction of the model's schedule with its shift, as FlowEdit counts.",
                ),
            ],
            [TimestepsType.Output("timesteps", display_name="timesteps")],
        )

    @classmethod
    def run(cls, order, scale=SIGNAL_TO_NOISE):
        return io.NodeOutput(TimestepsChoice(ORDERS[order], scale == OWN_TIME))


class UpdateOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDUpdate",
            "CSD Update",
            "How the gradient moves the latents. The step size is set on the sampler.",
            [
                io.Combo.Input(
                    "optimizer", options=["sgd", "adam"], tooltip="Adam wants step sizes of about 0.02 to 0.1."
                ),
                io.Float.Input(
                    "decay", default=0.9, min=0.01, max=1.0, step=0.01, tooltip="Factor on the step size (paper: 0.9)."
                ),
                io.Int.Input(
                    "decay_every", default=20, min=1, max=10000, tooltip="... after this many steps (paper: 20)."
                ),
            ],
            [UpdateType.Output("update", display_name="update")],
        )

    @classmethod
    def run(cls, optimizer, decay, decay_every):
        return io.NodeOutput(partial(_update, optimizer, decay, decay_every))


def _update(optimizer: str, decay: float, every: int, step_size: float) -> SGD | Adam:
    size = StepSize(step_size, decay, every)
    return Adam(size) if optimizer == "adam" else SGD(size)


@dataclass(frozen=True)
class BaselineChoice:
    """A baseline, the conditioning that describes the source where it needs one, and whether to work in velocity."""

    baseline: Baseline
    source: list | None = None
    velocity: Velocity | None = None


BaselineType = custom("CSD_BASELINE", BaselineChoice)


class BaselineOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDBaseline",
            "CSD Baseline",
            "What is subtracted from the prediction: residual = eps_hat - baseline.",
            [
                io.Combo.Input(
                    "baseline",
                    options=["image, guided", "image", "source prompt", "drawn noise"],
                    tooltip="image: the prediction from the image without text, on the noised source (CSD-Edit); "
                    "guided: with image guidance, as in the authors' code. source prompt: delta denoising, for any "
                    "text-to-image model. drawn noise: CSD without a source, which blurs edits.",
                ),
                io.Conditioning.Input(
                    "source", optional=True, tooltip="Describes the source image, for `source prompt`."
                ),
                io.Float.Input(
                    "drawn_noise",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="Share of the drawn noise in the baseline. 0 keeps the source's detail (CSD-Edit); more "
                    "draws the edit to the model's own picture. Costs nothing.",
                ),
            ],
            [BaselineType.Output("choice", display_name="baseline")],
        )

    @classmethod
    def run(cls, baseline, source=None, drawn_noise=0.0):
        if baseline == "source prompt" and source is None:
            raise ValueError("got no source, expected a conditioning that describes the source image; connect one.")
        made = {
            "image, guided": partial(ImageConditional, True, drawn=drawn_noise),
            "image": partial(ImageConditional, False, drawn=drawn_noise),
            "source prompt": partial(SourcePrompt, drawn=drawn_noise),
            "drawn noise": DrawnNoise,
        }
        return io.NodeOutput(BaselineChoice(made[baseline](), source))


def stages(step_size: float, particles_per_step: int, coupling=None, noise=None, update=None) -> dict:
    """Keyword arguments of `Distiller`, with the default of every stage that is not wired."""
    return {
        "couple": coupling or Stein(),
        "update": update(step_size) if update else SGD(StepSize(step_size)),
        "noise": noise or NoiseChoice(),
        "per_step": particles_per_step or None,
    }
