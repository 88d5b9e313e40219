"""Cameras of views from and to ComfyUI's own 3D nodes."""

from ..host.io import custom, io, schema
from ..host.node import Node
from ..host.splats import SplatType, received
from ..media.view_set import Views, numbered
from .views import ViewsType, pinhole

CameraInfo = custom("LOAD3D_CAMERA", dict)


class ViewsFromCamera(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDViewsFromCamera",
            "CSD Views from Camera",
            "Cameras on an arc around what the camera of a 3D viewer looks at, or around a scene of splats. With them "
            "a scene can be rendered and edited that came without cameras.",
            [
                io.Int.Input("width", default=512, min=16, max=4096, step=8, tooltip="Of the pictures, in pixels."),
                io.Int.Input("height", default=512, min=16, max=4096, step=8, tooltip="Of the pictures, in pixels."),
                io.Int.Input(
                    "count", default=8, min=1, max=360, tooltip="How many cameras. 1: the one that is given, alone."
                ),
                io.Float.Input(
                    "angle",
                    default=60.0,
                    min=0.0,
                    max=360.0,
                    step=1.0,
                    tooltip="Degrees from the first camera to the last; the one that is given is in the middle. 360: "
                    "once around, beginning with it.",
                ),
                CameraInfo.Input(
                    "camera_info",
                    optional=True,
                    tooltip="From a 3D viewer, as it was turned there, or from Create Camera Info.",
                ),
                SplatType.Input(
                    "splat",
                    optional=True,
                    tooltip="The scene. Where no camera_info is connected, a camera is placed in front of it.",
                ),
            ],
            [ViewsType.Output("views", display_name="views", tooltip="The cameras, for CSD Render Splats.")],
            search_aliases=["camera_info", "load 3d", "orbit", "turntable", "arc of cameras", "novel view"],
            group="Views",
        )

    @classmethod
    def run(cls, width, height, count, angle, camera_info=None, splat=None):
        from ..splats.viewer import read
        from ..splats.viewpoint import arc, before

        if camera_info is None and splat is None:
            raise ValueError("got neither camera_info nor splat, expected one of them; connect a 3D viewer or a scene.")
        view = before(received(splat)) if camera_info is None else read(camera_info)
        return io.NodeOutput(Views(arc(view, count, angle, (height, width)), None, None, numbered(count)))


class CameraOfView(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDCameraOfView",
            "CSD Camera of View",
            "The camera of one view for ComfyUI's own 3D nodes, such as Render Splat and the 3D preview.",
            [
                ViewsType.Input("views", tooltip="Views with cameras; neither pictures nor depth are needed."),
                io.Int.Input("number", default=1, min=1, max=100_000, tooltip="Which view, counted from 1."),
            ],
            [
                CameraInfo.Output(
                    "camera_info", display_name="camera_info", tooltip="The camera as ComfyUI's 3D nodes take it."
                )
            ],
            search_aliases=["camera_info", "render splat", "preview 3d", "look at camera"],
            group="Views",
        )

    @classmethod
    def run(cls, views, number):
        from ..splats.viewer import described
        from ..splats.viewpoint import of_camera

        pinhole(views)
        if number > views.count:
            raise ValueError(f"number: got {number}, expected 1 to {views.count}, which is how many views there are.")
        return io.NodeOutput(described(of_camera(views.cameras, number - 1)))
