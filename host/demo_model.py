"""The demo model: ComfyUI's own model classes in tiny sizes, with the weights in `demo/weights`."""

from functools import cache
from pathlib import Path
from typing import Any

import comfy.clip_model
import comfy.latent_formats
import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.sd
import comfy.sd1_clip
import comfy.supported_models
import comfy.supported_models_base
import torch
from comfy.ldm.models.autoencoder import AutoencoderKL
from comfy.ldm.modules.attention import optimized_attention_for_device
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from safetensors.torch import load_file

from ..demo.preview import preview_features

WEIGHTS = Path(__file__).resolve().parents[1] / "demo" / "weights"
VAE_FILE, EDITOR_FILE = "demo_vae.safetensors", "demo_editor.safetensors"
VOCABULARY = 49408

VAE_CONFIG = {
    "ddconfig": {
        "double_z": True,
        "z_channels": 4,
        "resolution": 128,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 64,
        "ch_mult": [1, 1, 2, 2],
        "num_res_blocks": 1,
        "attn_resolutions": [],
        "dropout": 0.0,
    },
    "embed_dim": 4,
}
CLIP_CONFIG = {
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "hidden_act": "quick_gelu",
    "max_position_embeddings": 77,
    "eos_token_id": 49407,
}
UNET_CONFIG = {
    "image_size": 32,
    "in_channels": 8,
    "out_channels": 4,
    "model_channels": 64,
    "num_res_blocks": [1, 1, 1],
    "channel_mult": [1, 2, 3],
    "transformer_depth": [0, 1, 1],
    "transformer_depth_output": [0, 0, 1, 1, 0, 0],
    "transformer_depth_middle": -1,
    "use_spatial_transformer": True,
    "use_linear_in_transformer": False,
    "context_dim": CLIP_CONFIG["hidden_size"],
    "adm_in_channels": None,
    "use_temporal_attention": False,
    "legacy": False,
}


class DemoLatentFormat(comfy.latent_formats.LatentFormat):
    """Latents are scaled to unit standard deviation.

    rgb   ``[25, 3]``, maps `preview_features` and a constant 1 to colours in -1..1
    """

    def __init__(self, scale_factor: float, rgb: torch.Tensor):
        self.scale_factor = scale_factor
        self.latent_rgb_factors = rgb[:-1].tolist()
        self.latent_rgb_factors_bias = rgb[-1].tolist()
        self.latent_rgb_factors_reshape = preview_features


def read_weights(name: str, folder: Path = WEIGHTS) -> dict[str, torch.Tensor]:
    """Reads one of the demo model's files, floats as float32. Raises FileNotFoundError that says what to do."""
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(
            f"The demo model's weights are not there: expected {name} in {folder}. "
            "They belong to the repository; check it out again, or train them with `make demo-model`."
        )
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in load_file(path).items()}


