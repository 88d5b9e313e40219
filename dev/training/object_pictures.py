"""Training pictures of painted objects, over nothing, with where they are seen from."""

from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import load_file
from tqdm import tqdm

from ...demo.objects.kinds import COLOURS, KINDS, parts_of
from ...demo.objects.paint import View, painted
from ...splats.orbit import ABOVE, orbit
from .checkpoint import RUNS, save_atomically

PICTURES = RUNS / "object_pictures.safetensors"
SIDE = 96
VIEWS_OF_EACH = 4  # pictures of one object
LOWEST, HIGHEST = -10.0, 80.0  # degrees of elevation
FROM_ABOVE = 0.15  # of the views
SAVED_EVERY = 400


@dataclass(frozen=True)
class Pictures:
    """Pictures of objects.

    painted   uint8 ``[N, 4, 96, 96]``: colour over black, and alpha
    about     float32 ``[N, 4]``: numbers of kind and colour, azimuth and elevation in degrees
    """

    painted: torch.Tensor
    about: torch.Tensor

    def over(self, index: torch.Tensor, backgrounds: torch.Tensor) -> torch.Tensor:
        """float32 ``[B, 3, 96, 96]`` in -1..1 over colours ``[B, 3]`` in 0..1."""
        colour, alpha = (self.painted[index].float() / 255).split([3, 1], dim=1)
        return (colour + (1 - alpha) * backgrounds[:, :, None, None]) * 2 - 1

    def prompt(self, number: int) -> tuple[str, str, float, float]:
        """Kind, colour, azimuth and elevation of a picture."""
        kind, colour, azimuth, elevation = self.about[number].tolist()
        return list(KINDS)[int(kind)], list(COLOURS)[int(colour)], azimuth, elevation


def load() -> Pictures:
    tensors = load_file(PICTURES)
    return Pictures(tensors["painted"], tensors["about"])


def prepare(objects: int, first_seed: int = 0) -> None:
    """Paint `objects` objects of every kind and colour in turn, once, into `PICTURES`."""
    pictures, about = [], []
    for number in tqdm(range(objects), desc="painting objects", mininterval=10):
        kind, colour = number % len(KINDS), number // len(KINDS) % len(COLOURS)
        parts = parts_of(list(KINDS)[kind], list(COLOURS)[colour], first_seed + number)
        azimuth, elevation = _directions(first_seed + number)
        cameras = orbit(azimuth, elevation, (SIDE, SIDE))
        pictures += [_quantised(painted(parts, cameras, view)) for view in range(VIEWS_OF_EACH)]
        about += [(kind, colour, *angles) for angles in zip(azimuth, elevation)]
        if (number + 1) % SAVED_EVERY == 0 or number + 1 == objects:
            save_atomically({"painted": torch.stack(pictures), "about": torch.tensor(about)}, PICTURES)


def _directions(seed: int) -> tuple[list[float], list[float]]:
    """Azimuths all around, and elevations, most of them low; in degrees."""
    rng = np.random.default_rng([seed, 61])
    low, high = rng.uniform(LOWEST, ABOVE, VIEWS_OF_EACH), rng.uniform(ABOVE, HIGHEST, VIEWS_OF_EACH)
    azimuth = (rng.uniform(0, 360) + 360 / VIEWS_OF_EACH * np.arange(VIEWS_OF_EACH)) % 360
    return azimuth.tolist(), np.where(rng.uniform(size=VIEWS_OF_EACH) < FROM_ABOVE, high, low).tolist()


def _quantised(view: View) -> torch.Tensor:
    both = np.concatenate([view.colour, view.alpha[..., None]], -1)
    return torch.from_numpy((both * 255 + 0.5).clip(0, 255).astype(np.uint8)).movedim(-1, 0).contiguous()
