"""Painted views to fit splats to, and others of the same scene to judge them by."""

import torch

from collaborative_score_distillation.csd.geometry import Cameras
from collaborative_score_distillation.demo.painter.diorama import paint_views
from collaborative_score_distillation.demo.views import true_views
from collaborative_score_distillation.media.view_set import Views
from collaborative_score_distillation.splats.render import render
from collaborative_score_distillation.splats.splats import Splats


class Painted:
    """Views 0, 2, 4 ... of a diorama are there to be fitted, views 1, 3 ... are held out."""

    def __init__(self, seed=1_000_000, look="summer", count=7, height=48, width=72):
        pictures, diorama = paint_views(seed, look, count, height, width)
        self.pictures = torch.from_numpy(pictures)
        self.cameras, self.depth = true_views(diorama)
        self.fitted, self.held_out = list(range(0, count, 2)), list(range(1, count, 2))

    def views(self, index=None, masks=None) -> Views:
        index = self.fitted if index is None else index
        cameras = Cameras(self.cameras.intrinsics[index], self.cameras.camera_to_world[index], self.cameras.size)
        return Views(cameras, self.depth[index], masks, tuple(f"view_{i}" for i in index))

    @property
    def images(self) -> torch.Tensor:
        return self.pictures[self.fitted]

    def psnr(self, splats: Splats, index=None) -> float:
        """Decibels at the views that are held out, or at others."""
        index = self.held_out if index is None else index
        error = render(splats, self.cameras, index).colour.clamp(0, 1) - self.pictures[index]
        return -10 * error.square().mean().log10().item()
