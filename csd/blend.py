"""Blends finished pictures: each becomes the mean of what its partners show of the same thing.

    y_i(p) = (x_i(p) + sum_j w_ij(p) x_j(p')) / (1 + sum_j w_ij(p))
    w_ij(p) = v_ij(p) exp(-|x_j(p') - x_i(p)|^2 / t^2)

Here p' is the place where j shows what i shows at p, and v says whether j does show it. Blending removes the
flicker of the autoencoder, which no coupling of latents can. The weight falls with the difference in colour, so
a wrong correspondence leaves no ghost.
"""

import torch
from torch import Tensor

from .correspondence import Correspondence, pull
from .windows import as_size


def blend(pictures: Tensor, correspondence: Correspondence, strength: float = 1.0, tolerance: float = 0.3) -> Tensor:
    """Blend pictures [N, C, h, w] along their correspondence.

    strength    0 ... 1, how far each picture moves towards the mean
    tolerance   t > 0: the colour distance at which a partner's weight has fallen to 1 / e

    Raises ValueError where the correspondence has another number of pictures.
    """
    if len(pictures) != correspondence.count:
        raise ValueError(
            f"blend: got {len(pictures)} pictures and a correspondence of {correspondence.count}, expected as many; "
            "make the correspondence from the same pictures before they were edited."
        )
    if not (0 <= strength <= 1 and tolerance > 0):
        raise ValueError(
            f"blend: got strength {strength} and tolerance {tolerance}, expected 0 to 1 and a number above zero."
        )
    blended = torch.empty_like(pictures)
    for i, picture in enumerate(pictures):
        mean = _mean(picture, i, pictures, correspondence, tolerance)
        blended[i] = torch.lerp(picture, mean, strength)
    return blended


def _mean(picture: Tensor, i: int, pictures: Tensor, correspondence: Correspondence, tolerance: float) -> Tensor:
    """Picture i averaged with its partners. They are moved one at a time, which bounds memory."""
    total, mass = picture.clone(), torch.ones_like(picture[:1])
    for j in correspondence.partners(i):
        sight = correspondence.look(torch.tensor([[i, j]], device=pictures.device), as_size(pictures.shape[-2:]))
        moved = pull(pictures[j][None], sight)[0]
        distance = (moved - picture).square().sum(0, keepdim=True)
        weight = sight.valid * torch.exp(-distance / tolerance**2)
        total += weight * moved
        mass += weight
    return total / mass
