"""Conditioning and masks made to fit the particles, before any model runs.

The host resizes and repeats whatever does not fit, silently. Here everything that comes in a batch
or has a place in the image either fits the particles, is cut into windows with the canvas, or is refused:

    batch of N particles        one row for each particle
    batch of 1                  shared by all
    size of the canvas          split into windows, as the latents were
    size of a particle          as it is
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...csd.windows import Windows
from ..layout import Layout, pad
from . import control


@dataclass(frozen=True)
class Fit:
    """What everything has to fit.

    count    number of particles N
    size     (h, w) of a particle in latent cells
    layout   where the particles lie on a canvas, if on one
    """

    count: int
    size: tuple[int, int]
    layout: Layout | None = None

    @property
    def windows(self) -> Windows | None:
        return self.layout and self.layout.windows.rescaled(self.size)

    def batch(self, name: str, tensor: Tensor) -> Tensor:
        """The tensor itself, if it has one row for all or one for each particle."""
        if tensor.shape[0] not in (1, self.count):
            raise ValueError(
                f"{name}: got a batch of {tensor.shape[0]} for {self.count} particles, expected 1 (shared) or "
                f"{self.count} (one each)."
            )
        return tensor

    def image(self, name: str, tensor: Tensor) -> Tensor:
        """A tensor [B, ..., H, W] with a place in the image, cut into windows where it spans the canvas."""
        if _scale(tensor, self.size):
            return self.batch(name, tensor)
        windows = self.windows
        if windows is not None:
            whole = self._padded(tensor, windows)
            scale = _scale(whole, windows.canvas)
            if scale and whole.shape[0] in (1, windows.batch):
                finer = windows.rescaled((windows.window[0] * scale, windows.window[1] * scale))
                return finer.split(whole.expand(windows.batch, *whole.shape[1:]))
        raise ValueError(self._misfit(name, tensor))

    def _padded(self, tensor: Tensor, windows: Windows) -> Tensor:
        """Images of the size before padding get the padding that the split image got."""
        if self.layout is None or tuple(tensor.shape[-2:]) != self.layout.size:
            return tensor
        flat = tensor.reshape(-1, 1, *tensor.shape[-2:]).float()
        padded = pad(flat, self.layout.windows.canvas).to(tensor.dtype)
        return padded.reshape(*tensor.shape[:-2], *self.layout.windows.canvas)

    def _misfit(self, name: str, tensor: Tensor) -> str:
        got = f"{tensor.shape[0]} of {tensor.shape[-1]} x {tensor.shape[-2]}"
        expected = f"particles of {self.size[1]} x {self.size[0]} latent cells"
        if self.windows is not None:
            expected += f" or the canvas of {self.windows.canvas[1]} x {self.windows.canvas[0]}"
        return f"{name}: got {got}, expected the size of the {expected}, or a whole multiple of it; resize or split it."


def _scale(tensor: Tensor, size: tuple[int, int]) -> int:
    """k where the tensor's last two axes are k times `size`, else 0."""
    (height, width), (h, w) = tensor.shape[-2:], size
    return height // h if height % h == 0 and width % w == 0 and height // h == width // w else 0


def without_image(conds: list[dict]) -> list[dict]:
    """The same conditioning with no image: zeros for concatenated images, no reference latents."""
    stripped = [{key: value for key, value in cond.items() if key != "reference_latents"} for cond in conds]
    for cond in stripped:
        if "concat_latent_image" in cond:
            cond["concat_latent_image"] = torch.zeros_like(cond["concat_latent_image"])
    return stripped


def fit_conds(fit: Fit, name: str, conds: list[dict], chains: dict) -> list[dict]:
    """Conditioning (as the guider keeps it) that fits the particles. `chains` shares ControlNet copies."""
    if not conds:
        raise ValueError(f"{name}: got an empty conditioning, expected at least one prompt.")
    return [_fit_cond(fit, name, cond, chains) for cond in conds]


def _fit_cond(fit: Fit, name: str, cond: dict, chains: dict) -> dict:
    fitted = cond.copy()
    for key in ("cross_attn", "pooled_output"):
        if isinstance(cond.get(key), Tensor):
            fitted[key] = fit.batch(f"{name} prompt ({key})", cond[key])
    for key in ("concat_latent_image", "concat_mask", "noise_concat"):
        if isinstance(cond.get(key), Tensor):
            fitted[key] = fit.image(f"{name} {key}", cond[key])
    if cond.get("reference_latents"):
        fitted["reference_latents"] = [fit.image(f"{name} reference latent", x) for x in cond["reference_latents"]]
    if cond.get("control") is not None:
        fitted["control"] = control.fit(fit, f"{name} ControlNet hint", cond["control"], chains)
    _fit_region(fit, name, fitted)
    return fitted


def _fit_region(fit: Fit, name: str, cond: dict) -> None:
    """Masks and areas of a prompt; with a layout an area of the canvas becomes a mask of each window."""
    if isinstance(cond.get("mask"), Tensor):
        mask = cond["mask"]
        cond["mask"] = fit.image(f"{name} mask", mask[None] if mask.ndim == 2 else mask)
        cond["set_area_to_bounds"] = False
    if fit.layout is None:
        return
    if "gligen" in cond:
        raise ValueError(f"{name}: got GLIGEN boxes, which cannot be split into windows; remove them or use a mask.")
    if "area" in cond:
        windows = fit.windows
        inside = windows.split(_area_mask(cond.pop("area"), windows))
        cond["mask"] = inside if "mask" not in cond else _resized(cond["mask"], fit.size) * inside


def _area_mask(area: tuple, windows: Windows) -> Tensor:
    height, width = windows.canvas
    if area[0] == "percentage":
        h, w, y, x = (round(part * size) for part, size in zip(area[1:], (height, width, height, width)))
    else:
        h, w, y, x = area
    mask = torch.zeros(windows.batch, height, width)
    mask[:, y : y + max(h, 1), x : x + max(w, 1)] = 1
    return mask


def _resized(mask: Tensor, size: tuple[int, int]) -> Tensor:
    return torch.nn.functional.interpolate(mask[:, None].float(), size, mode="bilinear")[:, 0]
