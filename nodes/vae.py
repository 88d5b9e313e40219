"""CSD VAE Batch: many images through a VAE, a few at a time."""

from ..host.io import io, schema
from ..host.node import Node


class VAEBatch(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDVAEBatch",
            "CSD VAE Batch",
            "Makes a VAE work on a few images at a time, so that a long video fits into memory. The VAE of a video "
            "model (Qwen-Image, Wan) gets each image by itself: otherwise it would take them all for one video.",
            [
                io.Vae.Input("vae", tooltip="The VAE. A VAE for sound is refused."),
                io.Int.Input(
                    "images_at_once",
                    default=8,
                    min=1,
                    max=4096,
                    tooltip="How many images are encoded or decoded together. Lower: less memory. The result stays the "
                    "same.",
                ),
            ],
            [
                io.Vae.Output(
                    "batched",
                    display_name="vae",
                    tooltip="For VAE Encode, VAE Decode and InstructPixToPixConditioning.",
                )
            ],
            search_aliases=["vae encode batch", "vae decode batch", "video vae memory", "qwen", "wan"],
            group="Sampling",
        )

    @classmethod
    def run(cls, vae, images_at_once):
        from ..host.vae import BatchedVAE

        return io.NodeOutput(BatchedVAE(vae, images_at_once))
