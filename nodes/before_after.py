"""CSDCompare: before and after in one place, with a line between them that can be moved."""

from ..host.io import io, schema
from ..host.node import Node
from ..host.pictures import kept_for_the_page


class Compare(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDCompare",
            "CSD Compare",
            "Shows two pictures on top of each other, with a line between them that can be moved. For frames and views "
            "there is a second slider, which chooses the picture.",
            [
                io.Image.Input("before", tooltip="What is shown left of the line: the source, or another edit."),
                io.Image.Input("after", tooltip="What is shown right of the line: the edit."),
            ],
            [],
            is_output_node=True,
            group="Measure",
            search_aliases=["before after", "image compare", "compare images", "slider", "difference", "wipe"],
        )

    @classmethod
    def run(cls, before, after):
        shown = {"csd_before": before, "csd_after": after}
        return io.NodeOutput(ui={name: kept_for_the_page(images, name) for name, images in shown.items()})
