"""View sets, pictures of one scene with their cameras: loaded from a folder, saved to a new one, and coupled."""

import logging
import re

from ..csd.geometry import Geometry
from ..host import folders
from ..host.budget import afford
from ..host.io import Correspondence, custom, io, schema
from ..host.node import Node
from ..host.progress import steps
from ..media import nerfstudio, paths
from ..media.pairs import MOST as MOST_PAIRS
from ..media.paths import folder_name, publish
from ..media.view_set import Views
from . import tooltips

ViewsType = custom("CSD_VIEWS", Views)
LOAD, SAVE, CORRESPOND = "CSD View Set Load", "CSD View Set Save", "CSD View Correspondence"
_EDITED = "_edited"
MOST_VIEWS = 4096  # every view is compared with every other one


def size_inputs(afterwards: str, fitted: str) -> list:
    """The widgets for the size of views. What becomes of a scaled picture `afterwards`, and how sides are `fitted`."""
    return [
        io.Int.Input(
            "longest_side",
            default=512,
            min=0,
            max=16384,
            step=8,
            tooltip="Largest side of the images in pixels. Larger pictures are scaled down, never stretched. 0 keeps "
            f"their size.{afterwards}",
        ),
        io.Int.Input(
            "multiple",
            default=8,
            min=1,
            max=64,
            tooltip=f"Sides become multiples of this many pixels. 8 for most models, 16 or 32 for some. {fitted}",
        ),
    ]


class ViewSetLoad(Node):
    apart = True
    unchecked = ("folder",)

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDViewSetLoad",
            LOAD,
            "Loads the views of one scene with their cameras, in nerfstudio's format: a folder with a transforms.json "
            "in ComfyUI's input or output directory.",
            [
                io.Combo.Input(
                    "folder",
                    options=folders.folders_with(nerfstudio.FILE),
                    tooltip="The folder to load. Folders with a transforms.json are listed, at most three levels down. "
                    "Press R in ComfyUI to see new ones.",
                ),
                *size_inputs(
                    " CSD View Set Save brings them back to it.",
                    "Pictures are padded at the right and at the bottom; CSD View Set Save cuts the padding off.",
                ),
                io.Float.Input(
                    "depth_unit",
                    default=nerfstudio.DEPTH_UNIT,
                    min=1e-6,
                    max=1e6,
                    step=0.001,
                    round=False,
                    tooltip="How many units of the scene one unit of the depth files is. 0.001 for depth in "
                    "millimetres and a scene in metres (nerfstudio's depth_unit_scale_factor).",
                ),
            ],
            [
                io.Image.Output("images", display_name="images", tooltip="The views, one batch."),
                ViewsType.Output(
                    "views",
                    display_name="views",
                    tooltip="Cameras, depth, masks and names, for CSD View Correspondence and CSD View Set Save.",
                ),
                io.String.Output(
                    "names", display_name="names", tooltip="The names of the views, one per line, in their order."
                ),
            ],
            search_aliases=["nerfstudio", "transforms.json", "load nerf", "gaussian splatting", "multi view"],
            group="Views",
        )

    @classmethod
    def validate_inputs(cls, folder):
        """Looks for the folder on the disk, see `folders.answer`.

        The whole server waits for this method, so it does not read the file.
        """
        return folders.answer(lambda name: nerfstudio.described(folders.folder(name)), folder)

    @classmethod
    def fingerprint_inputs(cls, folder, **_):
        """A hash that changes when a file of the set does. The host then loads the set again."""
        if folder is None:
            return None
        path = folders.folder(folder)
        return paths.versions(path, nerfstudio.all_files(path))

    @classmethod
    def run(cls, folder, longest_side, multiple, depth_unit):
        images, views = nerfstudio.read(folders.folder(folder), longest_side, multiple, depth_unit, steps, afford)
        return io.NodeOutput(images, views, "\n".join(views.names))


