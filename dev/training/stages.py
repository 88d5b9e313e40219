"""The stages of the training, each of which leaves a file in `dev/training/runs` for the next."""

import torch
from einops import rearrange
from safetensors.torch import load_file
from torch.optim.swa_utils import AveragedModel

from . import autoencoder, editor
from .checkpoint import RUNS, load_checkpoint, save_atomically
from .latents import GROUPS, encode, encode_all
from .pictures import panoramas
from .publish import publish_autoencoder, publish_editor
from .setup import pick_device
from .space import channel_statistics, fit_preview, standardise

FROZEN = RUNS / "frozen.safetensors"
LATENTS = RUNS / "latents.safetensors"
SAMPLE_SEED, SAMPLE_SCENES = 400_000, 24


def averaged_autoencoder(path=autoencoder.CHECKPOINT) -> torch.nn.Module:
    """The moving average of a training run, ready to be used."""
    model = autoencoder.new_autoencoder()
    average = AveragedModel(model)
    if load_checkpoint(path, model, average)[0] == 0:
        raise FileNotFoundError(f"Expected a trained autoencoder in {path}; run the stage before this one.")
    return average.module.to(pick_device()).requires_grad_(False)


def freeze() -> None:
    """Centre and scale the latent space of the trained autoencoder, publish it."""
    model = averaged_autoencoder()
    sample = rearrange(panoramas(SAMPLE_SEED, SAMPLE_SCENES), "n l c h w -> (n l) c h w")
    scale = standardise(model, *channel_statistics(encode(model, sample, "a sample", batch=1)))
    rgb = fit_preview(encode(model, sample, "the sample again", batch=1), sample, scale)
    save_atomically({**model.state_dict(), "scale": torch.tensor(scale), "rgb": rgb}, FROZEN)
    publish_autoencoder(model, scale, rgb)


def frozen_autoencoder() -> tuple[torch.nn.Module, float, torch.Tensor]:
    """The autoencoder after `freeze`, its latent scale and preview colours."""
    tensors = load_file(FROZEN)
    scale, rgb = float(tensors.pop("scale")), tensors.pop("rgb")
    model = autoencoder.new_autoencoder()
    model.load_state_dict(tensors)
    return model.to(pick_device()), scale, rgb


def prepare_latents(scenes: int, photos: int) -> None:
    model, _, _ = frozen_autoencoder()
    save_atomically(encode_all(model.requires_grad_(False), scenes, photos), LATENTS)


def train_decoder(minutes: float) -> None:
    """Train the decoder further, then publish it with the frozen encoder."""
    model, scale, rgb = frozen_autoencoder()
    autoencoder.train(model, minutes, decoder_only=True)
    publish_autoencoder(averaged_autoencoder(autoencoder.DECODER_CHECKPOINT), scale, rgb)


def train_editor(minutes: float) -> None:
    groups = {name: GROUPS[name](latents) for name, latents in load_file(LATENTS).items()}
    _, scale, _ = frozen_autoencoder()
    editor.train_editor(minutes, groups, scale, publish_editor)
