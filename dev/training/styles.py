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


def golden(image: torch.Tensor) -> torch.Tensor:
    """The light of a low sun: warm, with a soft glow around what is bright and a violet tint in what is dark."""
    grey = kornia.color.rgb_to_grayscale(image)
    glow = kornia.filters.gaussian_blur2d((image - 0.55).clamp(min=0), (15, 15), (4.0, 4.0))
    warm = image.new_tensor([1.14, 0.96, 0.66]).view(3, 1, 1)
    shade = image.new_tensor([0.05, 0.0, 0.06]).view(3, 1, 1) * (1 - grey)
    return (image * warm + shade + 0.6 * glow * warm).clamp(0, 1)


def fog(image: torch.Tensor) -> torch.Tensor:
    """A grey veil, thicker over what is bright, as the sky and far hills are."""
    grey = kornia.color.rgb_to_grayscale(image)
    pale = grey + (kornia.filters.gaussian_blur2d(image, (5, 5), (1.0, 1.0)) - grey) * 0.6
    thick = 0.45 + 0.3 * kornia.filters.gaussian_blur2d(grey, (15, 15), (4.0, 4.0))
    veil = image.new_tensor([0.80, 0.83, 0.86]).view(3, 1, 1)
    return pale + (veil - pale) * thick


def kuwahara(image: torch.Tensor, radius: int) -> torch.Tensor:
    """Strokes with sharp ends: the mean of that square at a pixel, of four, that varies least (Kuwahara, 1976)."""
    side = radius + 1
    padded = torch.nn.functional.pad(image, [radius] * 4, mode="replicate")
    mean, square = (torch.nn.functional.avg_pool2d(x, side, 1) for x in (padded, padded**2))
    spread = (square - mean**2).sum(dim=1, keepdim=True)
    height, width = image.shape[-2:]
    corners = [(y, x) for y in (0, radius) for x in (0, radius)]
    means, spreads = (
        torch.stack([part[..., y : y + height, x : x + width] for y, x in corners]) for part in (mean, spread)
    )
    return means.gather(0, spreads.argmin(dim=0, keepdim=True).expand(-1, -1, 3, -1, -1))[0]


def oil(image: torch.Tensor) -> torch.Tensor:
    """Strokes of even, rich colour."""
    strokes = kuwahara(image, 3)
    grey = kornia.color.rgb_to_grayscale(strokes)
    return ((grey + (strokes - grey) * 1.35 - 0.5) * 1.12 + 0.5).clamp(0, 1)


def cartoon(image: torch.Tensor) -> torch.Tensor:
    """Even areas of strong colour in few steps of brightness, with dark outlines."""
    even = kuwahara(image, 2)
    outline = kornia.filters.sobel(kornia.color.rgb_to_grayscale(even), normalized=True)
    hsv = kornia.color.rgb_to_hsv(even)
    hue, saturation, value = hsv.unbind(dim=-3)
    steps = value * 5
    level = (steps - torch.sin(2 * torch.pi * steps) / (2 * torch.pi)) / 5
    strong = torch.stack([hue, (saturation * 1.5).clamp(max=1), (level * 1.08 + 0.04).clamp(0, 1)], dim=-3)
    return kornia.color.hsv_to_rgb(strong) * (1 - ((outline - 0.06) * 9).clamp(0, 0.85))


def day_for_night(image: torch.Tensor) -> torch.Tensor:
    """Night on a photograph taken by day: dark and blue, as films did it."""
    grey = kornia.color.rgb_to_grayscale(image)
    dim = (grey + (image - grey) * 0.55) ** 1.35
    return dim * image.new_tensor([0.26, 0.38, 0.66]).view(3, 1, 1) + image.new_tensor([0.01, 0.02, 0.06]).view(3, 1, 1)


def turned_leaves(image: torch.Tensor) -> torch.Tensor:
    """Autumn on a photograph: what is green turns orange, the rest a little warmer."""
    hue, saturation, value = kornia.color.rgb_to_hsv(image).unbind(dim=-3)
    degrees = hue * (180 / torch.pi)
    green = ((degrees - 45) / 20).clamp(0, 1) * ((175 - degrees) / 20).clamp(0, 1)
    turned = degrees + green * (18 + 0.18 * (degrees - 45) - degrees)
    rich = (saturation * (1 + 0.5 * green)).clamp(max=1)
    leaves = kornia.color.hsv_to_rgb(torch.stack([turned * (torch.pi / 180), rich, value], dim=-3))
    return (leaves * image.new_tensor([1.05, 0.99, 0.9]).view(3, 1, 1)).clamp(0, 1)


STYLES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "monochrome": monochrome,
    "sepia": sepia,
    "sketch": sketch,
    "watercolour": watercolour,
    "golden": golden,
    "fog": fog,
    "oil": oil,
    "cartoon": cartoon,
}
# Looks that a filter can give a photograph. Painted scenes have them from the painter.
PHOTOGRAPHED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"night": day_for_night, "autumn": turned_leaves}


def apply_style(image: torch.Tensor, style: str) -> torch.Tensor:
    """Filter ``[B, 3, H, W]`` in 0..1 with one of `STYLES` or `PHOTOGRAPHED` -> another of its shape and range."""
    styles = STYLES | PHOTOGRAPHED
    if style not in styles:
        raise ValueError(f"Got style {style!r}; expected one of {', '.join(styles)}.")
    if image.ndim != 4 or image.shape[1] != 3:
        raise ValueError(f"Got an image of shape {tuple(image.shape)}; expected [B, 3, H, W].")
    return styles[style](image)