class ViewSetSave(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDViewSetSave",
            SAVE,
            "Saves edited views as a complete new view set in ComfyUI's output directory. Cameras, names, sizes, depth "
            "and masks are those of the old set. Nothing is overwritten.",
            [
                io.Image.Input("images", tooltip="The edited images, one for each view, in the order of the views."),
                ViewsType.Input("views", tooltip="The views that were edited, from CSD View Set Load."),
                io.String.Input(
                    "name",
                    default="",
                    tooltip="Name of the new folder. Empty: the old name with _edited. If the name is taken, a number "
                    "is added.",
                ),
            ],
            [
                io.String.Output(
                    "folder", display_name="folder", tooltip="The new folder, as CSD View Set Load lists it."
                )
            ],
            is_output_node=True,
            search_aliases=["nerfstudio", "transforms.json", "save nerf", "gaussian splatting", "multi view"],
            group="Views",
        )

    @classmethod
    def run(cls, images, views, name):
        if images.shape[-1] > 3:
            logging.warning("%s: got images with transparency, which is left out; that of the old files is kept.", SAVE)
        target = folder_name(name.strip() or _edited(views))
        path = publish(
            folders.output_directory(), target, lambda folder: nerfstudio.write(folder, views, images, steps)
        )
        files = [(path / name).relative_to(path.parent) for name in nerfstudio.pictures(views)]
        shown = [{"filename": file.name, "subfolder": file.parent.as_posix(), "type": "output"} for file in files]
        return io.NodeOutput(folders.name_of(path), ui={"images": shown})


def _edited(views: Views) -> str:
    """The old folder's name with _edited, once."""
    old = views.folder.name if views.folder else "views"
    return re.sub(rf"{_EDITED}(_\d+)?$", "", old) + _EDITED


class ViewCorrespondence(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDViewCorrespondence",
            CORRESPOND,
            "Finds where views show the same thing, from their cameras and depth. For CSD Kernel, CSD Noise Field and "
            "CSD Blend.",
            [
                ViewsType.Input("views", tooltip="The views. They need depth, and cameras without lens distortion."),
                io.Int.Input(
                    "neighbours",
                    default=4,
                    min=0,
                    max=100000,
                    tooltip="Couples each view with this many of the nearest ones. 0: with all of them. Higher: views "
                    "agree better, but slower. Nearness is angle plus distance of the cameras.",
                ),
            ],
            [Correspondence.Output("correspondence", display_name="correspondence", tooltip=tooltips.CORRESPONDENCE)],
            search_aliases=["multi view consistency", "reprojection", "epipolar"],
            group="Views",
        )

    @classmethod
    def run(cls, views, neighbours):
        return io.NodeOutput(geometry(views, neighbours))


def geometry(views: Views, neighbours: int) -> Geometry:
    """The correspondence of views with depth. Each view is coupled with its `neighbours` nearest ones (0: with all)."""
    if views.depth is None:
        raise ValueError(
            "got views without depth, expected depth to know where they show the same thing; add a depth_file_path to "
            "every frame of transforms.json (16-bit .png in millimetres, or .npy), or leave the correspondence out."
        )
    pinhole(views, ", or leave the correspondence out")
    _weigh(views.count, min(neighbours or views.count, views.count - 1))
    return Geometry(views.cameras, views.depth, views.masks, neighbours or None, names=views.names)


def pinhole(views: Views, otherwise: str = "") -> None:
    """ValueError where the cameras of a set are no pinholes; `otherwise` ends its advice."""
    lens = views.metadata.distortion() if views.metadata else ""
    if lens:
        raise ValueError(
            f"got {lens}, expected pinhole cameras; undistort the set first (COLMAP's image_undistorter, for "
            f"instance){otherwise}."
        )


def _weigh(count: int, partners: int) -> None:
    """Refuses too many views: each is compared with every other one before the nearest are taken."""
    if count * partners > MOST_PAIRS or count > MOST_VIEWS:
        raise ValueError(
            f"got {count:,} views with {partners:,} neighbours each, expected at most {MOST_VIEWS:,} views and "
            f"{MOST_PAIRS:,} pairs; lower `neighbours` or take fewer views."
        )
    afford(count**2 * 400, f"the distances of {count:,} views from one another", "take fewer views")
