"""An InstructPix2Pix of SD 1.5's size with random weights, of the host's own classes.

Import after `boot_host`. Time and memory do not depend on what the weights are.
"""

import comfy.model_patcher
import comfy.supported_models
import torch
from torch import Tensor

from ..training.setup import initialise

UNET = {
    "image_size": 32,
    "in_channels": 8,
    "out_channels": 4,
    "model_channels": 320,
    "num_res_blocks": [2, 2, 2, 2],
    "channel_mult": [1, 2, 4, 4],
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    "transformer_depth_middle": 1,
    "context_dim": 768,
    "use_spatial_transformer": True,
    "use_linear_in_transformer": False,
    "adm_in_channels": None,
    "use_temporal_attention": False,
    "legacy": False,
}
SMALL = {"model_channels": 32, "context_dim": 32}
TOKENS = 77


def instruct_pix2pix(device: torch.device, small: bool = False) -> comfy.model_patcher.ModelPatcher:
    """860 million parameters, float32 on a CPU and float16 on a GPU; `small` is for trying out."""
    settings = {key: list(value) if isinstance(value, list) else value for key, value in UNET.items()}
    config = comfy.supported_models.SD15_instructpix2pix(settings | (SMALL if small else {}))
    config.set_inference_dtype(torch.float16 if device.type == "cuda" else torch.float32, None)
    torch.manual_seed(0)
    model = config.get_model({}, "", device=device)
    initialise(model.diffusion_model)
    model.eval().requires_grad_(False)
    return comfy.model_patcher.ModelPatcher(model, load_device=device, offload_device=device)


def prompt(patcher: comfy.model_patcher.ModelPatcher, seed: int, image: Tensor) -> list:
    """A conditioning [1, 77, width] with the image that it is about."""
    width = patcher.model.model_config.unet_config["context_dim"]
    text = torch.randn(1, TOKENS, width, generator=torch.Generator().manual_seed(seed))
    return [[text, {"concat_latent_image": image}]]
