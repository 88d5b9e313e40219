"""View sets: pictures of one scene with their cameras, in from a folder, out to a new one, and what they share."""

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

ViewsType = custom("CSD_VIEWS", Views)
LOAD, SAVE, CORRESPOND = "CSD View Set Load", "CSD View Set Save", "CSD View Correspondence"
_EDITED = "_edited"
MOST_VIEWS = 4096  # of which each is compared with each


class ViewSetLoad(Node):
    apart = True
    unchecked = ("folder",)

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDViewSetLoad",
            LOAD,
            "Views of a scene in nerfstudio's layout: a folder with a transforms.json in ComfyUI's input or output "
            "directory.",
            [
                io.Combo.Input(
                    "folder",
                    options=folders.folders_with(nerfstudio.FILE),
                    tooltip="Folders with a transforms.json, at most three levels down. Reload the page's nodes (R) to "
                    "see new ones.",
                ),
                io.Int.Input(
                    "longest_side",
                    default=512,
                    min=0,
                    max=16384,
                    step=8,
                    tooltip="Pixels. Larger pictures are scaled down to it, never stretched; 0 leaves them as they "
                    "are. CSD View Set Save brings them back to their size.",
                ),
                io.Int.Input(
                    "multiple",
                    default=8,
                    min=1,
                    max=64,
                    tooltip="Pictures are padded at the right and the bottom to a multiple of this many pixels, and "
                    "cut again when they are saved.",
                ),
                io.Float.Input(
                    "depth_unit",
                    default=nerfstudio.DEPTH_UNIT,
                    min=1e-6,
                    max=1e6,
                    step=0.001,
                    round=False,
                    tooltip="World units in one unit of the depth files: 0.001 for millimetres and a scene in metres "
                    "(nerfstudio's depth_unit_scale_factor).",
                ),
            ],
            [
                io.Image.Output("images", display_name="images"),
                ViewsType.Output("views", display_name="views", tooltip="Cameras, depth, masks and names."),
                io.String.Output("names", display_name="names", tooltip="One line a view, in the order of the images."),
            ],
            search_aliases=["nerfstudio", "transforms.json", "load nerf", "gaussian splatting", "multi view"],
        )

    @classmethod
    def validate_inputs(cls, folder):
        """Instead of the host's search in the list of folders, which is older than a folder that was just made.

        It runs where the whole server waits for it, so it does not read the file. None: a link, of which nothing is
        known yet.
        """
        try:
            return True if folder is None else bool(nerfstudio.described(folders.folder(folder)))
        except (ValueError, OSError) as error:
            return str(error)

    @classmethod
    def fingerprint_inputs(cls, folder, **_):
        """Changes when a file of the set does, so that the host loads it anew."""
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
            "Writes edited views as a complete new data set into ComfyUI's output directory: the cameras, names and "
            "sizes of the old one, its depth and its masks. Nothing is overwritten.",
            [
                io.Image.Input("images", tooltip="One for each view, in the order of the views."),
                ViewsType.Input("views", tooltip="The views that were edited."),
                io.String.Input(
                    "name",
                    default="",
                    tooltip="Of the new folder; open: the old folder's, with _edited. A number is added where it is "
                    "taken.",
                ),
            ],
            [io.String.Output("folder", display_name="folder", tooltip="What CSD View Set Load calls the new set.")],
            is_output_node=True,
            search_aliases=["nerfstudio", "transforms.json", "save nerf", "gaussian splatting", "multi view"],
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
            "Where views show the same thing, from their cameras and depth: for the kernel and the noise field.",
            [
                ViewsType.Input("views", tooltip="With depth, and without lens distortion."),
                io.Int.Input(
                    "neighbours",
                    default=4,
                    min=0,
                    max=100000,
                    tooltip="Each view is coupled with so many others, the nearest in angle and distance; 0 takes all.",
                ),
            ],
            [Correspondence.Output("correspondence", display_name="correspondence")],
            search_aliases=["multi view consistency", "reprojection", "epipolar"],
        )

    @classmethod
    def run(cls, views, neighbours):
        return io.NodeOutput(geometry(views, neighbours))


def geometry(views: Views, neighbours: int) -> Geometry:
    """The correspondence of views with depth, each with its `neighbours` nearest (0: all)."""
    if views.depth is None:
        raise ValueError(
            "got views without depth, which is needed to know what they share; add a depth_file_path to every frame of "
            "transforms.json (16-bit .png in millimetres, or .npy), or leave the correspondence out."
        )
    lens = views.metadata.distortion() if views.metadata else ""
    if lens:
        raise ValueError(
            f"got {lens}, expected pinhole cameras; undistort the set first (COLMAP's image_undistorter, for "
            "instance), or leave the correspondence out."
        )
    _weigh(views.count, min(neighbours or views.count, views.count - 1))
    return Geometry(views.cameras, views.depth, views.masks, neighbours or None, names=views.names)


def _weigh(count: int, partners: int) -> None:
    """Every view is compared with every other one before the nearest are taken."""
    if count * partners > MOST_PAIRS or count > MOST_VIEWS:
        raise ValueError(
            f"got {count:,} views with {partners:,} neighbours each, expected at most {MOST_VIEWS:,} views and "
            f"{MOST_PAIRS:,} pairs; lower `neighbours` or take fewer views."
        )
    afford(count**2 * 400, f"the distances of {count:,} views from one another", "take fewer views")
