"""CSD VAE Batch: sets of images through a VAE, a few at a time."""

from ..host.io import io, schema
from ..host.node import Node


class VAEBatch(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDVAEBatch",
            "CSD VAE Batch",
            "The same VAE, asked for a few images at a time. The host takes as many at once as it believes to fit "
            "into memory. The VAE of a video model (Qwen-Image, Wan) gets each image by itself, where it would take "
            "them all for one clip.",
            [
                io.Vae.Input("vae"),
                io.Int.Input(
                    "images_at_once",
                    default=8,
                    min=1,
                    max=4096,
                    tooltip="Only memory and speed depend on it, not the result.",
                ),
            ],
            [io.Vae.Output("batched", display_name="vae")],
            search_aliases=["vae encode batch", "vae decode batch", "video vae memory", "qwen", "wan"],
        )

    @classmethod
    def run(cls, vae, images_at_once):
        from ..host.vae import BatchedVAE

        return io.NodeOutput(BatchedVAE(vae, images_at_once))
