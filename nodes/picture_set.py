"""A folder of pictures that belong together, such as product shots or portraits, as one batch."""

from ..host import folders
from ..host.budget import afford
from ..host.io import io, schema
from ..host.node import Node
from ..host.progress import steps
from ..media import paths, picture_set

_EXPECTED = "the name of a folder with pictures"


class PictureSetLoad(Node):
    apart = True
    unchecked = ("folder",)

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDPictureSetLoad",
            "CSD Picture Set Load",
            "Loads all pictures of a folder as one batch of one size, to edit them as one series. The folder lies in "
            "ComfyUI's input or output directory.",
            [
                io.Combo.Input(
                    "folder",
                    options=folders.folders_of_pictures(),
                    tooltip="The folder to load. Folders with pictures are listed, at most three levels down. Press R "
                    "in ComfyUI to see new ones. Folders inside it are left out.",
                ),
                io.Int.Input(
                    "width",
                    default=512,
                    min=16,
                    max=16384,
                    step=8,
                    tooltip="Width of all pictures in pixels. Best: what the model was trained with.",
                ),
                io.Int.Input(
                    "height", default=512, min=16, max=16384, step=8, tooltip="Height of all pictures in pixels."
                ),
                io.Combo.Input(
                    "fit",
                    options=list(picture_set.FITS),
                    tooltip="How a picture of another shape gets this size; none is stretched. crop: it fills the "
                    "size, and what is too much is cut off. pad: it is seen whole, and its edges are repeated.",
                ),
                io.Int.Input(
                    "start", default=0, min=0, max=1_000_000, tooltip="Leaves out this many pictures at the beginning."
                ),
                io.Int.Input("count", default=0, min=0, max=100_000, tooltip="How many pictures to load. 0: all."),
            ],
            [
                io.Image.Output("images", display_name="images", tooltip="The pictures, one batch."),
                io.String.Output(
                    "names", display_name="names", tooltip="The names of the files, one per line, in their order."
                ),
            ],
            search_aliases=["load folder", "image folder", "load images from directory", "batch load", "series"],
            group="Simple",
        )

    @classmethod
    def validate_inputs(cls, folder):
        """Looks for the folder on the disk, see `folders.answer`."""
        return folders.answer(lambda name: folders.folder(name, _EXPECTED), folder)

    @classmethod
    def fingerprint_inputs(cls, folder, **_):
        """A hash that changes when a picture of the folder does. The host then loads the pictures again."""
        if folder is None:
            return None
        path = folders.folder(folder, _EXPECTED)
        return paths.versions(path, picture_set.pictures_in(path))

    @classmethod
    def run(cls, folder, width, height, fit, start, count):
        path = folders.folder(folder, _EXPECTED)
        names = picture_set.chosen(path, start, count)
        images = picture_set.read(path, names, (height, width), fit, steps, afford)
        return io.NodeOutput(images, "\n".join(names))
