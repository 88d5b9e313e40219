"""Scores of the published weights on scenes that training never saw: `train --stage score`."""

from typing import Any

import torch

from ...demo.instructions import INSTRUCTIONS
from ...demo.painter import LOOKS, SOURCE
from .autoencoder import ceiling, moments
from .editor import noise_scheduler, noised
from .latents import landscape_windows
from .pictures import HELD_OUT_SEED, to_unit
from .setup import Network, pick_device

TIMESTEPS = (20, 100, 250, 500, 800)


@torch.no_grad()
def noise_errors(windows: int = 24) -> dict[str, list[float]]:
    """Mean squared error of the predicted noise per look, at each of `TIMESTEPS`, on held-out windows."""
    from ...host.demo_model import load_demo_model

    device = pick_device()
    patcher, clip, vae = load_demo_model()
    pictures = to_unit(landscape_windows(HELD_OUT_SEED + 100, windows // 2, 2, 128)).to(device) * 2 - 1
    autoencoder: Network = vae.first_stage_model
    unet: Network = patcher.model.diffusion_model.to(device)
    latents = torch.stack([moments(autoencoder.to(device), pictures[:, index])[0] for index in range(len(LOOKS))])
    source = latents[LOOKS.index(SOURCE)]
    errors = {}
    for look, target in zip(LOOKS, patcher.model.process_latent_in(latents)):
        embedded: Any = clip.encode_from_tokens(clip.tokenize(INSTRUCTIONS[look][0]))
        context = embedded.to(device).expand(len(source), -1, -1)
        errors[look] = [_error(unet, source, target, context, timestep) for timestep in TIMESTEPS]
    return errors


def _error(unet, source: torch.Tensor, target: torch.Tensor, context: torch.Tensor, timestep: int) -> float:
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(timestep)).to(target)
    timesteps = torch.full((len(target),), timestep, device=target.device)
    noisy = noised(noise_scheduler(), target, noise, timesteps)
    predicted = unet(torch.cat([noisy, source], dim=1), timesteps, context=context)
    return float((predicted - noise).square().mean())


def print_scores() -> None:
    from ...host.demo_model import load_demo_model

    autoencoder: Network = load_demo_model()[2].first_stage_model
    print("| look | PSNR through the autoencoder | noise error at t = " + ", ".join(map(str, TIMESTEPS)) + " |")
    errors = noise_errors()
    for look, score in ceiling(autoencoder.to(pick_device()), scenes=8).items():
        print(f"| {look} | {score:.2f} dB | " + ", ".join(f"{error:.3f}" for error in errors[look]) + " |", flush=True)
