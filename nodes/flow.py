"""Nodes that find correspondence: between frames by optical flow, between windows by their overlap."""

from ..csd.correspondence import Canvas
from ..host.budget import afford
from ..host.io import Correspondence, Layout, io, schema
from ..host.node import Node
from ..host.progress import steps
from ..media.optical_flow import ACCURACIES, estimate
from ..media.pairs import pairs
from . import tooltips

_A_PAIR = 100  # bytes that one pair of windows takes while partners are listed


class OpticalFlow(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDOpticalFlow",
            "CSD Optical Flow",
            "Finds where frames of a video show the same thing, and where it is hidden. Measures the optical flow of "
            "the unedited frames. For CSD Kernel, CSD Noise Field and CSD Blend.",
            [
                io.Image.Input("frames", tooltip="The unedited frames, from CSD Video Frame Batch."),
                io.Int.Input(
                    "neighbours",
                    default=2,
                    min=0,
                    max=1000,
                    tooltip=tooltips.NEIGHBOURS,
                ),
                io.Int.Input(
                    "anchors",
                    default=2,
                    min=0,
                    max=1000,
                    tooltip=tooltips.ANCHORS,
                ),
                io.Combo.Input(
                    "accuracy",
                    options=list(ACCURACIES),
                    default="medium",
                    tooltip="How carefully motion is measured. accurate takes twice as long as medium. fast takes half "
                    "as long, and is worse at large motions.",
                ),
                io.Float.Input(
                    "tolerance",
                    default=0.05,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How far colours (0 to 1) may differ where two frames show the same thing. Raise it for "
                    "footage that flickers or is noisy. At 1, colours do not matter.",
                ),
            ],
            [Correspondence.Output("correspondence", display_name="correspondence", tooltip=tooltips.CORRESPONDENCE)],
            search_aliases=["optical flow", "motion", "frame correspondence"],
            group="Video",
        )

    @classmethod
    def run(cls, frames, neighbours, anchors, accuracy, tolerance):
        wanted = pairs(len(frames), neighbours, anchors)
        return io.NodeOutput(estimate(frames, wanted, ACCURACIES[accuracy], tolerance, steps, afford))


class CanvasCorrespondence(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDCanvasCorrespondence",
            "CSD Canvas Correspondence",
            "Tells CSD Kernel that windows of a panorama show the same thing where they overlap.",
            [Layout.Input("layout", tooltip="Where the windows lie, from CSD Particle Split.")],
            [
                Correspondence.Output(
                    "correspondence", display_name="correspondence", tooltip="Where windows overlap. For CSD Kernel."
                )
            ],
            search_aliases=["overlap", "window correspondence"],
            group="Options",
        )

    @classmethod
    def run(cls, layout):
        canvas = Canvas(layout.windows)
        count = canvas.pair_count
        afford(count * _A_PAIR, f"{count:,} pairs of windows that overlap", "split the image into fewer windows")
        return io.NodeOutput(canvas)
