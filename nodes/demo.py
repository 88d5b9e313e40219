"""The embedded demo model as a node."""

from .host.io import io, schema


class DemoModel(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDDemoModel",
            "CSD Demo Model",
            "A small InstructPix2Pix model that ships with Collaborative Score Distillation, for trying the nodes without "
            "a download. It knows painted landscapes and a few instructions; see demo/MODEL_CARD.md.",
            [],
            [io.Model.Output(), io.Clip.Output(), io.Vae.Output()],
            search_aliases=["instruct pix2pix demo", "collaborative score distillation demo"],
        )

    @classmethod
    def execute(cls):
        from .host.demo_model import load_demo_model

        return io.NodeOutput(*load_demo_model())
