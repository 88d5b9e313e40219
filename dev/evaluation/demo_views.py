"""`make demo-views`: the shipped view set workflow on painted dioramas, beside other ways to edit views."""

from __future__ import annotations

import torch

from ...csd.geometry import Geometry
from ...demo.painter.diorama import paint_views
from ...demo.views import true_views
from ..environment.env import ROOT
from .demo_set import Kind, Truth, main


def truth(painted: dict, look: str) -> Truth:
    """The views of a CSDDemoViews node in another look; each is compared with every other one."""
    pictures, diorama = paint_views(painted["seed"], look, painted["count"], painted["height"], painted["width"])
    pairs = torch.combinations(torch.arange(len(pictures)))
    return Truth(pictures, Geometry(*true_views(diorama)), pairs)


VIEWS = Kind(ROOT / "workflows" / "view_set_edit.json", "CSDDemoViews", truth, "view set", "reprojection")

if __name__ == "__main__":
    main(VIEWS, __doc__)
