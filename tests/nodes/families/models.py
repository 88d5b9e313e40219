"""Tiny instances of the host's own classes, one for each family of models.

Prompts are of width 16 and 7 tokens. Latents have the channels of the real family; a particle is 8 x 8 cells.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import pytest
import torch

from ..conftest import CELLS, TOKENS, UNET, WIDTH, Tiny, fill, own, rand
from . import networks

of_the_pinned_host = pytest.mark.skipif(
    bool(os.environ.get("HOST")), reason="what is written down is about the pinned ComfyUI"
)
_REFERENCES, _CONCATENATED = "reference_latents", "concat_latent_image"
_HEADS = ("num_heads", "num_head_channels")  # of which some of the host's classes have their own
_PARAMETERS = {
    "flux": ("flux", "FluxParams"),
    "flux2": ("flux", "FluxParams"),
    "chroma": ("chroma", "ChromaParams"),
    "hunyuan_video": ("hunyuan_video", "HunyuanVideoParams"),
}
"""Package and class of the parameters of networks that have got new ones."""


def known(settings: dict) -> dict:
    """The settings of a network that this host knows: some are of newer hosts only."""
    if settings.get("image_model") not in _PARAMETERS:
        return settings
    package, parameters = _PARAMETERS[settings["image_model"]]
    there = fields(getattr(importlib.import_module(f"comfy.ldm.{package}.model"), parameters))
    return {name: settings[name] for name in ("image_model", *(field.name for field in there)) if name in settings}


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
    weights: tuple[tuple[str, float | list], ...] = ()

    def model(self, comfy, seed: int = 0, **changes):
        """A ModelPatcher on the CPU in float32."""
        config = getattr(comfy.supported_models, self.config)({**own(known(self.settings)), **changes})
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


def _llama(seed: int) -> dict:
    return {**_pooled(seed), "conditioning_llama3": rand(seed + 200, 1, 2, TOKENS, WIDTH)}


def _inpainted(channels: int, cells: int) -> Callable[[int], dict]:
    """The picture with a hole and the hole, as InpaintModelConditioning gives them: the same for every prompt."""
    hole = (rand(301, 1, 1, 8 * cells, 8 * cells) > 0).float()
    picture = rand(300, 1, channels, cells, cells)
    return lambda seed: {"concat_latent_image": picture, "concat_mask": hole}


FAMILIES = {
    "SD 1.5": Family("SD15", {**UNET, "in_channels": 4, "adm_in_channels": None}, channels=4),
    "InstructPix2Pix": Family(
        "SD15_instructpix2pix",
        {**UNET, "in_channels": 8, "adm_in_channels": None},
        channels=4,
        reference=_CONCATENATED,
    ),
    "SD 1.5 inpaint": Family(
        "SD15", {**UNET, "in_channels": 9, "adm_in_channels": None}, channels=4, entries=_inpainted(4, CELLS)
    ),
    "SD 2 v": Family(
        "SD20",
        {**UNET, "in_channels": 4, "adm_in_channels": None},
        channels=4,
        weights=(("output_blocks.11.1.transformer_blocks.0.norm1.bias", [0.0, 1.0]),),
    ),
    "SDXL": Family("SDXL", {**networks.SDXL, "in_channels": 4}, channels=4, entries=_large_pooled),
    "SDXL edit": Family(
        "SDXL_instructpix2pix",
        {**networks.SDXL, "in_channels": 8},
        channels=4,
        reference=_CONCATENATED,
        entries=_large_pooled,
    ),
    "CosXL": Family(
        "SDXL",
        {**networks.SDXL, "in_channels": 4},
        channels=4,
        entries=_large_pooled,
        weights=(("edm_vpred.sigma_max", 120.0), ("edm_vpred.sigma_min", 0.002)),
    ),
    "CosXL Edit": Family(
        "SDXL_instructpix2pix",
        {**networks.SDXL, "in_channels": 8},
        channels=4,
        reference=_CONCATENATED,
        entries=_large_pooled,
        weights=(("edm_vpred.sigma_max", 120.0), ("edm_vpred.sigma_min", 0.002)),
    ),
    "SD 3": Family("SD3", networks.SD3, entries=_pooled),
    "Flux dev": Family("Flux", networks.FLUX, entries=_pooled),
    "Flux Kontext": Family("Flux", networks.FLUX, reference=_REFERENCES, entries=_pooled),
    "Flux schnell": Family("FluxSchnell", {**networks.FLUX, "guidance_embed": False}, entries=_pooled),
    "Flux Fill": Family(
        "FluxInpaint",
        {**networks.FLUX, "in_channels": 96},
        entries=lambda seed: {**_pooled(seed), **_inpainted(16, CELLS)(seed)},
    ),
    "Flux.2": Family("Flux2", networks.FLUX2, channels=128, reference=_REFERENCES, entries=_pooled),
    "Chroma": Family("Chroma", networks.CHROMA, entries=_pooled),
    "AuraFlow": Family("AuraFlow", networks.AURA, channels=4),
    "HiDream": Family("HiDream", networks.HIDREAM, entries=_llama),
    "HunyuanImage": Family("HunyuanImage21", networks.HUNYUAN_IMAGE, channels=64),
    "Qwen-Image": Family("QwenImage", networks.QWEN, moments=1),
    "Qwen-Image-Edit": Family("QwenImage", networks.QWEN, moments=1, reference=_REFERENCES),
    "Lumina 2": Family("Lumina2", networks.LUMINA),
    "Z-Image": Family(
        "ZImage",
        {**networks.LUMINA, **networks.Z_IMAGE},
    ),
    "Omnigen2": Family("Omnigen2", networks.OMNIGEN, reference=_REFERENCES, entries=_masked),
    "Wan 2.1": Family("WAN21_T2V", {**networks.WAN, "in_dim": 16, "out_dim": 16}, moments=1),
    "Wan 2.2 5B": Family("WAN22_T2V", {**networks.WAN, "in_dim": 48, "out_dim": 48}, channels=48, moments=1),
    "LTXV": Family("LTXV", networks.LTXV, channels=128, moments=1, entries=_masked),
}


def video_vae(seed: int = 0):
    """A VAE of the host's Wan 2.1 class, which Qwen-Image shares: a batch of pictures is one clip to it."""
    network = importlib.import_module("comfy.ldm.wan.vae").WanVAE(dim=4, z_dim=16, dim_mult=[1, 2, 4, 4])
    fill(network, seed)
    return importlib.import_module("comfy.sd").VAE(sd=network.state_dict(), dtype=torch.float32)


