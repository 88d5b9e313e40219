"""A scene edited in the loop: its views move together in the space of the model, and the splats follow.

In each round the splats are rendered and encoded, x = encode(render(theta)). The views take some steps there, from x
to x', and theta is fitted to the pictures decode(x'). No gradient goes through the VAE, so any VAE will do. What the
views do not agree on cannot enter the scene.

Adding what the VAE loses, render(theta) - decode(x), to the pictures keeps more detail of an unedited scene. But that
detail has the colours from before the edit, and edited scenes come out tinted by it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ..media.work import Follow
from .fit import Fitting, fitted
from .scene import SplatScene
from .splats import Splats


@dataclass(frozen=True)
class Codec:
    """Between pictures and latents.

    encode   pictures [N, H, W, 3] in 0 ... 1 -> latents
    decode   latents -> pictures of the same size
    adjoint  (pictures, directions of their latents) -> directions of the pictures, by the gradient of `encode`. None:
             directions go back by what they change in decoded pictures, without a gradient
    """

    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]
    adjoint: Callable[[Tensor, Tensor], Tensor] | None = None

    def back(self, pictures: Tensor, x: Tensor, direction: Tensor) -> Tensor:
        """A direction of the latents x of pictures [N, H, W, 3], as one of the pictures."""
        if self.adjoint:
            return self.adjoint(pictures, direction.to(x))
        return self.decode(x) - self.decode(x - direction.to(x))


Move = Callable[[Tensor, Tensor, int], Tensor]
"""(latents of the unedited views, latents now, number of the round) -> latents after the steps of the round."""


@dataclass(frozen=True, eq=False)
class Edit:
    """An edit of a scene after some rounds.

    splats    the scene
    latents   [N, C, h, w] of its views, from where the next round goes on
    rounds    how many there were
    """

    splats: Splats
    latents: Tensor
    rounds: int = 0


def edits(
    splats: Splats,
    scene: SplatScene,
    codec: Codec,
    move: Move,
    rounds: int,
    fitting: Fitting,
    masks: Tensor | None = None,
    follow: Follow = iter,
    begin: Callable[[Edit], Edit] = lambda start: start,
) -> Iterator[Edit]:
    """Yields where the edit begins, and where it is after each round. ValueError where the VAE changes sizes.

    begin   the edit before the first round -> the one to go on from, where some rounds were made already
    """
    pictures = shown(splats, scene, follow)
    source = codec.encode(pictures)
    _refuse_other_size(codec.decode(source[:1]), pictures[:1])
    edit = begin(Edit(splats, source))
    yield edit
    for number in range(edit.rounds, rounds):
        latents = move(source, edit.latents, number)
        wanted = codec.decode(latents).clamp(0, 1)
        splats = fitted(edit.splats, scene, wanted, masks, fitting, follow)
        if number + 1 < rounds:
            latents = latents + codec.encode(shown(splats, scene, follow)) - codec.encode(wanted)
        edit = Edit(splats, latents, number + 1)
        yield edit


def shown(splats: Splats, scene: SplatScene, follow: Follow = iter) -> Tensor:
    """Pictures [N, H, W, 3] in 0 ... 1 of all views, on the CPU."""
    pictures = [scene.view(splats.tree, [view])[0].cpu() for view in follow(range(scene.count))]
    return rearrange(torch.cat(pictures), "n c h w -> n h w c").clamp(0, 1)


def _refuse_other_size(decoded: Tensor, pictures: Tensor) -> None:
    if decoded.shape != pictures.shape:
        (tall, wide), (height, width) = decoded.shape[1:3], pictures.shape[1:3]
        raise ValueError(
            f"views: got {width} x {height} pixels, of which the VAE makes {wide} x {tall}; expected sides that are "
            "multiples of what it takes for a cell, 8 for most; load or render the views with such sides."
        )
