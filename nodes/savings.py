"""Savings that change the estimator, as an option of the samplers."""

from dataclasses import dataclass

from ..csd.guidance import Interval
from ..host.io import custom, io, schema
from ..host.node import Node


@dataclass(frozen=True)
class Savings:
    """Nothing is saved where nothing is chosen."""

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
            "Fewer evaluations at some cost in quality. What costs no quality is always on.",
            [
                io.Int.Input(
                    "uses",
                    default=1,
                    min=1,
                    max=1000,
                    tooltip="Steps in a row that share a noise level and its noise. Predictions on the source are then "
                    "made once for all of them: 3 evaluations instead of 5 for each further step.",
                ),
                io.Float.Input(
                    "guidance_low",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Below this noise level (a fraction of training time) guidance is off: 2 evaluations "
                    "instead of 5.",
                ),
                io.Float.Input(
                    "guidance_high",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Above this noise level guidance is off as well.",
                ),
            ],
            [SavingsType.Output("savings", display_name="savings")],
        )

    @classmethod
    def run(cls, uses, guidance_low, guidance_high):
        return io.NodeOutput(Savings(uses, Interval(guidance_low, guidance_high)))
