"""Training the autoencoder: first whole, then its decoder alone against a frozen encoder."""

import torch
from einops import rearrange
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ...demo.painter import LOOKS
from .checkpoint import RUNS
from .clock import Clock
from .pictures import HELD_OUT_SEED, panoramas, photographs, to_unit, varied
from .setup import Network, half_precision, initialise, random_crops, silence

CHECKPOINT = RUNS / "autoencoder.safetensors"
DECODER_CHECKPOINT = RUNS / "decoder.safetensors"
CROP = 96
BATCH = 5
PHOTO_SHARE = 1  # photographs and styled pictures among the BATCH
KL_WEIGHT = 1e-4
LIGHT_DEVIATION = 0.25  # of the logarithm of the gain of each colour
PEAK_RATE = 1.5e-3
DECODER_RATE = 8e-4
AVERAGE_DECAY = 0.995


def new_autoencoder() -> Network:
    """Fresh weights. The attention in the middle stays silent: a window and the whole picture then decode alike."""
    from ...host.demo_model import build_autoencoder

    model: Network = build_autoencoder()
    initialise(model)
    for half in (model.encoder, model.decoder):
        silence(half.mid.attn_1.proj_out, half.mid.block_1.conv2, half.mid.block_2.conv2)
        half.mid.attn_1.requires_grad_(False)
    return model


def moments(model: Network, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log variance of the latent, each ``[B, 4, H/8, W/8]``, of pictures in -1..1."""
    mean, log_variance = model.quant_conv(model.encoder(pictures)).chunk(2, dim=1)
    return mean, log_variance.clamp(-30, 20)


def decode(model: Network, latent: torch.Tensor) -> torch.Tensor:
    """Latents -> pictures in -1..1."""
    return model.decoder(model.post_quant_conv(latent))


def reconstruction_loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """L1 plus L2: the first for edges, the second is what PSNR measures."""
    error = output - target
    return error.abs().mean() + 4 * error.square().mean()


def joint_loss(model: Network, pictures: torch.Tensor) -> torch.Tensor:
    with half_precision(pictures.device):
        mean, log_variance = (part.float() for part in moments(model, pictures))
        sample = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        output = decode(model, sample)
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    return reconstruction_loss(output.float(), pictures) + KL_WEIGHT * divergence


def decoder_loss(model: Network, pictures: torch.Tensor) -> torch.Tensor:
    """The frozen encoder's mean, slightly disturbed: edited latents are never exact."""
    with half_precision(pictures.device):
        with torch.no_grad():
            mean, _ = moments(model, pictures)
        output = decode(model, mean + 0.03 * mean.std() * torch.randn_like(mean))
    return reconstruction_loss(output.float(), pictures)


class PictureSource:
    """Random crops in -1..1: mostly painted panoramas in any look, some photographs and styled pictures."""

    def __init__(self, scenes: int, photos: int, seed: int = 0):
        self.generator = torch.Generator().manual_seed(seed)
        self.panoramas = rearrange(panoramas(0, scenes), "n l c h w -> (n l) c h w")
        small = random_crops(self.panoramas, photos // 2, 128, self.generator)
        self.others = varied(torch.cat([photographs(1, photos), small]))

    def crops(self, batch: int, size: int) -> torch.Tensor:
        painted = random_crops(self.panoramas, batch - PHOTO_SHARE, size, self.generator)
        others = random_crops(self.others, PHOTO_SHARE, size, self.generator)
        pictures = torch.cat([painted, others])
        if torch.rand((), generator=self.generator) < 0.5:
            pictures = pictures.flip(-1)
        return self._in_lights(to_unit(pictures)) * 2 - 1

    def _in_lights(self, pictures: torch.Tensor) -> torch.Tensor:
        """Every second picture in a light of any colour, so that colours are not learnt by heart."""
        gains = (LIGHT_DEVIATION * torch.randn(len(pictures), 3, 1, 1, generator=self.generator)).exp()
        gains[torch.rand(len(pictures), generator=self.generator) < 0.5] = 1
        return (pictures * gains).clamp(0, 1)


@torch.no_grad()
def ceiling(model: Network, scenes: int = 4, width: int = 512) -> dict[str, float]:
    """PSNR (dB) of held-out panoramas through the autoencoder, mean per look."""
    device = next(model.parameters()).device
    held_out = to_unit(panoramas(HELD_OUT_SEED, scenes, width=width)).to(device)
    scores = {}
    for index, look in enumerate(LOOKS):
        pictures = held_out[:, index] * 2 - 1
        restored = torch.cat([decode(model, moments(model, one)[0]) for one in pictures.split(1)]).clamp(-1, 1)
        error = (restored - pictures).square().mean(dim=(1, 2, 3)) / 4
        scores[look] = float((-10 * error.log10()).mean())
    return scores


def set_trained(model: Network, decoder_only: bool) -> None:
    """Say which weights may change: never the silent attention, with `decoder_only` only those behind the latent."""
    model.requires_grad_(True)
    silent = [model.encoder.mid.attn_1, model.decoder.mid.attn_1]
    for part in [*silent, model.encoder, model.quant_conv] if decoder_only else silent:
        part.requires_grad_(False)


def train(
    model: Network, minutes: float, decoder_only: bool = False, scenes: int = 200, photos: int = 600
) -> None:
    """Train `model` for `minutes` in all, resuming where a checkpoint is."""
    set_trained(model, decoder_only)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY))
    peak = DECODER_RATE if decoder_only else PEAK_RATE
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=peak, betas=(0.9, 0.99), weight_decay=1e-3)
    clock = Clock(DECODER_CHECKPOINT if decoder_only else CHECKPOINT, model, average, optimiser, minutes, peak)
    source = PictureSource(scenes, photos, seed=clock.step)
    loss_of = decoder_loss if decoder_only else joint_loss
    device = next(model.parameters()).device
    while clock.running():
        clock.step_with(loss_of(model, source.crops(BATCH, CROP).to(device)))
    clock.finish()
    scores = ceiling(average.module)
    print("Held-out PSNR: " + ", ".join(f"{look} {score:.2f} dB" for look, score in scores.items()), flush=True)
