"""CSD Blend: decoded pictures averaged along their correspondence."""

from einops import rearrange

from ..csd.blend import blend
from ..host.budget import afford
from ..host.io import Correspondence, io, schema
from ..host.node import Node


class Blend(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDBlend",
            "CSD Blend",
            "Averages what several frames or views show of the same thing. Takes away the flicker that the VAE itself "
            "adds, which no edit of latents can.",
            [
                io.Image.Input("images", tooltip="The decoded frames or views."),
                Correspondence.Input("correspondence", tooltip="Of the unedited frames or views."),
                io.Float.Input(
                    "strength", default=1.0, min=0.0, max=1.0, step=0.05, tooltip="How far towards the average."
                ),
                io.Float.Input(
                    "tolerance",
                    default=0.3,
                    min=0.01,
                    max=10.0,
                    step=0.01,
                    tooltip="Colours (0 to 1) that differ by more than this hardly count, so that a wrong "
                    "correspondence leaves no ghost.",
                ),
            ],
            [io.Image.Output("blended", display_name="images")],
            search_aliases=["deflicker", "temporal smoothing", "multi view fusion"],
        )

    @classmethod
    def run(cls, images, correspondence, strength, tolerance):
        count, height, width, _ = images.shape
        size = 2 * images.numel() * images.element_size()
        afford(size, f"{count} blended pictures of {width} x {height} pixels", "blend fewer or smaller pictures")
        blended = blend(rearrange(images, "n h w c -> n c h w"), correspondence, strength, tolerance)
        return io.NodeOutput(rearrange(blended, "n c h w -> n h w c").contiguous())
