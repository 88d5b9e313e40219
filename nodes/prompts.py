"""CSD Prompt of Each: the prompts of single images, joined to one conditioning of the set."""

from ..host.io import io, schema
from ..host.node import Node
from ..host.prompts import joined


class PromptOfEach(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDPromptOfEach",
            "CSD Prompt of Each",
            "Joins the prompts of single images to one prompt for the whole set. For text encoders that look at the "
            "image (Qwen-Image-Edit): connect Rebatch Images with batch_size 1, the encoder, then this node.",
            [
                io.Conditioning.Input(
                    "prompts", tooltip="One prompt for each image, as a list: from a text encoder after Rebatch Images."
                )
            ],
            [
                io.Conditioning.Output(
                    "conditioning",
                    display_name="conditioning",
                    tooltip="One prompt with a row for each image. For `positive` or `negative` of a sampler.",
                )
            ],
            is_input_list=True,
            search_aliases=["qwen image edit windows", "prompt for each frame", "join conditioning"],
            group="Sampling",
        )

    @classmethod
    def run(cls, prompts):
        return io.NodeOutput(joined(prompts))
