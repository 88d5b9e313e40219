"""Collaborative Score Distillation (arXiv 2307.04787): the method, on tensors alone.

A set of images is edited or made together. Each image is a particle of a Stein variational gradient
descent. A frozen diffusion model gives the scores. One step runs through five stages. Each stage is a
file (or two) that can be read and exchanged by itself:

    SPLIT    scene, windows, frames               theta -> particles x
    SCORE    guidance, baseline, score; velocity  x -> noised particles x_t, noise residual r
    COUPLE   kernel, features, stein; aligned     x_t, r -> direction, one for each particle
    MERGE    scene, descent                       directions -> gradient, in the shape of theta
    UPDATE   update                               theta, gradient -> theta

The other files:

    distill                 the loop
    level, noise, draws     how particles are noised, and where random numbers come from
    timesteps, batches      which noise levels and which particles a step takes
    reuse                   keeps predictions that are needed again
    presets                 complete settings by name
    correspondence          where particles show the same thing; `geometry` for views with cameras
    aligned, carried, blend couple, move noise, and average finished pictures along a correspondence
    tones                   couples what looks alike, however far apart
    tree, precision         theta as several tensors, and the floating type of exact sums

Notation, the same in every file:

    theta   [B, C, H, W]   what is optimised: a canvas, a batch of frames, or a structure of tensors
    x       [n, C, h, w]   the particles of this step (a further axis before h is welcome)
    x_t     [n, C, h, w]   alpha * x + sigma * eps, the particle at a noise level
    index   n integers     which of the N particles x holds
    eps     [n, C, h, w]   the drawn noise; eps_hat the predicted one
    r       [n, C, h, w]   residual = eps_hat - baseline; descending along it raises the likelihood
    K       [n, n]         K[j, i] = k(x_t^j, x_t^i)
    pairs   [P, 2]         particles (i, j): i looks at its partner j
    place   [P, h, w, 2]   where j shows what i shows in each cell: (x, y) in cells of j, float
    valid   [P, h, w]      1 where j shows it, 0 where not

Signs: gradients and directions are descended. A step moves theta along minus the gradient.

Spaces: particles live in the scaled latent space of the model. x_t has the scaling in which the model
receives it, so its variance is near one for eps- and v-models. Kernels measure distances there.

Nothing in this package imports ComfyUI, moves tensors between devices or prints. Only `features` needs autograd.
"""

from .aligned import Aligned, AlignedAnew, PairRBF, PairUniform
from .baseline import DrawnNoise, ImageConditional, SourcePrompt
from .batches import RandomBatch
from .blend import blend
from .carried import Carried
from .correspondence import Canvas, Flow, clip_pairs
from .descent import Approached, Pulled
from .distill import Distillation, State, Stepped
from .draws import Draws
from .features import Features
from .frames import Frames
from .geometry import Cameras, Geometry
from .guidance import IMAGE, NONE, SOURCE, TARGET, Call, Guidance, Guided, Interval, Request
from .kernel import RBF, Fixed, Independent, median
from .level import Level
from .presets import balanced, fast, paper
from .reuse import Remembering
from .scene import Scene, merge
from .score import AveragedScore, PromptOfEach, PromptScore, RegionScore, region_weights
from .stein import Seen, Stein, mean, row
from .timesteps import Descending, Random, schedule
from .tones import Tones
from .update import SGD, Adam, Masked, Rates, Regrown, StepSize
from .windows import Windows, cover

__all__ = [
    "IMAGE",
    "NONE",
    "RBF",
    "SGD",
    "SOURCE",
    "TARGET",
    "Adam",
    "Aligned",
    "AlignedAnew",
    "Approached",
    "AveragedScore",
    "Call",
    "Cameras",
    "Canvas",
    "Carried",
    "Descending",
    "Distillation",
    "Draws",
    "DrawnNoise",
    "Features",
    "Fixed",
    "Flow",
    "Frames",
    "Geometry",
    "Guidance",
    "Guided",
    "ImageConditional",
    "Independent",
    "Interval",
    "Level",
    "Masked",
    "PairRBF",
    "PairUniform",
    "PromptOfEach",
    "PromptScore",
    "Pulled",
    "Random",
    "RandomBatch",
    "Rates",
    "RegionScore",
    "Regrown",
    "Remembering",
    "Request",
    "Scene",
    "Seen",
    "SourcePrompt",
    "State",
    "Stepped",
    "Stein",
    "StepSize",
    "Tones",
    "Windows",
    "balanced",
    "blend",
    "clip_pairs",
    "cover",
    "fast",
    "mean",
    "median",
    "merge",
    "paper",
    "region_weights",
    "row",
    "schedule",
]
