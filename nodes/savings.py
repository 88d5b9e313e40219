"""CSD Savings: fewer model evaluations at some cost in quality."""

from dataclasses import dataclass

from ..csd.guidance import Interval
from ..host.io import custom, io, schema
from ..host.node import Node


@dataclass(frozen=True)
class Savings:
    """What CSD Savings chooses. The defaults save nothing."""

    reuse: int = 1
    interval: Interval = Interval()

    def stages(self) -> dict:
        """Keyword arguments of `Distiller`."""
        return {"reuse": self.reuse, "interval": self.interval}


SavingsType = custom("CSD_SAVINGS", Savings)


class SavingsOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDSavings",
            "CSD Savings",
            "Makes a run faster at some cost in quality. Savings that cost no quality are always on.",
            [
                io.Int.Input(
                    "uses",
                    default=1,
                    min=1,
                    max=1000,
                    tooltip="How many steps in a row use the same noise. Higher: faster, at some cost in quality. Try "
                    "2. Each further step takes 3 evaluations instead of 5, because the source is predicted once for "
                    "all.",
                ),
                io.Float.Input(
                    "guidance_low",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Turns guidance off below this noise level. Higher: faster, but a weaker edit of details. "
                    "A fraction of training time. A step without guidance takes 2 evaluations instead of 5.",
                ),
                io.Float.Input(
                    "guidance_high",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Turns guidance off above this noise level. Lower: faster, but a weaker edit of large "
                    "structures. A fraction of training time.",
                ),
            ],
            [
                SavingsType.Output(
                    "savings",
                    display_name="savings",
                    tooltip="For `savings` of a sampler, or of both CSD Sigmas and CSD Distillation.",
                )
            ],
            search_aliases=["faster", "speed up", "fewer evaluations", "cache"],
            group="Options",
        )

    @classmethod
    def run(cls, uses, guidance_low, guidance_high):
        return io.NodeOutput(Savings(uses, Interval(guidance_low, guidance_high)))
