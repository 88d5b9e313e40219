"""Latents of training windows: encoded one by one, as the host encodes them, and kept in half precision."""

from dataclasses import dataclass

import torch
from einops import rearrange
from tqdm import tqdm

from ...demo.painter import LOOKS, SOURCE, lit
from .autoencoder import moments
from .pictures import in_style, panoramas, photographs, quantise, to_unit
from .setup import half_precision, random_crops
from .styles import STYLES


@dataclass(frozen=True)
class WindowGroup:
    """Latents ``[windows, subjects, 4, h, w]`` of the same windows in several looks and styles.

    `sources` and `targets` are indices on the second axis with the weights of drawing them; `subjects` names them.
    """

    latents: torch.Tensor
    subjects: tuple[str, ...]
    sources: torch.Tensor
    targets: torch.Tensor


@torch.no_grad()
def encode(model: torch.nn.Module, pictures: torch.Tensor, title: str, batch: int = 8) -> torch.Tensor:
    """Encode uint8 ``[N, 3, H, W]`` -> mean latents ``[N, 4, H/8, W/8]`` in half precision."""
    device = next(model.parameters()).device
    parts = tqdm(pictures.split(batch), desc=f"encoding {title}", mininterval=10)
    latents = []
    for part in parts:
        with half_precision(device):
            mean, _ = moments(model, to_unit(part).to(device) * 2 - 1)
        latents.append(mean.half().cpu())
    return torch.cat(latents)


LIGHTS = 3  # drawn for every look of every window, but for the source's
SUBJECTS = tuple(look for look in LOOKS for _ in range(1 if look == SOURCE else LIGHTS))


def in_lights(windows: torch.Tensor, seed: int) -> torch.Tensor:
    """Windows in every look, uint8 ``[N, 5, 3, h, w]`` -> in random lights, as `SUBJECTS` lists them."""
    lights = torch.rand(len(windows), len(SUBJECTS), generator=torch.Generator().manual_seed(seed)) * 2 - 1
    looks = windows[:, [LOOKS.index(look) for look in SUBJECTS]]
    pairs = zip(looks, lights.tolist())
    return torch.stack([torch.stack(list(map(_in_light, window, SUBJECTS, light))) for window, light in pairs])


def _in_light(window: torch.Tensor, look: str, light: float) -> torch.Tensor:
    """uint8 ``[3, h, w]`` in another light."""
    return quantise(lit(rearrange(to_unit(window).numpy(), "c h w -> h w c"), look, light))


def landscape_windows(first_seed: int, scenes: int, per_scene: int, size: int) -> torch.Tensor:
    """Windows at random 8-pixel offsets of painted panoramas as tall as they are -> uint8 ``[N, 5, 3, size, size]``."""
    generator = torch.Generator().manual_seed(first_seed)
    painted = rearrange(panoramas(first_seed, scenes, height=size, width=4 * size), "n l c h w -> n (l c) h w")
    windows = torch.cat([random_crops(one[None], per_scene, size, generator, multiple=8) for one in painted])
    return rearrange(windows, "n (l c) h w -> n l c h w", l=len(LOOKS))


def with_styles(source: torch.Tensor) -> torch.Tensor:
    """uint8 ``[N, 3, H, W]`` -> its four styles ``[N, 4, 3, H, W]``."""
    return torch.stack([in_style(source, style) for style in STYLES], dim=1)


def encode_groups(model: torch.nn.Module, windows: torch.Tensor, title: str) -> torch.Tensor:
    """uint8 ``[N, S, 3, H, W]`` -> latents ``[N, S, 4, h, w]``."""
    flat = encode(model, rearrange(windows, "n s c h w -> (n s) c h w"), title)
    return rearrange(flat, "(n s) c h w -> n s c h w", s=windows.shape[1])


SOURCE_SHARES = {"summer": 0.82, "winter": 0.05, "autumn": 0.05, "sunset": 0.04, "night": 0.04}
TARGET_SHARES = {"summer": 0.10, "winter": 0.22, "autumn": 0.22, "sunset": 0.23, "night": 0.23}


def look_group(latents: torch.Tensor) -> WindowGroup:
    """Painted windows in every look and some lights; any look may be the source, mostly summer."""
    sources, targets = (torch.tensor([shares[look] for look in SUBJECTS]) for shares in (SOURCE_SHARES, TARGET_SHARES))
    return WindowGroup(latents, SUBJECTS, sources, targets)


def style_group(latents: torch.Tensor) -> WindowGroup:
    """Pictures of any kind and their styles; the picture itself is the source."""
    first = torch.eye(1 + len(STYLES))[0]
    return WindowGroup(latents, ("picture", *STYLES), first, 1 - first)


GROUPS = {"landscapes": look_group, "tall": look_group, "scenes": style_group, "photographs": style_group}


def encode_all(model: torch.nn.Module, scenes: int, photos: int) -> dict[str, torch.Tensor]:
    """The latents of every group, by name; `tall` are windows of 192 pixels, the others of 128."""
    summer = landscape_windows(500_000, scenes // 4, 2, 128)[:, 0]
    windows = {
        "landscapes": in_lights(landscape_windows(600_000, scenes, 4, 128), 3),
        "tall": in_lights(landscape_windows(700_000, scenes // 5, 2, 192), 4),
        "scenes": torch.cat([summer[:, None], with_styles(summer)], dim=1),
    }
    pictures = photographs(2, photos)
    windows["photographs"] = torch.cat([pictures[:, None], with_styles(pictures)], dim=1)
    return {name: encode_groups(model, group, name) for name, group in windows.items()}
