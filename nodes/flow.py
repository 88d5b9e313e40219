"""Correspondence as nodes: of the frames of a clip by optical flow, of the windows of a canvas by their overlap."""

from ..csd.correspondence import Canvas
from ..host.budget import afford
from ..host.io import Correspondence, Layout, io, schema
from ..host.node import Node
from ..host.progress import steps
from ..media.optical_flow import ACCURACIES, estimate
from ..media.pairs import pairs

_A_PAIR = 100  # bytes that a pair of windows takes, as its partners are listed and paired


class OpticalFlow(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDOpticalFlow",
            "CSD Optical Flow",
            "Finds out where each frame shows what another one shows, and where it is hidden, from the unedited "
            "frames. For the CSD Kernel and the CSD Noise Field.",
            [
                io.Image.Input("frames", tooltip="The unedited frames, as VideoFrameBatch gives them."),
                io.Int.Input(
                    "neighbours",
                    default=2,
                    min=0,
                    max=1000,
                    tooltip="Each frame is coupled with this many before and after it.",
                ),
                io.Int.Input(
                    "anchors",
                    default=2,
                    min=0,
                    max=1000,
                    tooltip="Frames spread evenly over the clip with which every frame is coupled, so that a long clip "
                    "does not drift.",
                ),
                io.Combo.Input(
                    "accuracy",
                    options=list(ACCURACIES),
                    default="medium",
                    tooltip="accurate takes twice as long as medium; fast half as long, and finds far motions worse.",
                ),
                io.Float.Input(
                    "tolerance",
                    default=0.05,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How far colours (0 to 1) may differ where two frames show the same. Raise it for footage "
                    "that flickers or is noisy; 1 does not look at colours.",
                ),
            ],
            [Correspondence.Output("correspondence", display_name="correspondence")],
            search_aliases=["optical flow", "motion", "frame correspondence"],
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
            "Windows of a panorama correspond where they overlap. For the CSD Kernel.",
            [Layout.Input("layout", tooltip="From ParticleSplit.")],
            [Correspondence.Output("correspondence", display_name="correspondence")],
            search_aliases=["overlap", "window correspondence"],
        )

    @classmethod
    def run(cls, layout):
        canvas = Canvas(layout.windows)
        count = canvas.pair_count
        afford(count * _A_PAIR, f"{count:,} pairs of windows that overlap", "split the image into fewer windows")
        return io.NodeOutput(canvas)
