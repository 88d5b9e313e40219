"""CSD Perceptual Kernel: images influence each other by how alike they look to a network."""

from dataclasses import replace

import torch

from ..csd.features import Features
from ..csd.kernel import RBF
from ..csd.stein import Stein, clean
from ..host.io import io, schema
from ..host.node import Node
from .options import Coupling


class PerceptualKernel(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDPerceptualKernel",
            "CSD Perceptual Kernel",
            "Compares images by what a network sees in them, instead of by their noised latents. The paper does so for "
            "text to 3D (LPIPS of small renders). Takes no further evaluations of the model, but of the VAE.",
            [
                io.Model.Input("model", tooltip="The model of the sampler. It says what its latents mean."),
                io.Vae.Input("vae", tooltip="Decodes the images before they are compared."),
                io.Int.Input(
                    "side",
                    default=64,
                    min=16,
                    max=1024,
                    step=8,
                    tooltip="The images are compared at this size: the shorter side in pixels. 64 in the paper.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="A model whose impressions of the images are compared. If not connected: what the VAE "
                    "encodes of them.",
                ),
                Coupling.Input(
                    "coupling",
                    optional=True,
                    tooltip="Bandwidth and normalization, from CSD Kernel with `rbf` and without a correspondence. Its "
                    "repulsion is left out, for it would need the network's gradient.",
                ),
            ],
            [Coupling.Output("perceptual", display_name="coupling", tooltip="For `coupling` of a sampler.")],
            group="Options",
            search_aliases=["lpips", "clip vision", "perceptual", "similarity", "feature kernel"],
        )

    @classmethod
    def run(cls, model, vae, side, clip_vision=None, coupling=None):
        from ..host.perception import Perception
        from ..host.refusals import refuse_other_latents
        from ..host.vae import of_pictures

        coupling = coupling or Stein()
        if not (isinstance(coupling, Stein) and isinstance(coupling.kernel, RBF)):
            raise ValueError(
                "coupling: got one that compares no whole images, expected CSD Kernel with `rbf` and without a "
                "correspondence; connect CSD Tones behind this node, not before it."
            )
        # Not every VAE says truly what latents it makes, so one is made.
        refuse_other_latents(of_pictures(vae).encode(torch.zeros(1, 64, 64, 3)), model, "vae")
        kernel = Features(Perception(model, vae, side, clip_vision), coupling.kernel, repels=False)
        return io.NodeOutput(replace(coupling, kernel=kernel, repulsion=0.0, compare=clean))
