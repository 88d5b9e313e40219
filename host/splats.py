"""SPLAT on links: scenes of splats, as the splat nodes of newer ComfyUI hand them on.

Where the host has a class for them, its own is made. Where it has none, ours has the same fields, so that a workflow
means the same on both.
"""

import comfy.model_management
import torch
from comfy_api.latest import Types
from torch import Tensor

from ..splats.splats import Splats
from .io import custom

_FIELDS = {"positions": 3, "scales": 3, "rotations": 4, "opacities": 1}


class Splat:
    """B scenes of up to N splats each, as they are seen.

    positions   [B, N, 3] centres in world units
    scales      [B, N, 3] standard deviations in world units, above zero
    rotations   [B, N, 4] quaternions (w, x, y, z) of length one
    opacities   [B, N, 1] in 0 ... 1
    sh          [B, N, K, 3] spherical harmonics of red, green and blue
    counts      [B] how many of the N are there; None: all
    """

    def __init__(
        self,
        positions: Tensor,
        scales: Tensor,
        rotations: Tensor,
        opacities: Tensor,
        sh: Tensor,
        counts: Tensor | None = None,
    ):
        self.positions, self.scales, self.rotations = positions, scales, rotations
        self.opacities, self.sh, self.counts = opacities, sh, counts


Kind = getattr(Types, "SPLAT", Splat)
SplatType = custom("SPLAT", Kind)


def handed_on(splats: Splats):
    """Splats for a link, on the device where the host keeps what goes from node to node."""
    splats = splats.to(comfy.model_management.intermediate_device())
    rotations = torch.nn.functional.normalize(splats.rotations, dim=-1)
    parts = splats.positions, splats.scales, rotations, splats.opacities[:, None], splats.harmonics
    return Kind(*(part.detach()[None] for part in parts))


def received(splat) -> Splats:
    """Splats from a link, on the device that renders. ValueError where they are not those of one scene."""
    parts: dict[str, Tensor] = {}
    for name in (*_FIELDS, "sh"):
        part = getattr(splat, name, None)
        if not isinstance(part, Tensor) or not part.is_floating_point():
            raise ValueError(f"splat: got {type(part).__name__} as {name}, expected a tensor; connect a SPLAT.")
        parts[name] = part
    count = _count(splat, parts)
    for name, part in parts.items():
        last = (_FIELDS[name],) if name in _FIELDS else (part.shape[-2], 3) if part.ndim == 4 else ()
        if tuple(part.shape[1:]) != (parts["positions"].shape[1], *last):
            raise ValueError(
                f"splat: got {name} of shape {tuple(part.shape)}, expected [1, splats, ...]; make it anew."
            )
    found = {name: part[0, :count].to(device(), torch.float32) for name, part in parts.items()}
    harmonics, opacities = found.pop("sh"), found.pop("opacities")[:, 0]
    return Splats.linear(**found, opacities=opacities, harmonics=harmonics)


def _count(splat, parts: dict[str, Tensor]) -> int:
    """How many splats there are, of one scene."""
    scenes = parts["positions"].shape[0] if parts["positions"].ndim else 0
    if scenes != 1:
        raise ValueError(f"splat: got {scenes} scenes, expected one; choose one of the batch before this node.")
    counts = getattr(splat, "counts", None)
    count = parts["positions"].shape[1] if counts is None else int(counts[0])
    if not 1 <= count <= parts["positions"].shape[1]:
        raise ValueError(f"splat: got {count} splats, expected at least one; look at the node that made them.")
    return count


def device() -> torch.device:
    """Where splats are rendered: a CUDA device, if the host computes on one, or the CPU."""
    found = comfy.model_management.get_torch_device()
    return found if found.type == "cuda" else torch.device("cpu")
