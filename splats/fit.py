"""Fit splats to pictures: Adam on the mean absolute difference, a few views in each step."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ..csd.draws import Draws
from ..csd.scene import Index, parts_of
from ..csd.tree import Theta, tree_map, tree_sum
from ..csd.update import Adam, Rates, Regrown, StepSize, Update
from ..media.work import Follow
from .accelerated import render
from .density import Density
from .scene import SplatScene, rates
from .splats import Splats

_LEAST = 1e-12  # mean squared error at which there is no ratio any more


@dataclass(frozen=True)
class Fitting:
    """How splats are fitted.

    steps     how many
    views     in each step; each view comes once before one comes again
    rate      of a step at the beginning; the last ones are a tenth as long
    seed      of the order of the views
    density   when splats are split and left out; None: never
    fixed     parts of the splats that stay as they are
    rates     how fast the parts of the splats move beside each other; None: `scene.rates`
    """

    steps: int = 100
    views: int = 1
    rate: float = 0.2
    seed: int = 0
    density: Density | None = None
    fixed: tuple[str, ...] = ()
    rates: Mapping[str, float | Tensor] | None = None

    @property
    def size(self) -> StepSize:
        """The length of every step."""
        return StepSize(self.rate, 0.1 ** (1 / max(self.steps - 1, 1)), 1)

    def update(self, splats: Splats) -> Update:
        """The update whose steps these are."""
        own = rates(splats) if self.rates is None else self.rates
        update = Rates(Adam(self.size, beta2=0.999, epsilon=1e-15), {**own, **dict.fromkeys(self.fixed, 0.0)})
        return update if self.density is None else Regrown(update, self.density.choose, self.density.settle)


def fitted(
    splats: Splats,
    scene: SplatScene,
    images: Tensor,
    masks: Tensor | None = None,
    fitting: Fitting = Fitting(),
    follow: Follow = iter,
) -> Splats:
    """The splats after a fit to pictures [N, H, W, 3], 0 ... 1, at the size of the scene's cameras.

    masks   [N, H, W] in 0 ... 1, how much a pixel counts
    """
    targets = rearrange(images.to(splats.positions), "n h w c -> n c h w")
    weights = None if masks is None else masks.to(targets)[:, None]
    update, theta = fitting.update(splats), splats.tree
    memory = update.init(theta)
    for step in follow(range(fitting.steps)):
        index = _turn(fitting, scene.count, step)
        theta, memory = update.step(theta, _gradient(scene, theta, index, targets, weights), memory, step)
    return Splats.of(theta)


def _turn(fitting: Fitting, count: int, step: int) -> Index:
    """The views of a step: in every round through all of them they are shuffled anew."""
    places = range(step * fitting.views, (step + 1) * fitting.views)
    rounds = {place // count for place in places}
    orders = {r: torch.randperm(count, generator=Draws(fitting.seed, r).generator("views")).tolist() for r in rounds}
    return list(dict.fromkeys(orders[place // count][place % count] for place in places))


def _gradient(scene: SplatScene, theta: Theta, index: Index, targets: Tensor, weights: Tensor | None) -> Theta:
    """Gradient of the mean absolute difference from the pictures of some views."""
    total = tree_map(torch.zeros_like, theta)
    for part in parts_of(index, scene.views_at_once):
        x, pullback = scene.view(theta, part)
        toward = (x - targets[part]).sign() / (x[0].numel() * len(index))
        total = tree_sum(total, pullback(toward if weights is None else toward * weights[part]))
    return total


def decibels(splats: Splats, scene: SplatScene, images: Tensor, follow: Follow = iter) -> float:
    """Peak signal to noise ratio of all views of the splats and pictures [N, H, W, 3] of them, in dB."""
    total = 0.0
    for view in follow(range(scene.count)):
        colour = render(splats, scene.cameras, [view], scene.behind([view])).colour[0].clamp(0, 1)
        total += float((colour - images[view].to(colour)).square().mean(dtype=torch.float64))
    return -10 * math.log10(max(total / scene.count, _LEAST))
