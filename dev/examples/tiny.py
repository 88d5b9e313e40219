"""An InstructPix2Pix pipeline of diffusers' own classes, tiny and with random weights, and frames for it."""

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInstructPix2PixPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

WIDTH = 32


def tokenizer() -> CLIPTokenizer:
    """CLIP's own, with single letters for a vocabulary."""
    letters = [chr(code) + end for end in ("", "</w>") for code in range(33, 127)]
    words = [*letters, "<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, merges = Path(folder) / "vocab.json", Path(folder) / "merges.txt"
        vocabulary.write_text(json.dumps({word: number for number, word in enumerate(words)}))
        merges.write_text("#version: 0.2\n")
        return CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)


def pipeline(seed: int = 0) -> StableDiffusionInstructPix2PixPipeline:
    torch.manual_seed(seed)
    words: Any = tokenizer()
    unet = UNet2DConditionModel(
        in_channels=8,
        out_channels=4,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=8,
    )
    blocks: dict[str, Any] = {  # diffusers' own types have room for one block
        "block_out_channels": 4 * (32,),
        "down_block_types": 4 * ("DownEncoderBlock2D",),
        "up_block_types": 4 * ("UpDecoderBlock2D",),
    }
    vae = AutoencoderKL(latent_channels=4, **blocks)
    text = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
    )
    others: dict[str, Any] = {  # diffusers' own types know no pipeline without a safety checker
        "scheduler": DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }
    pipe = StableDiffusionInstructPix2PixPipeline(vae, CLIPTextModel(text), words, unet, **others)
    for part in (pipe.vae, pipe.unet, pipe.text_encoder):
        part.eval().requires_grad_(False)
    return pipe


def frames(count: int = 5, size: int = 64) -> torch.Tensor:
    """A camera that pans over coloured waves: [N, 3, size, size] in -1 ... 1."""
    x = torch.linspace(0, 4, 2 * size)
    waves = torch.stack([torch.sin(k * x[None, :] + x[:, None]) for k in (1, 2, 3)])
    return torch.stack([waves[:, :size, 8 * i : 8 * i + size] for i in range(count)])
