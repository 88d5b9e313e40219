"""CSD Prompt of Each: the prompts of single images, as one conditioning of the set."""

from ..host.io import io, schema
from ..host.node import Node
from ..host.prompts import joined


class PromptOfEach(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDPromptOfEach",
            "CSD Prompt of Each",
            "Joins the prompts of single images to one for the set, with a row for each. For text encoders that look "
            "at the picture (Qwen-Image-Edit): Rebatch Images with batch_size 1, the encoder, then this node.",
            [
                io.Conditioning.Input(
                    "prompts", tooltip="A list of prompts, as an encoder behind Rebatch Images makes it."
                )
            ],
            [io.Conditioning.Output("conditioning", display_name="conditioning")],
            is_input_list=True,
            search_aliases=["qwen image edit windows", "prompt for each frame", "join conditioning"],
        )

    @classmethod
    def run(cls, prompts):
        return io.NodeOutput(joined(prompts))
