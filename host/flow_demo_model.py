"""The sharp demo model: 16 channels of patches, and the host's U-Net as a rectified flow."""

from pathlib import Path
from typing import Any

import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.sd
import comfy.supported_models
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

from ..demo.patch_edit import PatchEdit
from ..demo.patches import CHANNELS, PATCH, PatchAutoencoder
from .demo_model import CLIP_CONFIG, WEIGHTS, clip_of, model_of, part_of, read_weights, unet_settings

VAE_FILE, EDITOR_FILE = "demo_sharp_vae.safetensors", "demo_sharp_editor.safetensors"
# The noise level and the mean of the text scale and shift every layer. With cross-attention alone, the network took
# thousands of steps to notice the instruction.
GLOBAL_TEXT = {"use_scale_shift_norm": True, "num_classes": "sequential", "adm_in_channels": CLIP_CONFIG["hidden_size"]}
SIZES = {"in_channels": 2 * CHANNELS, "out_channels": CHANNELS, **GLOBAL_TEXT}
LOWEST_LEVEL = 0.05
SHIFT = 1.5  # shift of the noise levels in sampling: a few more steps at high noise, where the tone is decided


class PatchLatentFormat(comfy.latent_formats.LatentFormat):
    """Latents have about unit standard deviation. For previews, the mean colour of a patch is linear in its latent."""

    latent_channels = CHANNELS

    def __init__(self, autoencoder: PatchAutoencoder):
        linear = autoencoder.linear.state_dict()
        self.latent_rgb_factors = linear["weight"].mean(dim=(2, 3)).tolist()
        self.latent_rgb_factors_bias = linear["bias"].tolist()


class PatchVAE(comfy.sd.VAE):
    """The host's VAE around a `PatchAutoencoder`, in float32.

    The host chooses a network by the names of the weights, and has none of this kind. So it is asked for its lightest
    network, the one for pixel space, which is then replaced by this one.
    """

    def __init__(self, autoencoder: PatchAutoencoder):
        super().__init__(sd={"pixel_space_vae": torch.tensor(1.0)}, dtype=torch.float32)
        self.first_stage_model = autoencoder.eval().to(self.vae_dtype)
        offload = comfy.model_management.vae_offload_device()
        self.patcher = comfy.model_patcher.ModelPatcher(autoencoder, load_device=self.device, offload_device=offload)
        self.downscale_ratio = self.upscale_ratio = PATCH
        self.latent_channels = CHANNELS
        self.memory_used_encode = _bytes_to_encode
        self.memory_used_decode = _bytes_to_decode
        self.size = None
        self.model_size()


def _bytes_to_encode(shape, dtype: torch.dtype) -> int:
    """Bytes per picture of [B, 3, H, W]: the picture, a copy of it, and its latent."""
    return 8 * shape[2] * shape[3] * comfy.model_management.dtype_size(dtype)


def _bytes_to_decode(shape, dtype: torch.dtype) -> int:
    """Bytes per latent of [B, 16, h, w]: about six layers of 256 values per cell, and four copies of the picture."""
    return (6 * 256 + 4 * 3 * PATCH**2) * shape[2] * shape[3] * comfy.model_management.dtype_size(dtype)


class ChangeUNet(UNetModel):
    """The host's U-Net, which predicts what an edit changes: the clean picture is source + output.

    The input is the noisy latent x_t = (1 - t) x + t noise, and beside it the latent of the source (zeros if there is
    none). A `PatchEdit` beside the U-Net keeps colours exact. The velocity noise - x is (x_t - source - output) / t.
    Below t = 0.05 the denominator stays at 0.05. An untrained network returns the source. So details that an edit keeps
    need not be learnt.
    """

    def __init__(self, *, operations: Any, dtype=torch.float32, device=None, **settings):
        super().__init__(operations=operations, dtype=dtype, device=device, **settings)
        self.patch_edit = PatchEdit(operations, dtype=dtype, device=device)

    def forward(self, x, timesteps, context, **rest):
        text, level = context.mean(dim=1), timesteps.float() / 1000
        noisy, source = x.split(CHANNELS, dim=1)
        coarse = super().forward(x, timesteps, context, y=text, **rest).to(x.dtype)
        change = self.patch_edit(noisy, source, coarse, text, level)
        noise = noisy.float() - source.float() - change.float()
        return (noise / level.clamp(min=LOWEST_LEVEL).view(-1, 1, 1, 1)).to(x.dtype)


class FlowEditModel(comfy.model_base.IP2P, comfy.model_base.BaseModel):
    """The host's base of InstructPix2Pix models around a `ChangeUNet`, sampled as a rectified flow."""

    def __init__(self, model_config, device=None):
        flow = comfy.model_base.ModelType.FLOW
        super().__init__(model_config, flow, device=device, unet_model=ChangeUNet)
        self.process_ip2p_image_in = lambda image: image


class FlowInstructPix2Pix(comfy.supported_models.SD15_instructpix2pix):
    """The host's description of a `FlowEditModel`."""

    sampling_settings = {"shift": SHIFT, "multiplier": 1000}

    def get_model(self, state_dict, prefix="", device=None):
        return FlowEditModel(self, device)


def build_flow_unet() -> ChangeUNet:
    """The sharp model's U-Net, in float32. Weights are not set."""
    return ChangeUNet(**unet_settings(**SIZES), operations=comfy.ops.disable_weight_init)


def load_autoencoder(folder: Path = WEIGHTS) -> PatchAutoencoder:
    """The sharp model's autoencoder from `folder`, frozen, in float32."""
    autoencoder = PatchAutoencoder().requires_grad_(False)
    autoencoder.load_state_dict(part_of(read_weights(VAE_FILE, folder), "vae."))
    return autoencoder


def load_sharp_model(folder: Path = WEIGHTS) -> tuple[comfy.model_patcher.ModelPatcher, comfy.sd.CLIP, comfy.sd.VAE]:
    """Loads the sharp demo model: (MODEL, CLIP, VAE) for the host's own nodes, all in float32.

    Raises FileNotFoundError if the weights are not in `folder`.
    """
    autoencoder, editor = load_autoencoder(folder), read_weights(EDITOR_FILE, folder)
    model = model_of(FlowInstructPix2Pix(unet_settings(**SIZES)), PatchLatentFormat(autoencoder), editor)
    return model, clip_of(editor), PatchVAE(autoencoder)
