"""CSD Tones: what looks alike in the set changes alike, however far apart it is."""

from ..csd.kernel import Independent
from ..csd.stein import Stein
from ..csd.tones import Tones
from ..host.io import io, schema
from ..host.node import Node
from .options import Coupling


class TonesOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDTones",
            "CSD Tones",
            "Makes what looks alike change alike, however far apart it is: one sky gets one colour from end to end of "
            "a panorama. Takes no further evaluations of the model. Connect it to `coupling` of a sampler.",
            [
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How far tones move towards the average of all places that look alike. Higher: colours are "
                    "more even. 0 changes nothing.",
                ),
                io.Float.Input(
                    "spread",
                    default=0.15,
                    min=0.01,
                    max=10.0,
                    step=0.01,
                    tooltip="How different places may look and still share a tone. Higher: more even, but edits that "
                    "depend on the place fade. Try 0.1 to 0.3. Formula: k = exp(-d^2 / (spread^2 * median(d^2))).",
                ),
                io.Int.Input(
                    "block",
                    default=1,
                    min=1,
                    max=256,
                    tooltip="The side of a place, in cells of the latent. Higher: only larger areas share a tone, and "
                    "detail is left alone.",
                ),
                Coupling.Input(
                    "coupling",
                    optional=True,
                    tooltip="A coupling that comes first, from CSD Kernel: along the motion of a clip, for instance. "
                    "Without it, images share their tones and nothing else.",
                ),
            ],
            [Coupling.Output("tones", display_name="coupling", tooltip="For `coupling` of a sampler.")],
            group="Options",
            search_aliases=["even colour", "even sky", "colour drift", "tint", "non-local means"],
        )

    @classmethod
    def run(cls, strength, spread, block, coupling=None):
        return io.NodeOutput(Tones(coupling or Stein(Independent()), strength, spread, block))
