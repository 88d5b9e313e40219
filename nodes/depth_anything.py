"""Views out of what ComfyUI's own Depth Anything 3 makes of pictures."""

from ..host.budget import afford
from ..host.io import custom, io, schema
from ..host.node import Node
from ..host.progress import steps
from ..media import depth_anything
from .views import ViewsType, size_inputs

Geometry = custom("DA3_GEOMETRY", dict)


class ViewsFromDA3(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDViewsFromDA3",
            "CSD Views from Depth Anything 3",
            "Views with cameras and depth out of plain pictures of one scene, by Depth Anything 3 in newer versions of "
            "ComfyUI. No other tool has to find the cameras.",
            [
                Geometry.Input("da3_geometry", tooltip="From Run Depth Anything 3, with the mode multiview."),
                *size_inputs("", "What is over is cut off at the edges."),
                io.Float.Input(
                    "confidence_threshold",
                    default=0.1,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Where the confidence is lower, depth counts as unknown. 0 is the lowest of a picture and "
                    "1 the highest, as Render Depth Anything 3 shows it. 0: all depth counts.",
                ),
            ],
            [
                io.Image.Output("images", display_name="images", tooltip="The pictures, one batch."),
                ViewsType.Output(
                    "views",
                    display_name="views",
                    tooltip="Cameras, depth and names, for CSD View Correspondence and CSD Splats from Views.",
                ),
            ],
            search_aliases=["da3", "depth anything", "poses", "structure from motion", "colmap", "pictures to 3d"],
            group="Views",
        )

    @classmethod
    def run(cls, da3_geometry, longest_side, multiple, confidence_threshold):
        return io.NodeOutput(
            *depth_anything.views(da3_geometry, longest_side, multiple, confidence_threshold, steps, afford)
        )
