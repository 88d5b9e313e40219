"""Checkpoints of real size with random weights, as files that the host's own loaders read.

The networks are the host's classes with the settings of the published models. Weights are in half precision.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ..conftest import own, rand

UNET = {
    **{"image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "num_head_channels": -1},
    **{"use_spatial_transformer": True, "use_temporal_attention": False, "legacy": False, "adm_in_channels": None},
}
SD15 = {
    **UNET,
    **{"num_res_blocks": [2, 2, 2, 2], "channel_mult": (1, 2, 4, 4), "context_dim": 768, "num_heads": 8},
    **{"transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0], "transformer_depth_middle": 1},
    **{"transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0], "use_linear_in_transformer": False},
}
SDXL = {
    **UNET,
    **{"num_res_blocks": [2, 2, 2], "channel_mult": (1, 2, 4), "context_dim": 2048, "num_head_channels": 64},
    **{"transformer_depth": [0, 0, 2, 2, 10, 10], "transformer_depth_middle": 10, "adm_in_channels": 2816},
    **{"transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10], "use_linear_in_transformer": True},
    "num_classes": "sequential",
}
SD35_MEDIUM = {
    **{"in_channels": 16, "out_channels": 16, "patch_size": 2, "depth": 24, "adm_in_channels": 2048},
    **{"num_patches": 384**2, "pos_embed_max_size": 384, "pos_embed_scaling_factor": None, "qk_norm": "rms"},
    "context_embedder_config": {"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": 1536}},
    "x_block_self_attn_layers": list(range(13)),
}
VAE = {"ch": 128, "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_resolutions": [], "resolution": 256}
VAE |= {"in_channels": 3, "out_ch": 3, "z_channels": 4, "double_z": True, "dropout": 0.0}


def _words(text: str) -> Callable[[object, object], list]:
    return lambda host, clip: host.run("CLIPTextEncode", clip=clip, text=text)[0]


def _embedded(seed: int) -> Callable[[object, object], list]:
    """In the width of the text encoders of SD 3.5, which are files of their own."""
    return lambda host, clip: [[rand(seed, 1, 77, 4096), {"pooled_output": rand(seed + 100, 1, 2048)}]]


TEXTS = tuple(map(_words, ("a meadow in winter", "", "a meadow in summer")))


@dataclass(frozen=True)
class Large:
    """A checkpoint.

    config     class of the host's `supported_models`
    settings   of the network
    channels   of a latent
    whole      whether the file holds text encoder and VAE as well, for the checkpoint loader
    prompts    three functions (host, clip) -> conditioning: target, negative, source
    """

    config: str
    settings: dict
    channels: int = 4
    whole: bool = True
    prompts: tuple[Callable[[object, object], list], ...] = TEXTS

    def write(self, comfy, path: Path) -> int:
        """Writes the file with the host's own function. Returns the number of parameters of the network."""
        parts, config = importlib.import_module("comfy.sd"), getattr(comfy.supported_models, self.config)
        made = config({**own(self.settings)})
        made.unet_config.update({key: self.settings[key] for key in _HEADS if key in self.settings})
        made.unet_config["dtype"] = torch.float16
        made.set_inference_dtype(torch.float16, None)
        model = made.get_model({}, "")
        fill(model.diffusion_model, 0)
        cpu = torch.device("cpu")
        patcher = importlib.import_module("comfy.model_patcher").ModelPatcher(model, cpu, cpu)
        clip = vae = None
        if self.whole:
            clip = parts.CLIP(made.clip_target({}), model_options={"dtype": torch.float16})
            fill(clip.cond_stage_model, 1)
            network = importlib.import_module("comfy.ldm.models.autoencoder").AutoencoderKL(ddconfig=VAE, embed_dim=4)
            fill(network, 2)
            vae = parts.VAE(sd=network.half().state_dict(), dtype=torch.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        parts.save_checkpoint(str(path), patcher, clip, vae)
        return sum(weight.numel() for weight in model.diffusion_model.parameters())

    def loaded(self, host, name: str) -> tuple:
        """MODEL and CLIP by the host's own loader. A network alone comes without CLIP."""
        if self.whole:
            return host.run("CheckpointLoaderSimple", ckpt_name=name)[:2]
        return *host.run("UNETLoader", unet_name=name, weight_dtype="default"), None

    @property
    def folder(self) -> str:
        return "checkpoints" if self.whole else "diffusion_models"


_HEADS = ("num_heads", "num_head_channels")
LARGE = {
    "SD 1.5": Large("SD15", SD15),
    "SDXL": Large("SDXL", SDXL),
    "SD 3.5 medium": Large("SD3", SD35_MEDIUM, 16, False, tuple(map(_embedded, (1, 2, 3)))),
}


def fill(module: torch.nn.Module, seed: int, gain: float = 0.6) -> None:
    """Weights under which activations keep their size, in the precision that the module has."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in module.named_parameters():
        scale = gain / weight[0].numel() ** 0.5 if weight.ndim > 1 else 0.1
        start = 1.0 if weight.ndim == 1 and name.endswith("weight") else 0.0
        weight.data.normal_(generator=generator).mul_(scale).add_(start)
    for name, places in module.named_buffers():
        if name == "pos_embed":  # of SD 3, which the host leaves to the checkpoint
            places.normal_(generator=generator)
