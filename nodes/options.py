"""Option nodes. Each exchanges one stage of the method; a sampler without it takes the default of that stage."""

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
    """What CSD Timesteps chooses.

    order   (low, high) -> order of the noise levels
    own     whether low and high are fractions of the model's own time, rather than meant by signal-to-noise
    """

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
            "Sets how the images of a set influence each other, which makes them agree. With a correspondence, they do "
            "so only where they show the same thing. Formula: direction_i = s_i * (sum_j k(x_j, x_i) r_j + "
            "repulsion_i).",
            [
                io.Combo.Input(
                    "kernel",
                    options=["rbf", "independent", "uniform"],
                    tooltip="How images influence each other. rbf: similar images more (paper). independent: not at "
                    "all. uniform: all alike; it needs a correspondence.",
                ),
                io.Combo.Input(
                    "bandwidth",
                    options=["median", "authors' median", "fixed"],
                    tooltip="How different images may be and still influence each other. median: measured from their "
                    "distances. authors' median: the same, but each image's distance to itself counts too. fixed: the "
                    "number below. Formula: k = exp(-d^2 / h), h = median(d^2) / log(n + 1).",
                ),
                io.Float.Input(
                    "fixed_bandwidth",
                    default=1000.0,
                    min=0.001,
                    max=1e9,
                    tooltip="Higher: images influence each other more. Only for `fixed`. Formula: h in exp(-d^2 / h).",
                ),
                io.Combo.Input(
                    "normalization",
                    options=["row", "mean"],
                    tooltip="How step sizes depend on the number of images. row: not at all, because weights sum to "
                    "one. mean: more images, smaller steps (paper). With a correspondence, always as `row`. Formula: s "
                    "= 1 / sum of k, or s = 1/n.",
                ),
                io.Float.Input(
                    "repulsion",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="How strongly images push each other apart. Higher: they differ more. 1 as in the paper, 0 "
                    "turns it off.",
                ),
                Correspondence.Input(
                    "correspondence",
                    optional=True,
                    tooltip="Where the images show the same thing: from CSD Optical Flow for frames, CSD View "
                    "Correspondence for views, CSD Canvas Correspondence for windows.",
                ),
            ],
            [Coupling.Output("coupling", display_name="coupling", tooltip="For `coupling` of a sampler.")],
            search_aliases=["coupling", "svgd", "rbf kernel", "stein", "consistency", "flicker", "deflicker"],
            group="Options",
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
            "Chooses which images of a set get the same noise. Images with the same noise are changed alike.",
            [
                io.Combo.Input(
                    "field",
                    options=["canvas", "independent", "shared", "carried"],
                    tooltip="Which images get the same noise. canvas: windows, where they overlap. independent: none "
                    "(the authors' code). shared: all. carried: noise moves with what frames or views show; it needs a "
                    "correspondence.",
                ),
                Correspondence.Input(
                    "correspondence",
                    optional=True,
                    tooltip="Where frames or views show the same thing, from CSD Optical Flow or CSD View "
                    "Correspondence. Only for `carried`.",
                ),
            ],
            [NoiseFieldType.Output("noise", display_name="noise", tooltip="For `noise` of a sampler.")],
            search_aliases=["shared noise", "same noise", "consistent noise", "noise warping", "flicker"],
            group="Options",
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
            "Chooses the order of the noise levels, and what the numbers of the noise range mean.",
            [
                io.Combo.Input(
                    "order",
                    options=list(ORDERS),
                    tooltip="In which order noise levels come. descending: from much noise to little, so structure "
                    "changes first and detail last; fewer steps suffice. random: another level at every step (paper).",
                ),
                io.Combo.Input(
                    "scale",
                    options=[SIGNAL_TO_NOISE, OWN_TIME],
                    default=SIGNAL_TO_NOISE,
                    optional=True,
                    tooltip="What noise_low and noise_high mean for flow models and CosXL. signal-to-noise: as much "
                    "noise as Stable Diffusion has at that time, so 0.5 means the same for every model. model's own "
                    "time: a fraction of the model's own schedule with its shift, as in FlowEdit.",
                ),
            ],
            [
                TimestepsType.Output(
                    "timesteps", display_name="timesteps", tooltip="For `timesteps` of a sampler or of CSD Sigmas."
                )
            ],
            search_aliases=["noise levels", "schedule", "timestep order"],
            group="Options",
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
            "Chooses how the latents are moved along the gradient. The step size is set on the sampler.",
            [
                io.Combo.Input(
                    "optimizer",
                    options=["sgd", "adam"],
                    tooltip="Which optimizer. sgd: plain gradient descent (paper). adam: set the sampler's step size "
                    "to 0.02 to 0.1.",
                ),
                io.Float.Input(
                    "decay",
                    default=0.9,
                    min=0.01,
                    max=1.0,
                    step=0.01,
                    tooltip="Makes later steps smaller. Lower: they shrink faster. 1: all steps are alike; 0.9 in the "
                    "paper. Formula: step_size * decay^(step / decay_every), quotient rounded down.",
                ),
                io.Int.Input(
                    "decay_every",
                    default=20,
                    min=1,
                    max=10000,
                    tooltip="After how many steps `decay` is applied again. Higher: steps shrink more slowly. 20 in "
                    "the paper.",
                ),
            ],
            [UpdateType.Output("update", display_name="update", tooltip="For `update` of a sampler.")],
            search_aliases=["optimizer", "adam", "sgd", "learning rate"],
            group="Options",
        )

    @classmethod
    def run(cls, optimizer, decay, decay_every):
        return io.NodeOutput(partial(_update, optimizer, decay, decay_every))


def _update(optimizer: str, decay: float, every: int, step_size: float) -> SGD | Adam:
    size = StepSize(step_size, decay, every)
    return Adam(size) if optimizer == "adam" else SGD(size)


@dataclass(frozen=True)
class BaselineChoice:
    """What CSD Baseline and CSD Velocity choose.

    source     conditioning that describes the source, for baselines that need one
    velocity   settings of the velocity residual; None for the noise residual
    """

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
            "Chooses what an edit is compared with: only the difference changes the images. Formula: residual = "
            "eps_hat - baseline.",
            [
                io.Combo.Input(
                    "baseline",
                    options=["image, guided", "image", "source prompt", "drawn noise"],
                    tooltip="What is subtracted from the prediction. image, guided: the prediction from the source "
                    "image without text, with image guidance (the authors' code). image: the same without guidance "
                    "(paper). source prompt: the prediction for a description of the source; for any text-to-image "
                    "model. drawn noise: the noise itself; it blurs edits.",
                ),
                io.Conditioning.Input(
                    "source", optional=True, tooltip="A description of the source image. Only for `source prompt`."
                ),
                io.Float.Input(
                    "drawn_noise",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="Mixes the drawn noise into the baseline. 0 keeps the detail of the source (CSD-Edit). "
                    "Higher: the edit becomes the model's own picture. Formula: (1 - drawn_noise) * prediction + "
                    "drawn_noise * eps.",
                ),
            ],
            [
                BaselineType.Output(
                    "choice", display_name="baseline", tooltip="For `baseline` of CSD Edit Sampler or CSD Guider."
                )
            ],
            search_aliases=["delta denoising score", "dds", "sds", "source prompt", "control variate"],
            group="Options",
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
    """Keyword arguments of `Distiller`. A stage that is not connected gets its default."""
    return {
        "couple": coupling or Stein(),
        "update": update(step_size) if update else SGD(StepSize(step_size)),
        "noise": noise or NoiseChoice(),
        "per_step": particles_per_step or None,
    }
