"""The authors' loop as published (arXiv 2307.04787), the contender of the benchmarks.

Written from the description of what a step of their code computes, with the same costs: particles one after the
other, six evaluations for each in a call of its own, the gradient of the kernel as an n x n x D tensor, random noise
levels, torch's SGD. Nothing is shared with `csd`. The tests replay recorded runs of their code.

An evaluation predicts the noise from (noised latent, image condition, prompt). Of each noised latent there are
three: (text, image), (negative, image), (negative, none), combined to

    none + image_guidance * (image - none) + guidance * (text - image).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# (x_t [6, 4, h, w], image [6, 4, h, w], six prompts, timestep of 1000) -> predicted noise [6, 4, h, w]
UNet = Callable[[Tensor, Tensor, Sequence[str], int], Tensor]
Place = tuple  # the slices of a particle [1, 4, h, w] in the latent that is optimised
EVALUATIONS = 6


def frames(count: int) -> list[Place]:
    """Every row of a batch."""
    return [(slice(i, i + 1),) for i in range(count)]


def windows(height: int, width: int, window: int, stride: int) -> list[Place]:
    """Whole strides only, row by row; what is left at the border is never visited."""
    starts = (range(0, length - window + 1, stride) for length in (height, width))
    rows, columns = starts
    both = slice(None), slice(None)
    return [(*both, slice(y, y + window), slice(x, x + window)) for y in rows for x in columns]


def coupled(x: Tensor, residual: Tensor) -> Tensor:
    """(K residual + dK/dx) / n for x, residual [n, 4, h, w], through the n x n x D tensor of differences."""
    flat = x.flatten(1)
    difference = flat[:, None] - flat[None]
    squared = difference.square().sum(2)
    h = squared.median() / math.log(len(x) + 1)
    K = torch.exp(-squared / h)
    gradient = (-2 / h * K[:, :, None] * difference).sum(1)
    return ((K @ residual.flatten(1) + gradient) / len(x)).reshape(x.shape)


@dataclass(frozen=True)
class Prompts:
    targets: tuple[str, ...]
    source: str = ""
    negative: str = ""


@dataclass(frozen=True)
class Authors:
    """Settings of a run.

    coupled    with the kernel; without it the canvas loop drops the weight 1 - alpha_bar as well
    regions    [particles, targets] share of each target prompt, where there are several
    """

    unet: UNet
    alphas_cumprod: Tensor
    prompts: Prompts
    guidance: float = 7.5
    image_guidance: float = 1.5
    lr: float = 2.0
    decay_rate: float = 0.9
    decay_iter: int = 20
    coupled: bool = True
    weighted: bool = True
    regions: Tensor | None = None

    def run(
        self,
        source: Tensor,
        places: Sequence[Place],
        timesteps: Iterable[int],
        noise: Iterator[Tensor],
        chosen: Iterable[Sequence[int]],
    ) -> Iterator[Tensor]:
        """The latent after every step.

        timesteps   of each step
        noise       [targets, 4, h, w] for every visit of a particle
        chosen      particles of each step
        """
        theta = torch.nn.Parameter(source.clone())
        optimizer = torch.optim.SGD([theta], lr=self.lr)
        decay = torch.optim.lr_scheduler.StepLR(optimizer, self.decay_iter, self.decay_rate)
        for t, visited in zip(timesteps, chosen):
            with torch.no_grad():
                theta.grad = self._gradient(theta, source, [places[i] for i in visited], t, noise, visited)
            optimizer.step()
            decay.step()
            yield theta.detach().clone()

    def _gradient(self, theta, source, places, t: int, noise, visited) -> Tensor:
        noised, residuals = [], []
        for particle, place in zip(visited, places):
            x_t, residual = self._particle(theta[place], source[place], next(noise), particle, t)
            noised.append(x_t)
            residuals.append(residual)
        direction = torch.cat(residuals)
        if self.coupled:
            direction = coupled(torch.cat(noised), direction)
        if self.weighted:
            direction = (1 - self.alphas_cumprod[t]) * direction
        total, count = torch.zeros_like(theta), torch.zeros_like(theta)
        for place, part in zip(places, direction):
            total[place] += part
            count[place] += 1
        return torch.where(count > 0, total / count.clamp(min=1), 0)

    def _particle(self, x: Tensor, image: Tensor, noise: Tensor, particle: int, t: int) -> tuple[Tensor, Tensor]:
        """The noised latent of the first prompt, and the residual, both [1, 4, h, w]."""
        blended, noised = torch.zeros_like(x), [self._noised(x, eps, t) for eps in noise.split(1)]
        for target, (prompt, eps) in enumerate(zip(self.prompts.targets, noise.split(1), strict=True)):
            x_t, source_t = noised[target], self._noised(image, eps, t)
            share = 1 if self.regions is None else self.regions[particle, target]
            blended = blended + share * self._residual(x_t, source_t, image, prompt, t)
        return noised[0], blended

    def _noised(self, x: Tensor, eps: Tensor, t: int) -> Tensor:
        alpha_bar = self.alphas_cumprod[t]
        return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * eps

    def _residual(self, x_t: Tensor, source_t: Tensor, image: Tensor, prompt: str, t: int) -> Tensor:
        """Six evaluations in one call: three of the target, three of the source."""
        x = torch.cat([x_t] * 3 + [source_t] * 3)
        images = torch.cat([image, image, torch.zeros_like(image)] * 2)
        negative = self.prompts.negative
        texts = [prompt, negative, negative, self.prompts.source, negative, negative]
        predicted = self.unet(x, images, texts, t).split(1)
        return self._guided(*predicted[:3]) - self._guided(*predicted[3:])

    def _guided(self, text: Tensor, image: Tensor, none: Tensor) -> Tensor:
        return none + self.image_guidance * (image - none) + self.guidance * (text - image)
