"""Consistent Edit: a whole edit in one node. All that is not asked for is chosen for the model."""

import math

from ..host.io import advanced, io, schema
from ..host.node import Node
from ..host.presets import BALANCED, FAST, PAPER, QUALITIES
from . import tooltips
from .particles import WRAPS
from .reports import PLOTS, REPORT
from .state import STATE
from .views import ViewsType
from .wiring import Wiring, Wish

CLIP_OF_VIDEO, SEPARATE = "frames of a video", "separate pictures"
_SMALLEST_WINDOW = 64
_PAIRS = {FAST: 2, BALANCED: 3}  # neighbours and anchors of a frame


def _inputs(pictures: list) -> list:
    return [
        *pictures,
        io.Model.Input(
            "model",
            tooltip="The model that edits. Best: one that edits by instruction (InstructPix2Pix, CosXL Edit, Flux "
            "Kontext, Qwen-Image-Edit). Others need `source` as well.",
        ),
        io.Clip.Input("clip", tooltip="The text encoder that was loaded with the model."),
        io.Vae.Input("vae", tooltip="The VAE that was loaded with the model."),
        io.String.Input(
            "instruction",
            default="make it a sunset",
            multiline=True,
            tooltip="What to do, such as `make it winter`. For models that are no editors: what the result shows.",
        ),
        io.Float.Input(
            "strength",
            default=0.5,
            min=0.0,
            max=1.0,
            step=0.05,
            tooltip="How much changes. Higher: a stronger edit, and less of the source. 0.5 is usual, 0 changes next "
            "to nothing. Try 0.3 to 0.8. It sets the noise range, and for rectified flow models the freedom.",
        ),
        io.Combo.Input(
            "quality",
            options=list(QUALITIES),
            default=BALANCED,
            tooltip="balanced: the best results. fast: half the time or less, a little less even. paper: the coupling "
            "and the schedule of the paper, to compare with; it takes much longer and flickers more.",
        ),
        io.Int.Input(
            "seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True, tooltip=tooltips.SEED
        ),
    ]


_FURTHER = [
    io.String.Input(
        "source",
        default="",
        multiline=True,
        optional=True,
        tooltip="What the picture shows now, in words. Only for models that are no editors (SD 1.5, SDXL, SD 3, Flux "
        "dev, Z-Image). Use the words of `instruction` but for what shall change.",
    ),
    io.Mask.Input(
        "mask", optional=True, tooltip="Only what is white here changes. Of the size of the picture or of each frame."
    ),
    advanced(
        io.Float.Input,
        "guidance",
        default=0.0,
        min=0.0,
        max=200.0,
        step=0.1,
        tooltip="How strongly the instruction pulls. 0: as is usual for the model. Try 3 to 8 for InstructPix2Pix. "
        "Too high: colours burn.",
    ),
    advanced(
        io.Int.Input,
        "particles_at_once",
        default=0,
        min=0,
        max=100000,
        tooltip="How many windows or frames go through the model together. 0: as is usual for the model. Lower it if "
        "memory runs out.",
    ),
    STATE,
]


def _outputs(what: str) -> list:
    return [
        io.Image.Output("edited", display_name="image", tooltip=what),
        REPORT,
        PLOTS,
    ]


