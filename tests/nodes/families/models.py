"""Tiny instances of the host's own classes, one for each family of models.

Prompts are of width 16 and 7 tokens. Latents have the channels of the real family; a particle is 8 x 8 cells.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from ..conftest import CELLS, TOKENS, UNET, WIDTH, Tiny, fill, own, rand

# For every family: the class of the host's `supported_models`, and how its network is made small.
_SDXL = {**UNET, "adm_in_channels": 2816, "num_classes": "sequential"}
_FLUX = {
    "image_model": "flux",
    "in_channels": 16,
    "out_channels": 16,
    "patch_size": 2,
    "vec_in_dim": WIDTH,
    "context_in_dim": WIDTH,
    "hidden_size": 32,
    "mlp_ratio": 2.0,
    "num_heads": 2,
    "depth": 1,
    "depth_single_blocks": 1,
    "axes_dim": [4, 6, 6],
    "theta": 10000,
    "qkv_bias": True,
    "guidance_embed": True,
}
_WAN = {
    "image_model": "wan2.1",
    "model_type": "t2v",
    "dim": 32,
    "ffn_dim": 32,
    "freq_dim": 16,
    "text_dim": WIDTH,
    "num_heads": 2,
    "num_layers": 1,
}
_LUMINA = {
    "image_model": "lumina2",
    "patch_size": 2,
    "in_channels": 16,
    "dim": 32,
    "n_layers": 1,
    "n_refiner_layers": 1,
    "n_heads": 2,
    "n_kv_heads": 2,
    "multiple_of": 8,
    "ffn_dim_multiplier": 1.0,
    "qk_norm": True,
    "cap_feat_dim": WIDTH,
    "axes_dims": [4, 6, 6],
    "axes_lens": [300, 64, 64],
}
_QWEN = {
    "image_model": "qwen_image",
    "num_layers": 1,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": WIDTH,
    "axes_dims_rope": [4, 6, 6],
}
_SD3 = {
    "patch_size": 2,
    "in_channels": 16,
    "depth": 1,
    "adm_in_channels": WIDTH,
    "context_embedder_config": {
        "target": "torch.nn.Linear",
        "params": {"in_features": WIDTH, "out_features": 64},
    },
    "pos_embed_max_size": 16,
    "num_patches": 256,
    "pos_embed_scaling_factor": None,
    "context_size": WIDTH,
}
_OMNIGEN = {
    "image_model": "omnigen2",
    "in_channels": 16,
    "hidden_size": 32,
    "num_layers": 1,
    "num_refiner_layers": 1,
    "num_attention_heads": 2,
    "num_kv_heads": 2,
    "multiple_of": 8,
    "axes_dim_rope": [4, 6, 6],
    "axes_lens": [300, 64, 64],
    "text_feat_dim": WIDTH,
}
_LTXV = {
    "image_model": "ltxv",
    "in_channels": 128,
    "cross_attention_dim": 32,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "caption_channels": WIDTH,
    "num_layers": 1,
}


_REFERENCES, _CONCATENATED = "reference_latents", "concat_latent_image"
_HEADS = ("num_heads", "num_head_channels")  # of which some of the host's classes have their own


@dataclass(frozen=True)
class Family:
    """How a family's model is made, and what its latents and prompts look like.

    settings   of the network; `config` names the class of the host's `supported_models`
    channels   of a latent
    moments    T of a latent [N, C, T, h, w]; None where it is [N, C, h, w]
    reference  the entry of a prompt that holds the source image, for edit models
    entries    what else a prompt holds beside its tokens
    weights    names by which the host tells one kind of the family from another
    """

    config: str
    settings: dict
    channels: int = 16
    moments: int | None = None
    reference: str | None = None
    entries: Callable[[int], dict] = field(default=lambda seed: {})
    weights: tuple[tuple[str, float], ...] = ()

    def model(self, comfy, seed: int = 0, **changes):
        """A ModelPatcher on the CPU in float32."""
        config = getattr(comfy.supported_models, self.config)({**own(self.settings), **changes})
        config.unet_config.update({key: self.settings[key] for key in _HEADS if key in self.settings})
        config.set_inference_dtype(torch.float32, None)
        model = config.get_model({name: torch.tensor(value) for name, value in self.weights}, "")
        for name, places in model.diffusion_model.named_buffers():
            if name == "pos_embed":  # of SD 3, which the host leaves to the checkpoint
                places.copy_(rand(seed, *places.shape))
        return Tiny(comfy)._patcher(model, seed)

    def latents(self, seed: int, count: int, size: tuple[int, int] = (CELLS, CELLS)) -> torch.Tensor:
        time = () if self.moments is None else (self.moments,)
        return rand(seed, count, self.channels, *time, *size)

    def image(self, latents: torch.Tensor) -> dict:
        """The entries by which a prompt shows the source images to an edit model."""
        if self.reference is None:
            return {}
        return {self.reference: [latents] if self.reference == _REFERENCES else latents}

    def prompt(self, seed: int, rows: int = 1, **entries) -> list:
        return [[rand(seed, rows, TOKENS, WIDTH), {**self.entries(seed), **entries}]]


def _pooled(seed: int) -> dict:
    return {"pooled_output": rand(seed + 100, 1, WIDTH)}


def _masked(seed: int) -> dict:
    return {"attention_mask": torch.ones(1, TOKENS, dtype=torch.long)}


def _large_pooled(seed: int) -> dict:
    return {"pooled_output": rand(seed + 100, 1, 1280)}


FAMILIES = {
    "SD 1.5": Family("SD15", {**UNET, "in_channels": 4, "adm_in_channels": None}, channels=4),
    "InstructPix2Pix": Family(
        "SD15_instructpix2pix",
        {**UNET, "in_channels": 8, "adm_in_channels": None},
        channels=4,
        reference=_CONCATENATED,
    ),
    "SDXL": Family("SDXL", {**_SDXL, "in_channels": 4}, channels=4, entries=_large_pooled),
    "SDXL edit": Family(
        "SDXL_instructpix2pix",
        {**_SDXL, "in_channels": 8},
        channels=4,
        reference=_CONCATENATED,
        entries=_large_pooled,
    ),
    "CosXL": Family(
        "SDXL",
        {**_SDXL, "in_channels": 4},
        channels=4,
        entries=_large_pooled,
        weights=(("edm_vpred.sigma_max", 120.0), ("edm_vpred.sigma_min", 0.002)),
    ),
    "CosXL Edit": Family(
        "SDXL_instructpix2pix",
        {**_SDXL, "in_channels": 8},
        channels=4,
        reference=_CONCATENATED,
        entries=_large_pooled,
        weights=(("edm_vpred.sigma_max", 120.0), ("edm_vpred.sigma_min", 0.002)),
    ),
    "SD 3": Family("SD3", _SD3, entries=_pooled),
    "Flux dev": Family("Flux", _FLUX, entries=_pooled),
    "Flux Kontext": Family("Flux", _FLUX, reference=_REFERENCES, entries=_pooled),
    "Flux schnell": Family("FluxSchnell", {**_FLUX, "guidance_embed": False}, entries=_pooled),
    "Qwen-Image": Family("QwenImage", _QWEN, moments=1),
    "Qwen-Image-Edit": Family("QwenImage", _QWEN, moments=1, reference=_REFERENCES),
    "Lumina 2": Family("Lumina2", _LUMINA),
    "Z-Image": Family("ZImage", {**_LUMINA, "dim": 256, "n_heads": 16, "n_kv_heads": 16, "z_image_modulation": True}),
    "Omnigen2": Family("Omnigen2", _OMNIGEN, reference=_REFERENCES, entries=_masked),
    "Wan 2.1": Family("WAN21_T2V", {**_WAN, "in_dim": 16, "out_dim": 16}, moments=1),
    "Wan 2.2 5B": Family("WAN22_T2V", {**_WAN, "in_dim": 48, "out_dim": 48}, channels=48, moments=1),
    "LTXV": Family("LTXV", _LTXV, channels=128, moments=1, entries=_masked),
}


def video_vae(seed: int = 0):
    """A VAE of the host's Wan 2.1 class, which Qwen-Image shares: a batch of pictures is one clip to it."""
    network = importlib.import_module("comfy.ldm.wan.vae").WanVAE(dim=4, z_dim=16, dim_mult=[1, 2, 4, 4])
    fill(network, seed)
    return importlib.import_module("comfy.sd").VAE(sd=network.state_dict(), dtype=torch.float32)


def vision_clip(comfy, seed: int = 0):
    """The text encoder of Qwen-Image-Edit, which looks at pictures: the host's classes, with one small layer each."""
    encoders, vision = (importlib.import_module(f"comfy.text_encoders.{name}") for name in ("qwen_image", "qwen_vl"))
    small = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 1}
    small |= {"num_attention_heads": 1, "num_key_value_heads": 1}
    options = {"qwen25_7b_model_config": small, "dtype": torch.float32, "initial_device": torch.device("meta")}
    target = comfy.supported_models_base.ClipTarget(encoders.QwenImageTokenizer, encoders.QwenImageTEModel)
    clip = importlib.import_module("comfy.sd").CLIP(target, model_options=options)
    transformer, sizes = clip.cond_stage_model.qwen25_7b.transformer, {"num_heads": 2, "num_layers": 1}
    sizes |= {"hidden_size": 32, "output_hidden_size": WIDTH, "intermediate_size": 32}
    ops = importlib.import_module("comfy.ops").manual_cast
    transformer.visual = vision.Qwen2VLVisionTransformer(**sizes, dtype=torch.float32, device="cpu", ops=ops)
    clip.cond_stage_model.to_empty(device="cpu")
    fill(clip.cond_stage_model, seed)
    return clip
