"""Splats as .ply files in the host's directories."""

from ..host import folders
from ..host.budget import afford
from ..host.io import io, schema
from ..host.node import Node
from ..host.progress import say, steps
from ..host.splats import SplatType, handed_on, received
from ..media import paths
from ..splats import ply


class LoadSplats(Node):
    apart = True
    unchecked = ("file",)

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDLoadSplats",
            "CSD Load Splats",
            "A scene of Gaussian splats from a .ply file in ComfyUI's input or output directory, as all trainers write "
            "them.",
            [
                io.Combo.Input(
                    "file",
                    options=folders.files_ending(ply.SUFFIX),
                    tooltip="Files that end in .ply, at most three levels down. Reload the page's nodes (R) to see new "
                    "ones.",
                )
            ],
            [SplatType.Output("splat", display_name="splat", tooltip="The scene in the file.")],
            search_aliases=["ply", "gaussian splatting", "3dgs", "load splat"],
            group="3D",
        )

    @classmethod
    def validate_inputs(cls, file):
        """Looks for the file on the disk, see `folders.answer`."""
        return folders.answer(folders.file, file)

    @classmethod
    def fingerprint_inputs(cls, file):
        """Changes when the file does, so that the host loads it anew."""
        if file is None:
            return None
        path = folders.file(file)
        return paths.versions(path.parent, [path.name])

    @classmethod
    def run(cls, file):
        return io.NodeOutput(handed_on(ply.read(folders.file(file), steps, afford)))


class SaveSplats(Node):
    apart = True

    @classmethod
    def define_schema(cls):
        return schema(
            "CSDSaveSplats",
            "CSD Save Splats",
            "Writes a scene of splats as a .ply file into ComfyUI's output directory. Nothing is overwritten.",
            [
                SplatType.Input("splat", tooltip="The scene to save."),
                io.String.Input(
                    "name",
                    default="splats",
                    tooltip="Name of the new file, without .ply. A number is added where it is taken.",
                ),
            ],
            [io.String.Output("file", display_name="file", tooltip="What CSD Load Splats calls the new file.")],
            is_output_node=True,
            search_aliases=["ply", "gaussian splatting", "3dgs", "export splat"],
            group="3D",
        )

    @classmethod
    def run(cls, splat, name):
        target = paths.folder_name(name.strip().removesuffix(ply.SUFFIX), "file")
        splats = received(splat)
        path = paths.publish_file(
            folders.output_directory(), target, ply.SUFFIX, lambda file: ply.write(file, splats, steps)
        )
        shown = {"filename": path.name, "subfolder": "", "type": "output"}
        say(f"{len(splats):,} splats in output/{path.name}")
        return io.NodeOutput(folders.name_of(path), ui={"3d": [shown]})
