"""Tiny models with a text encoder and a VAE that fit: what the loaders of a template give."""

from __future__ import annotations

import importlib

import torch

from ..conftest import WIDTH, fill
from .models import FAMILIES, video_vae, vision_clip

POOLED = {"adm_in_channels": WIDTH + 6 * 256}  # of SDXL: the pooled text, and six sizes and places
TINY = {
    "qwen_image_edit": ("Qwen-Image-Edit", {}),
    "flux_kontext": ("Flux Kontext", {}),
    "sdxl": ("SDXL", POOLED),
    "sd35": ("SD 3", {}),
    "cosxl_edit": ("CosXL Edit", POOLED),
    "z_image": ("Z-Image", {}),
    "sd15": ("SD 1.5", {}),
    "instruct_pix2pix": ("InstructPix2Pix", {}),
}


def small_clip(comfy):
    """The host's SD 1.5 text encoder with prompts of width 16."""
    encoders, base = (importlib.import_module(f"comfy.{name}") for name in ("sd1_clip", "supported_models_base"))
    sizes = {"hidden_size": WIDTH, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2}
    sizes |= {"hidden_act": "quick_gelu", "max_position_embeddings": 77, "eos_token_id": 49407}
    target = base.ClipTarget(encoders.SD1Tokenizer, encoders.SD1ClipModel)
    options = {"clip_l_model_config": sizes, "dtype": torch.float32}
    clip = importlib.import_module("comfy.sd").CLIP(target, model_options=options)
    fill(clip.cond_stage_model, 0)
    return clip


def whole(host, comfy, name: str) -> dict:
    """MODEL, CLIP and VAE of a family by its name in `TINY`."""
    title, changes = TINY[name]
    family = FAMILIES[title]
    if title == "Qwen-Image-Edit":
        clip, vae = vision_clip(comfy), video_vae()
    else:
        clip = small_clip(comfy)
        vae = host.run("CSDDemoModel", model="first" if family.channels == 4 else "sharp")[2]
    return {"MODEL": family.model(comfy, **changes), "CLIP": clip, "VAE": vae}