def image_vae(seed: int = 0, channels: int = 16):
    """A VAE of the host's plain class, with the 16 channels of Flux, or as many as are asked for."""
    sizes = {"ch": 32, "ch_mult": [1, 1, 1, 1], "num_res_blocks": 1, "resolution": 64, "attn_resolutions": []}
    planes = {"in_channels": 3, "out_ch": 3, "z_channels": channels, "double_z": True}
    settings = {"ddconfig": {**sizes, **planes, "dropout": 0.0}, "embed_dim": channels}
    network = importlib.import_module("comfy.ldm.models.autoencoder").AutoencoderKL(**settings)
    fill(network, seed)
    made = importlib.import_module("comfy.sd").VAE
    return made(sd=network.state_dict(), config={"params": settings}, dtype=torch.float32)


CONTROLNETS = {
    "Qwen-Image": ("qwen_image", "QwenImageControlNetModel", {}, []),
    "Flux dev": ("flux", "ControlNetFlux", {"latent_input": True, "control_latent_channels": 16}, ["y", "guidance"]),
}
"""Whose hints go through a VAE: module and class of the network, further settings, and what else it is told."""


def controlnet(comfy, name: str):
    """A ControlNet of `CONTROLNETS` as the host's loaders put it together."""
    package, network, further, extra_conds = CONTROLNETS[name]
    module = importlib.import_module(f"comfy.ldm.{package}.controlnet")
    ops, family = importlib.import_module("comfy.ops").disable_weight_init, FAMILIES[name]
    made = getattr(module, network)(**own(known(family.settings)), **further, dtype=torch.float32, operations=ops)
    fill(made, 3, gain=1.4)
    made.eval().requires_grad_(False)
    format_, cpu = family.model(comfy).model.latent_format, torch.device("cpu")
    settings = {"compression_ratio": 1, "latent_format": format_, "load_device": cpu, "extra_conds": extra_conds}
    return comfy.controlnet.ControlNet(made, **settings)


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
