"""MultiDiffusion on any core sampler, to compare with."""

from ..host.io import Layout, io, schema
from ..host.multidiffusion import windowed
from ..host.node import Node
from . import tooltips

MULTIDIFFUSION = "CSD MultiDiffusion (for comparison)"


class MultiDiffusion(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDMultiDiffusion",
            MULTIDIFFUSION,
            "Makes a model look at an image window by window. Where windows overlap, their predictions are averaged at "
            "every step (arXiv 2302.08113). Give the whole image to the sampler and to its conditioning.",
            [
                io.Model.Input("model", tooltip=tooltips.MODEL),
                Layout.Input("layout", tooltip="Where the windows lie, from CSD Particle Split of the same image."),
                io.Int.Input("particles_at_once", default=4, min=1, max=100000, tooltip=tooltips.PARTICLES_AT_ONCE),
            ],
            [io.Model.Output(tooltip="The model with windows, for any core sampler.")],
            search_aliases=["tiled diffusion", "multidiffusion", "tile", "panorama"],
            group="Measure",
        )

    @classmethod
    def run(cls, model, layout, particles_at_once):
        return io.NodeOutput(windowed(model, layout, particles_at_once, MULTIDIFFUSION))
