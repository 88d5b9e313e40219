"""`make demo-video`: the shipped video workflow on painted clips, beside other ways to edit frames."""

from __future__ import annotations

from ...demo.motion import true_motion
from ...demo.painter.clip import paint_clip
from ..environment.env import ROOT
from .consistency import neighbours
from .demo_set import Kind, Truth, main


def truth(painted: dict, look: str) -> Truth:
    """The clip of a CSDDemoClip node in another look; each frame is compared with the next one."""
    frames, clip = paint_clip(painted["seed"], look, painted["frames"], painted["height"], painted["width"])
    pairs = neighbours(len(frames))
    return Truth(frames, true_motion(clip, pairs), pairs)


VIDEO = Kind(ROOT / "workflows" / "video_edit.json", "CSDDemoClip", truth, "clip", "flicker")

if __name__ == "__main__":
    main(VIDEO, __doc__)
