"""Training the second model's autoencoder: components of patches are fitted, only the correction is trained."""

import torch
from einops import rearrange
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ...demo.painter import LOOKS
from ...demo.patches import CHANNELS, PATCH, PatchAutoencoder, set_linear
from .checkpoint import RUNS, load_checkpoint
from .clock import Clock
from .pictures import HELD_OUT_SEED, panoramas, photographs, to_unit, varied
from .setup import Network, half_precision, random_crops

CHECKPOINT = RUNS / "patch_autoencoder.safetensors"
CROP, BATCH = 128, 16
PHOTO_SHARE = 6  # photographs and styled ones among the BATCH
LIGHT_DEVIATION = 0.2  # of the logarithm of the gain of each colour
DISTURBANCE = 0.02  # of the latents, which have about unit deviation: edited latents are never exact
EVENING = 0.75  # the power of its deviation that a component is divided by
PEAK_RATE = 1e-3
AVERAGE_DECAY = 0.99


class PictureSource:
    """Random crops in -1..1: painted panoramas in any look, photographs and styled ones, half of them in a light."""

    def __init__(self, scenes: int, photos: int, seed: int = 0):
        self.generator = torch.Generator().manual_seed(seed)
        self.panoramas = rearrange(panoramas(0, scenes), "n l c h w -> (n l) c h w")
        self.others = varied(photographs(1, photos, size=192))

    def crops(self, batch: int, size: int) -> torch.Tensor:
        painted = random_crops(self.panoramas, batch - PHOTO_SHARE, size, self.generator)
        others = random_crops(self.others, PHOTO_SHARE, size, self.generator)
        pictures = torch.cat([painted, others])
        if torch.rand((), generator=self.generator) < 0.5:
            pictures = pictures.flip(-1)
        gains = (LIGHT_DEVIATION * torch.randn(batch, 3, 1, 1, generator=self.generator)).exp()
        gains[torch.rand(batch, generator=self.generator) < 0.5] = 1
        return (to_unit(pictures) * gains).clamp(0, 1) * 2 - 1


def fit_linear(model: PatchAutoencoder, source: PictureSource, batches: int = 60) -> None:
    """Set the linear parts of `model` to the principal components of what `source` gives, evened out."""
    crops = torch.cat([source.crops(BATCH, CROP) for _ in range(batches)])
    patches = rearrange(crops, "n c (h p) (w q) -> (n h w) (c p q)", p=PATCH, q=PATCH).double()
    mean = patches.mean(dim=0)
    variances, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
    components = vectors.T.flip(0)[:CHANNELS]
    deviations = variances.flip(0)[:CHANNELS].sqrt()
    evened = deviations ** (1 - EVENING)
    factors = deviations**-EVENING / evened.square().mean().sqrt()
    print("Deviations of the latents:", [round(float(d), 2) for d in deviations * factors], flush=True)
    set_linear(model, mean.float(), components.float(), factors.float())


def new_autoencoder(source: PictureSource) -> PatchAutoencoder:
    model = PatchAutoencoder()
    fit_linear(model, source)
    model.encoder.requires_grad_(False)
    return model


def picture_loss(model: PatchAutoencoder, pictures: torch.Tensor) -> torch.Tensor:
    """The mean of the logarithm of every crop's squared error, which is PSNR: smooth crops count as much."""
    with torch.no_grad():
        latents = model.encode(pictures)
        latents = latents + DISTURBANCE * torch.rand(len(latents), 1, 1, 1) * torch.randn_like(latents)
    linear = model.linear(latents)
    with half_precision(pictures.device):
        correction = model.correction(latents.to(memory_format=torch.channels_last))
    errors = (linear + correction.float() - pictures).square().mean(dim=(1, 2, 3))
    return (errors + 1e-5).log().mean()


def restored_psnr(pictures: torch.Tensor, restored: torch.Tensor) -> torch.Tensor:
    """PSNR (dB) ``[B]`` of pictures in -1..1."""
    return -10 * ((restored.clamp(-1, 1) - pictures).square().mean(dim=(1, 2, 3)) / 4).log10()


@torch.no_grad()
def ceiling(model: PatchAutoencoder, scenes: int = 8) -> dict[str, float]:
    """PSNR (dB) of held-out panoramas by look, and of cuts of the training photographs that training did not see."""
    held_out = to_unit(panoramas(HELD_OUT_SEED, scenes)) * 2 - 1
    sets = {look: held_out[:, index] for index, look in enumerate(LOOKS)}
    sets["photographs"] = to_unit(photographs(99, 64)) * 2 - 1
    return {name: float(restored_psnr(p, model.decode(model.encode(p))).mean()) for name, p in sets.items()}


def told(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {score:.2f} dB" for name, score in scores.items())


def averaged_autoencoder() -> PatchAutoencoder:
    """The moving average of the training, ready to be used."""
    average = AveragedModel(PatchAutoencoder())
    if load_checkpoint(CHECKPOINT, PatchAutoencoder(), average)[0] == 0:
        raise FileNotFoundError(f"Expected a trained autoencoder in {CHECKPOINT}; run the stage before this one.")
    averaged: Network = average.module
    return averaged.requires_grad_(False)


def train(minutes: float, scenes: int = 200, photos: int = 600) -> None:
    """Train for `minutes` in all, resuming where a checkpoint is."""
    source = PictureSource(scenes, photos)
    model = new_autoencoder(source)
    print("Linear: " + told(ceiling(model)), flush=True)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=PEAK_RATE, betas=(0.9, 0.99), weight_decay=1e-3)
    clock = Clock(CHECKPOINT, model, average, optimiser, minutes, PEAK_RATE)
    source.generator.manual_seed(clock.step + 1)
    while clock.running():
        clock.step_with(picture_loss(model, source.crops(BATCH, CROP)))
    clock.finish()
    averaged: Network = average.module
    print("Corrected: " + told(ceiling(averaged)), flush=True)
