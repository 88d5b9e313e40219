"""Measures of scenes that are seen from all around, against paintings of the object.

    frechet        Frechet distance of Gaussians through the features of renders and of paintings, in the variance of
                   the paintings; 0: alike
    distance       mean distance of a view's features from those of paintings of that view, in the distance of
                   paintings from their mean; 1: as near as another object of that name
    own side       share of the views that look most like paintings of their own side, or of the one beside it
    fronts         how many of the eight views look most like the front: the Janus error, where it is not about one
    outline        overlap of outlines, 0 ... 1
    colour alike   mean cosine of the features of two views, over all pairs, without what the background gives
    depth alike    the same for pictures of depth

The last two are what the paper compares between particles. Higher is not better by itself: a ball looks alike from
everywhere. The paintings have values of their own, to compare with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

BEHIND = 0.8  # the grey over which all pictures stand
COMPONENTS = 6  # of the features, for Gaussians
NEAR, FAR = 2.8, 5.2  # depths of white and of black

Features = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Seen:
    """Views all around an object, evenly spaced from the front on: colour [..., V, H, W, 3] over `BEHIND`; depth and
    alpha [..., V, H, W].
    """

    colour: Tensor
    depth: Tensor
    alpha: Tensor

    @property
    def relief(self) -> Tensor:
        """Depth as grey pictures [..., V, H, W, 3]; nearer is brighter."""
        grey = ((FAR - self.depth) / (FAR - NEAR)).clamp(0, 1)
        return torch.where(self.alpha > 0.5, grey, BEHIND)[..., None].expand(*grey.shape, 3)

    @property
    def each(self) -> list[Seen]:
        """The objects one by one, where there are several."""
        return [Seen(*views) for views in zip(self.colour, self.depth, self.alpha)]


@dataclass(frozen=True, eq=False)
class Judge:
    """Compares scenes with paintings of P objects from V sides.

    features   pictures [N, H, W, 3] -> [N, F]
    """

    paintings: Seen
    features: Features
    known: Tensor = field(init=False)
    axes: Tensor = field(init=False)

    def __post_init__(self):
        known = self._features(self.paintings.colour)
        flat = known.flatten(0, 1)
        axes = torch.linalg.svd((flat - flat.mean(0)).double(), full_matrices=False).Vh[:COMPONENTS].T
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "axes", axes)

    def __call__(self, scene: Seen) -> dict[str, float]:
        found, centre = self._features(scene.colour), self.known.mean(0)
        spread = (self.known - centre).norm(dim=-1).mean()
        looks_like, count = torch.cdist(found, centre).argmin(1), len(centre)
        away = (looks_like - torch.arange(count)).abs()
        either = (getattr(torch, name)(scene.alpha, self.paintings.alpha.mean(0)) for name in ("minimum", "maximum"))
        both, any_of_them = (float(part.sum()) for part in either)
        return {
            "frechet": frechet(self.spot(scene), self.known.flatten(0, 1).double() @ self.axes),
            "distance": float((found - centre).norm(dim=-1).mean() / spread),
            "own side": float((away.minimum(count - away) <= count // 8).float().mean()),
            "fronts": float((looks_like[:: count // 8] == 0).sum()),
            "outline": both / any_of_them,
            **self.alike(scene),
        }

    def spot(self, scene: Seen) -> Tensor:
        """[V, COMPONENTS], where views lie among the paintings."""
        return self._features(scene.colour).double() @ self.axes

    def alike(self, scene: Seen) -> dict[str, float]:
        return {"colour alike": self._agreement(scene.colour), "depth alike": self._agreement(scene.relief)}

    def truth(self) -> dict[str, float]:
        """What the paintings have of `colour alike` and `depth alike`, averaged over their objects."""
        each = [self.alike(views) for views in self.paintings.each]
        return {name: sum(one[name] for one in each) / len(each) for name in each[0]}

    def _agreement(self, pictures: Tensor) -> float:
        empty = torch.full_like(pictures[:1], BEHIND)
        found = torch.nn.functional.normalize(self._features(pictures) - self._features(empty), dim=1)
        pairs = ~torch.eye(len(found), dtype=torch.bool)
        return float((found @ found.T)[pairs].mean())

    def _features(self, pictures: Tensor) -> Tensor:
        return self.features(pictures.flatten(0, -4)).unflatten(0, pictures.shape[:-3])


def averaged(vae, pictures: Tensor, cells: int) -> Tensor:
    """What an autoencoder makes of pictures [N, H, W, 3], averaged over `cells` x `cells` cells: [N, F]."""
    with torch.inference_mode():
        return torch.nn.functional.avg_pool2d(vae.encode(pictures), cells).flatten(1)


def frechet(one: Tensor, other: Tensor) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of samples [n, D] and [m, D], divided by tr(S2)."""
    means, spreads = zip(*((part.mean(0), torch.cov(part.T)) for part in (one, other)))
    roots = torch.linalg.eigvals(spreads[0] @ spreads[1]).real.clamp(min=0).sqrt().sum()
    apart = (means[0] - means[1]).square().sum() + spreads[0].trace() + spreads[1].trace() - 2 * roots
    return float(apart.clamp(min=0) / spreads[1].trace())
