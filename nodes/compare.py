"""What people use today, for comparison: MultiDiffusion on any core sampler."""

from ..host.io import Layout, io, schema
from ..host.multidiffusion import windowed
from ..host.node import Node

MULTIDIFFUSION = "MultiDiffusion (for comparison)"


class MultiDiffusion(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDMultiDiffusion",
            MULTIDIFFUSION,
            "Averages the predictions of overlapping windows at every step (arXiv 2302.08113). The sampler and its "
            "conditioning get the whole image.",
            [
                io.Model.Input("model"),
                Layout.Input("layout", tooltip="From ParticleSplit of the same image."),
                io.Int.Input("particles_at_once", default=4, min=1, max=100000),
            ],
            [io.Model.Output()],
            search_aliases=["tiled diffusion", "multidiffusion"],
        )

    @classmethod
    def run(cls, model, layout, particles_at_once):
        return io.NodeOutput(windowed(model, layout, particles_at_once, MULTIDIFFUSION))
