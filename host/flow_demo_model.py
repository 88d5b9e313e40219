"""The sharp demo model: 16 channels of patches, and the host's U-Net as a rectified flow."""

import comfy.latent_formats
import comfy.model_base
import comfy.ops
import comfy.supported_models
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

from ..demo.patches import CHANNELS
from .demo_model import UNET_CONFIG


def _unet_settings() -> dict:
    """Lists are copied: the host empties them while it builds."""
    sizes = {"in_channels": 2 * CHANNELS, "out_channels": CHANNELS}
    settings = {**UNET_CONFIG, **sizes, **comfy.supported_models.SD15_instructpix2pix.unet_extra_config}
    return {key: list(value) if isinstance(value, list) else value for key, value in settings.items()}


def build_flow_unet() -> UNetModel:
    """The host's U-Net in the sharp model's size, in float32. Weights are not set."""
    return UNetModel(**_unet_settings(), operations=comfy.ops.disable_weight_init)