class ConsistentEditPanorama(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDConsistentEditPanorama",
            "Consistent Edit (tiled, 360, seamless panorama)",
            "Edits a wide or large picture by an instruction, evenly from end to end. It cuts the picture into "
            "overlapping windows and edits them together. All settings are chosen for the model.",
            [
                *_inputs([io.Image.Input("image", tooltip="The picture to edit, of any size.")]),
                *_FURTHER,
                advanced(
                    io.Combo.Input,
                    "wrap",
                    options=list(WRAPS),
                    default="none",
                    tooltip="Which edges join. horizontal: a 360 degree panorama without a seam.",
                ),
                advanced(
                    io.Int.Input,
                    "window",
                    default=0,
                    min=0,
                    max=4096,
                    step=8,
                    tooltip="Side of a window in pixels. 0: as the model was trained. Larger: fewer windows, but the "
                    "model may repeat itself.",
                ),
            ],
            _outputs("The edited picture, in the size of the source."),
            search_aliases=[
                "panorama edit",
                "360",
                "seamless",
                "upscale tile",
                "tiled edit",
                "large image",
                "consistent",
            ],
            enable_expand=True,
            group="Simple",
        )

    @classmethod
    def run(cls, image, wrap="none", window=0, **wish):
        wiring = Wiring(Wish(**wish))
        side = _window(image.shape[1:3], window or wiring.preset.window, wiring.multiple)
        cut = {"window_width": side, "window_height": side, "overlap": side // 2 // wiring.multiple * wiring.multiple}
        particles, layout = wiring.add(
            "CSDParticleSplit", 2, whole=image, **cut, wrap=wrap, multiple=wiring.multiple, blend="feather"
        )
        edited, *reports = wiring.edited(particles, layout, **wiring.even())
        (whole,) = wiring.add("CSDParticleMerge", particles=edited, layout=layout, blend="feather")
        return io.NodeOutput(whole, *reports, expand=wiring.graph.finalize())


def _window(size: tuple[int, int], side: int, multiple: int) -> int:
    """The side of a window in pixels: a multiple, and no larger than the picture's shorter side needs."""
    least = math.ceil(max(min(size), _SMALLEST_WINDOW) / multiple) * multiple
    return min(max(side // multiple, 1) * multiple, least)


class ConsistentEditSet(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDConsistentEditSet",
            "Consistent Edit (video, views)",
            "Edits frames of a video, views of a scene, or pictures that belong together, by one instruction, so that "
            "they agree. All settings are chosen for the model.",
            [
                *_inputs([io.Image.Input("images", tooltip="The frames, views or pictures to edit, one batch.")]),
                io.Combo.Input(
                    "kind",
                    options=[CLIP_OF_VIDEO, SEPARATE],
                    default=CLIP_OF_VIDEO,
                    tooltip="What the images are. Frames of a video agree where their optical flow says that they "
                    "show the same thing. Separate pictures share their noise and their style. Has no effect where "
                    "`views` is connected.",
                ),
                ViewsType.Input(
                    "views",
                    optional=True,
                    tooltip="Cameras and depth of the images, from the node that loaded the view set. The views then "
                    "agree where they show the same place.",
                ),
                *_FURTHER,
            ],
            _outputs(
                "The edited images, in the size and order of the source. An odd side grows by a pixel, for videos."
            ),
            search_aliases=[
                "video edit",
                "consistent frames",
                "flicker",
                "deflicker",
                "multi view",
                "batch edit",
                "series",
            ],
            enable_expand=True,
            group="Simple",
        )

    @classmethod
    def run(cls, images, kind, views=None, **wish):
        wiring = Wiring(Wish(**wish))
        frames, shape = (images, None) if views is not None else _frames(wiring, images)
        found = _correspondence(wiring, frames, len(images), kind, views)
        stages = wiring.coupled(found) if found else _alike(wiring)
        edited, *reports = wiring.edited(frames, **stages)
        if found:
            (edited,) = wiring.add("CSDBlend", images=edited, correspondence=found, strength=1.0, tolerance=0.3)
        if shape:
            (edited,) = wiring.add("CSDVideoRestore", frames=edited, clip=shape)
        return io.NodeOutput(edited, *reports, expand=wiring.graph.finalize())


def _frames(wiring: Wiring, images):
    """The images in a size that the model can edit, and what brings them back to theirs."""
    whole = {"rate": 24.0, "start": 0, "stride": 1, "count": 0}
    size = {"size": "longest side", "side": wiring.preset.window, "edge": "pad", "multiple": wiring.multiple}
    frames, _, _, shape = wiring.add("CSDVideoFrameBatch", 4, video=images, **whole, **size)
    return frames, shape


def _correspondence(wiring: Wiring, frames, count: int, kind: str, views):
    """Where the images show the same thing. None where nothing says so, and for the paper's own coupling."""
    if count == 1 or wiring.wish.quality == PAPER:
        return None
    if views is not None:
        return None if views.depth is None else wiring.add("CSDViewCorrespondence", views=views, neighbours=0)[0]
    if kind == SEPARATE:
        return None
    pairs = _PAIRS[wiring.wish.quality]
    return wiring.add(
        "CSDOpticalFlow",
        **{"frames": frames, "neighbours": pairs, "anchors": pairs, "accuracy": "medium", "tolerance": 0.05},
    )[0]


def _alike(wiring: Wiring) -> dict:
    """Stages for images of which nothing says where they show the same thing: one noise for all."""
    return {"noise": wiring.add("CSDNoiseField", field="shared")[0]}
