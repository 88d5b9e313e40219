"""The demo model of objects: the sharp model's latents, and the host's U-Net as a rectified flow from text alone."""

from pathlib import Path

import comfy.model_base
import comfy.model_patcher
import comfy.ops
import comfy.sd
import comfy.supported_models
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

from ..demo.patches import CHANNELS
from .demo_model import WEIGHTS, clip_of, model_of, read_weights, unet_settings
from .flow_demo_model import GLOBAL_TEXT, LOWEST_LEVEL, SHIFT, PatchLatentFormat, PatchVAE, load_autoencoder

OBJECTS_FILE = "demo_objects.safetensors"
SIZES = {
    **{"in_channels": CHANNELS, "out_channels": CHANNELS, "channel_mult": [1, 2], "num_res_blocks": [1, 1]},
    **{"transformer_depth": [0, 1], "transformer_depth_output": [0, 0, 1, 0], "transformer_depth_middle": 1},
    **GLOBAL_TEXT,
}


class PictureUNet(UNetModel):
    """The host's U-Net, which predicts the clean latent.

    The input is x_t = (1 - t) x + t noise. The velocity noise - x is (x_t - output) / t. Below t = 0.05 the denominator
    stays at 0.05.
    """

    def forward(self, x, timesteps, context, **rest):
        clean = super().forward(x, timesteps, context, y=context.mean(dim=1), **rest)
        level = (timesteps.float() / 1000).clamp(min=LOWEST_LEVEL).view(-1, 1, 1, 1)
        return ((x.float() - clean.float()) / level).to(x.dtype)


class FlowTextModel(comfy.model_base.BaseModel):
    """The host's base of models around a `PictureUNet`, sampled as a rectified flow."""

    def __init__(self, model_config, device=None):
        flow = comfy.model_base.ModelType.FLOW
        super().__init__(model_config, flow, device=device, unet_model=PictureUNet)


class FlowText(comfy.supported_models.SD15):
    """The host's description of a `FlowTextModel`."""

    sampling_settings = {"shift": SHIFT, "multiplier": 1000}

    def get_model(self, state_dict, prefix="", device=None):
        return FlowTextModel(self, device)


def build_object_unet() -> PictureUNet:
    """The U-Net of the model of objects, in float32. Weights are not set."""
    return PictureUNet(**unet_settings(**SIZES), operations=comfy.ops.disable_weight_init)


def load_object_model(folder: Path = WEIGHTS) -> tuple[comfy.model_patcher.ModelPatcher, comfy.sd.CLIP, comfy.sd.VAE]:
    """Loads the demo model of objects: (MODEL, CLIP, VAE) for the host's own nodes, all in float32.

    Raises FileNotFoundError if the weights are not in `folder`.
    """
    autoencoder, weights = load_autoencoder(folder), read_weights(OBJECTS_FILE, folder)
    model = model_of(FlowText(unet_settings(**SIZES)), PatchLatentFormat(autoencoder), weights)
    return model, clip_of(weights), PatchVAE(autoencoder)
