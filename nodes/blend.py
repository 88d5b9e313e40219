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
            "Averages what several frames or views show of the same thing. This removes the flicker that the VAE adds "
            "when it decodes. No edit of the latents can remove it.",
            [
                io.Image.Input("images", tooltip="The edited frames or views, decoded."),
                Correspondence.Input(
                    "correspondence",
                    tooltip="Where the images show the same thing, found on the unedited frames or views.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How far each image moves towards the average. 0 changes nothing. Higher: less flicker, "
                    "but softer images.",
                ),
                io.Float.Input(
                    "tolerance",
                    default=0.3,
                    min=0.01,
                    max=10.0,
                    step=0.01,
                    tooltip="How much colours (0 to 1) may differ and still be averaged. Lower it if you see ghosts. "
                    "Formula: weight = exp(-difference^2 / tolerance^2).",
                ),
            ],
            [io.Image.Output("blended", display_name="images", tooltip="The images with less flicker.")],
            search_aliases=["flicker", "deflicker", "temporal smoothing", "multi view fusion"],
            group="Video",
        )

    @classmethod
    def run(cls, images, correspondence, strength, tolerance):
        count, height, width, _ = images.shape
        size = 2 * images.numel() * images.element_size()
        afford(size, f"{count} blended pictures of {width} x {height} pixels", "blend fewer or smaller pictures")
        blended = blend(rearrange(images, "n h w c -> n c h w"), correspondence, strength, tolerance)
        return io.NodeOutput(rearrange(blended, "n c h w -> n h w c").contiguous())
