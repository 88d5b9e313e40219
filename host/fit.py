"""Makes conditioning and masks fit the particles, before any model runs.

The host silently resizes and repeats what does not fit. Here it is refused. What has a batch or a place in the image
has to be one of these:

    batch of N particles        one row for each particle
    batch of 1                  shared by all
    size of the canvas          split into windows, like the latents
    size of a particle          used as it is
    reference of another size   used as it is: models look at a reference beside the particle, not under it
"""

import uuid
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..csd.windows import Windows, as_size
from ..media.layout import Layout, pad
from . import control

# Entries of a conditioning that have a place in the image. References need not have one.
_IMAGES = (
    "concat_latent_image",
    "concat_image",
    "concat_mask",
    "noise_concat",
    "control_video",
    "camera_conditions",
    "vace_frames",
    "vace_mask",
)
_REFERENCES = "reference_latents"


@dataclass(frozen=True)
class Fit:
    """What conditioning and masks have to fit.

    count    number of particles N
    size     (h, w) of a particle in latent cells
    layout   where the particles lie on a canvas; None: they are independent images
    moments  length T of the time axis of video latents [N, C, T, h, w]; None for [N, C, h, w]
    """

    count: int
    size: tuple[int, int]
    layout: Layout | None = None
    moments: int | None = None

    @classmethod
    def of(cls, latents: Tensor, layout: Layout | None = None) -> "Fit":
        moments = latents.shape[2] if latents.ndim == 5 else None
        return cls(latents.shape[0], as_size(latents.shape[-2:]), layout, moments)

    @cached_property
    def windows(self) -> Windows | None:
        return self.layout and self.layout.windows.rescaled(self.size)

    def batch(self, name: str, tensor: Tensor) -> Tensor:
        """The tensor itself. ValueError unless it has one row for all particles or one for each."""
        if tensor.shape[0] not in (1, self.count):
            raise ValueError(
                f"{name}: got a batch of {tensor.shape[0]} for {self.count} particles, expected 1 (shared) or "
                f"{self.count} (one each)."
            )
        return tensor

    def mask(self, name: str, mask: Tensor) -> Tensor:
        """A mask [H, W] or [B, ..., H, W]."""
        return self.image(name, mask[None] if mask.ndim == 2 else mask)

    def noise_mask(self, mask: Tensor) -> Tensor:
        """A noise mask [rows, ..., h, w]; for video latents [rows, 1, T, h, w], since the host takes rows for times."""
        mask = self.mask("noise mask", mask)
        return mask if self.moments is None else mask.reshape(mask.shape[0], 1, -1, *mask.shape[-2:])

    def in_time(self, mask: Tensor) -> Tensor:
        """A prompt's mask [rows, h, w]; for video latents [rows, T, h, w], since the host takes rows for times."""
        if self.moments is None:
            return mask
        return mask.reshape(mask.shape[0], -1, *mask.shape[-2:]).expand(-1, self.moments, -1, -1)

    def image(self, name: str, tensor: Tensor) -> Tensor:
        """A tensor [B, ..., H, W] with a place in the image, cut into windows where it spans the canvas."""
        if self._windows_on(tensor) is None and not _scale(tensor, self.size):
            raise ValueError(self._misfit(name, tensor))
        return self.reference(name, tensor)

    def reference(self, name: str, tensor: Tensor) -> Tensor:
        """A tensor [B, ..., H, W] of any size, cut into windows where it spans the canvas."""
        windows = self._windows_on(tensor)
        if windows is None:
            return self.batch(name, tensor)
        whole = pad(tensor, windows.canvas)
        return windows.split(whole.expand(windows.batch, *whole.shape[1:]))

    def _windows_on(self, tensor: Tensor) -> Windows | None:
        """The windows on the grid of a tensor that spans the canvas, padded or not; None if it has a particle's size.

        Both can be possible: a canvas of 2 x 2 windows is as large as a window at twice the scale. Then the exact sizes
        in latent cells and in pixels decide.
        """
        cells = self.windows
        if self.layout is None or cells is None or tensor.shape[0] not in (1, cells.batch):
            return None
        size, pixels = tuple(tensor.shape[-2:]), self.layout.windows
        for windows in (cells, pixels):
            in_pixels = tuple(n * p // w for n, p, w in zip(size, pixels.window, windows.window, strict=True))
            if in_pixels in (pixels.canvas, self.layout.size):
                return windows
        scale = 0 if size in (self.size, pixels.window) else _scale(tensor, cells.canvas)
        return cells.rescaled(as_size(scale * side for side in self.size)) if scale else None

    def _misfit(self, name: str, tensor: Tensor) -> str:
        got = f"{tensor.shape[0]} of {tensor.shape[-1]} x {tensor.shape[-2]}"
        expected = f"particles of {self.size[1]} x {self.size[0]} latent cells"
        if self.windows is not None:
            expected += f" or the canvas of {self.windows.canvas[1]} x {self.windows.canvas[0]}"
        return f"{name}: got {got}, expected the size of the {expected}, or a whole multiple of it; resize or split it."


def _scale(tensor: Tensor, size: tuple[int, int]) -> int:
    """k if the last two axes of the tensor are k times `size`, else 0."""
    (height, width), (h, w) = tensor.shape[-2:], size
    return height // h if height % h == 0 and width % w == 0 and height // h == width // w else 0


def without_image(conds: list[dict]) -> list[dict]:
    """The conditioning without its image: zeros for concatenated images, and no reference latents."""
    stripped = [{key: value for key, value in cond.items() if key != _REFERENCES} for cond in conds]
    for cond in stripped:
        cond["uuid"] = uuid.uuid4()  # nodes that cache by uuid must not mix it up with the original
        if "concat_latent_image" in cond:
            cond["concat_latent_image"] = torch.zeros_like(cond["concat_latent_image"])
    return stripped


def fit_conds(fit: Fit, name: str, conds: list[dict], chains: dict) -> list[dict]:
    """Makes conditioning fit the particles.

    conds    as the guider keeps it
    chains   copies of ControlNets, shared by all prompts
    """
    if not conds:
        raise ValueError(f"{name}: got an empty conditioning, expected at least one prompt.")
    return [_fit_cond(fit, name, cond, chains) for cond in conds]


def _fit_cond(fit: Fit, name: str, cond: dict, chains: dict) -> dict:
    fitted = {key: _fit_value(fit, f"{name} {key}", key, value) for key, value in cond.items()}
    if cond.get("control") is not None:
        fitted["control"] = control.fit(fit, f"{name} ControlNet hint", cond["control"], chains)
    _fit_region(fit, name, fitted)
    return fitted


def _fit_value(fit: Fit, name: str, key: str, value):
    """Makes one entry fit: an image, a list of images, another batch, or something without a batch."""
    if key in _IMAGES or key == _REFERENCES:
        fitted = fit.reference if key == _REFERENCES else fit.image
        return [fitted(name, part) for part in value] if isinstance(value, (list, tuple)) else fitted(name, value)
    batched = isinstance(value, Tensor) and value.ndim > 1 and key != "mask"
    return fit.batch(name, value) if batched else value


def _fit_region(fit: Fit, name: str, cond: dict) -> None:
    """Makes masks and areas of a prompt fit, in place."""
    if isinstance(cond.get("mask"), Tensor):
        cond["mask"] = fit.mask(f"{name} mask", cond["mask"])
    windows = fit.windows
    if windows is not None:
        _fit_area(fit, name, cond, windows)
    elif fit.moments is not None and "area" in cond:
        cond["area"] = _area_in_time(cond["area"])
    if fit.moments is not None:
        cond["set_area_to_bounds"] = False  # the host looks for bounds in two axes only
    if isinstance(cond.get("mask"), Tensor):
        cond["mask"] = fit.in_time(cond["mask"])


def _fit_area(fit: Fit, name: str, cond: dict, windows: Windows) -> None:
    """Turns an area of the canvas into a mask for each window, in place."""
    if "gligen" in cond:
        raise ValueError(f"{name}: got GLIGEN boxes, which cannot be split into windows; remove them or use a mask.")
    cond["set_area_to_bounds"] = False  # the host would take the bounds of all windows on top of each other
    if "area" in cond:
        inside = windows.split(_area_mask(cond.pop("area"), windows))
        cond["mask"] = inside if "mask" not in cond else _resized(cond["mask"], fit.size) * inside.to(cond["mask"])


def _area_in_time(area: tuple) -> tuple:
    """A relative area for video latents. If it names no times, it gets all of them: the host expects times."""
    if area[0] != "percentage" or len(area) != 5:
        return area
    _, height, width, y, x = area
    return ("percentage", 1.0, height, width, 0.0, y, x)


def _area_mask(area: tuple, windows: Windows) -> Tensor:
    """A mask [B, H, W] of an area (..., h, w, ..., y, x). Times that the area may name are ignored."""
    height, width = windows.canvas
    shares = area[0] == "percentage"
    numbers = area[1:] if shares else area
    sides, corner = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
    h, w, y, x = (*sides[-2:], *corner[-2:])
    if shares:
        h, w, y, x = round(h * height), round(w * width), round(y * height), round(x * width)
    mask = torch.zeros(windows.batch, height, width)
    mask[:, y : y + max(h, 1), x : x + max(w, 1)] = 1
    return mask


def _resized(mask: Tensor, size: tuple[int, int]) -> Tensor:
    return torch.nn.functional.interpolate(mask[:, None].float(), size, mode="bilinear")[:, 0]
