"""Deterministic style filters: instructions that apply to any picture."""

from collections.abc import Callable

import kornia
import torch


def monochrome(image: torch.Tensor) -> torch.Tensor:
    """Black and white, with a little more contrast."""
    grey = kornia.color.rgb_to_grayscale(image)
    return ((grey - 0.5) * 1.15 + 0.5).clamp(0, 1).expand_as(image)


def sepia(image: torch.Tensor) -> torch.Tensor:
    """Brown tones, from a dark brown to a warm white."""
    grey = kornia.color.rgb_to_grayscale(image)
    dark = image.new_tensor([0.16, 0.09, 0.04]).view(3, 1, 1)
    light = image.new_tensor([1.0, 0.91, 0.74]).view(3, 1, 1)
    return dark + (light - dark) * grey


def sketch(image: torch.Tensor) -> torch.Tensor:
    """Soft pencil: dark strokes along edges on light paper, with a hint of shading."""
    grey = kornia.color.rgb_to_grayscale(image)
    smooth = kornia.filters.gaussian_blur2d(grey, (7, 7), (1.2, 1.2))
    edges = kornia.filters.sobel(smooth, normalized=True)
    shading = 0.72 + 0.26 * kornia.filters.gaussian_blur2d(grey, (13, 13), (3.0, 3.0))
    paper = image.new_tensor([1.0, 0.985, 0.95]).view(3, 1, 1)
    return (shading * torch.exp(-8.0 * edges) * paper).clamp(0, 1)


def watercolour(image: torch.Tensor) -> torch.Tensor:
    """Flat pale washes: smoothed inside edges, few steps of brightness, on warm paper."""
    wash = kornia.filters.bilateral_blur(image, (5, 5), 0.15, (2.0, 2.0))
    hsv = kornia.color.rgb_to_hsv(wash)
    hue, saturation, value = hsv.unbind(dim=-3)
    steps = value * 5
    level = steps - torch.sin(2 * torch.pi * steps) / (2 * torch.pi)
    pale = torch.stack([hue, saturation * 0.75, (0.4 + 0.6 * level / 5).clamp(0, 1)], dim=-3)
    paper = image.new_tensor([1.0, 0.98, 0.93]).view(3, 1, 1)
    return kornia.color.hsv_to_rgb(pale) * paper


STYLES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "monochrome": monochrome,
    "sepia": sepia,
    "sketch": sketch,
    "watercolour": watercolour,
}


def apply_style(image: torch.Tensor, style: str) -> torch.Tensor:
    """Filter ``[B, 3, H, W]`` in 0..1 with one of `STYLES` -> the same shape and range; the input is left alone."""
    if style not in STYLES:
        raise ValueError(f"Got style {style!r}; expected one of {', '.join(STYLES)}.")
    if image.ndim != 4 or image.shape[1] != 3:
        raise ValueError(f"Got an image of shape {tuple(image.shape)}; expected [B, 3, H, W].")
    return STYLES[style](image)