def part_of(weights: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names start with `prefix`, by their names without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def build_autoencoder() -> AutoencoderKL:
    """The host's KL autoencoder in the demo model's size: 8 pixels per cell, 4 channels. Weights are not set."""
    return AutoencoderKL(**VAE_CONFIG)


def unet_settings(**sizes: Any) -> dict:
    """`UNET_CONFIG` with `sizes` replaced. Lists are copied, as the host empties them while it builds."""
    settings = {**UNET_CONFIG, **comfy.supported_models.SD15_instructpix2pix.unet_extra_config, **sizes}
    return {key: list(value) if isinstance(value, list) else value for key, value in settings.items()}


def build_unet() -> UNetModel:
    """The host's U-Net in the demo model's size, in float32. Weights are not set."""
    return UNetModel(**unet_settings(), operations=comfy.ops.disable_weight_init)


def build_text_model() -> comfy.clip_model.CLIPTextModel:
    """The host's CLIP text model in the demo model's size, in float32. Weights are not set."""
    return comfy.clip_model.CLIPTextModel(CLIP_CONFIG, torch.float32, None, comfy.ops.disable_weight_init)


def encode_with_gradient(model: comfy.clip_model.CLIPTextModel, embeddings: torch.Tensor) -> torch.Tensor:
    """The output of the text model for token embeddings ``[B, 77, width]``, with gradients.

    The host's own forward pass adds in place, which autograd refuses. The layers and their order are the host's.
    """
    inner: Any = model.text_model
    attention = optimized_attention_for_device(embeddings.device, mask=True, small_input=True)
    x = embeddings + inner.embeddings.position_embedding.weight
    mask = torch.full((x.shape[1], x.shape[1]), -torch.finfo(x.dtype).max, device=x.device).triu_(1)
    for layer in inner.encoder.layers:
        x = x + layer.self_attn(layer.layer_norm1(x), mask, attention)
        x = x + layer.mlp(layer.layer_norm2(x))
    return inner.final_layer_norm(x)


def tokenize(text: str) -> list[int]:
    """The 77 token ids that the host's own SD 1.5 tokenizer gives for a short text."""
    sections = _tokenizer().tokenize_with_weights(text)["l"]
    return [token for token, _weight in sections[0]]


@cache
def _tokenizer() -> comfy.sd1_clip.SD1Tokenizer:
    """Read once: it takes a third of a second."""
    return comfy.sd1_clip.SD1Tokenizer()


def full_table(rows: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """The embedding table of the whole vocabulary, from stored embeddings `table` ``[R + 1, width]``.

    rows   ``[R]``, token ids of the stored embeddings; all other ids share the last embedding
    """
    full = table[-1:].repeat(VOCABULARY, 1)
    full[rows] = table[:-1]
    return full


def model_of(
    config: comfy.supported_models_base.BASE,
    latent_format: comfy.latent_formats.LatentFormat,
    weights: dict[str, torch.Tensor],
) -> comfy.model_patcher.ModelPatcher:
    """The model that `config` describes, in float32, with the weights whose names begin with "unet."."""
    config.latent_format = latent_format
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({}, "")
    model.diffusion_model.load_state_dict(part_of(weights, "unet."))
    load, offload = comfy.model_management.get_torch_device(), comfy.model_management.unet_offload_device()
    return comfy.model_patcher.ModelPatcher(model.to(offload), load_device=load, offload_device=offload)


def clip_of(weights: dict[str, torch.Tensor]) -> comfy.sd.CLIP:
    """The text encoder in `weights`: the host's SD 1.5 class with the host's tokenizer."""
    target = comfy.supported_models_base.ClipTarget(comfy.sd1_clip.SD1Tokenizer, comfy.sd1_clip.SD1ClipModel)
    options = {"clip_l_model_config": CLIP_CONFIG, "dtype": torch.float32}
    clip = comfy.sd.CLIP(target, model_options=options)
    state = part_of(weights, "text.")
    table = full_table(weights["token_rows"], weights["token_table"])
    state["text_model.embeddings.token_embedding.weight"] = table
    clip.cond_stage_model.clip_l.transformer.load_state_dict(state)
    return clip


def load_demo_model(folder: Path = WEIGHTS) -> tuple[comfy.model_patcher.ModelPatcher, comfy.sd.CLIP, comfy.sd.VAE]:
    """Loads the embedded demo model: (MODEL, CLIP, VAE) for the host's own nodes, all in float32.

    Raises FileNotFoundError if the weights are not in `folder`.
    """
    autoencoder, editor = read_weights(VAE_FILE, folder), read_weights(EDITOR_FILE, folder)
    vae = comfy.sd.VAE(sd=part_of(autoencoder, "vae."), config={"params": VAE_CONFIG}, dtype=torch.float32)
    scale = float(autoencoder["latent_scale"])
    config = comfy.supported_models.SD15_instructpix2pix(unet_settings())
    return model_of(config, DemoLatentFormat(scale, autoencoder["latent_rgb"]), editor), clip_of(editor), vae
