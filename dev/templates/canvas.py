"""Templates of one wide or large picture with the embedded model, which is edited in windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .graph import Graph
from .parts import (
    LOW,
    NARROW,
    OTHERS,
    SIDE,
    Embedded,
    begin,
    edited_windows,
    embedded,
    instructed,
    scene,
    shown,
    soft_mask,
    windows,
    words,
)


def panorama(graph: Graph) -> None:
    """A wide picture in windows on one canvas."""
    begin(
        graph,
        "## Edit a panorama\n\nThe picture is cut into overlapping windows. CSD Edit Sampler edits them together on "
        "one canvas, so that no window drifts from its neighbours. **CSD Tones** lets what looks alike change alike, "
        "from end to end. **CSD Velocity** says that the model is a rectified flow, as Flux is.\n\n**Try**\n"
        f"- another instruction: {OTHERS}\n"
        "- your own picture: put Load Image in place of CSD Demo Scene. The demo model likes a height of 256 pixels\n"
        "- `noise_high` of the sampler: how large the structures are that may change\n"
        "- `freedom` in CSD Velocity: higher lets the edit leave the source\n"
        "- `particles_at_once`: lower it if memory runs out\n",
    )
    with graph.group("Picture", "set"):
        source = scene(graph, 1024)
    graph.column(NARROW)
    own = instructed(graph, "make it a sunset")
    graph.column(NARROW)
    split = windows(graph, source)
    edited = edited_windows(graph, own, split)
    shown(graph, source, edited)


def regions(graph: Graph) -> None:
    """Two prompts on one canvas, which meet in a soft border."""
    width = 1024
    begin(
        graph,
        "## Other words for other places\n\nThe left of the canvas becomes winter, the right autumn. A mask says where "
        "a prompt holds. It has the size of the whole picture, and is cut into windows with it.\n\n**Try**\n"
        "- other instructions: *make it night*, *make it sepia*\n"
        "- your own picture and mask: put Load Image in place of CSD Demo Scene, paint in the mask editor\n"
        "- `right` in Soft border: how wide the passage is, pixels\n",
    )
    with graph.group("Picture", "set"):
        source = scene(graph, width)
    graph.column(NARROW)
    with graph.group("Where each prompt holds", "set"):
        left = soft_mask(graph, (width, SIDE), (0, 0, 640, SIDE), {"right": 256})
        right = graph.add("InvertMask", title="The rest", mask=left)["MASK"]
    graph.column(NARROW)
    with graph.group("Words", "words"):
        own = embedded(graph)
        held: dict[str, Any] = {"strength": 1.0, "set_cond_area": "default"}
        texts = {"Left": (left, "make it winter"), "Right": (right, "make it autumn")}
        first, second = (
            graph.add("ConditioningSetMask", conditioning=words(graph, own, title, text), mask=mask, **held)
            for title, (mask, text) in texts.items()
        )
        pair: dict[str, Any] = {"conditioning_1": first["CONDITIONING"], "conditioning_2": second["CONDITIONING"]}
        both = graph.add("ConditioningCombine", **pair)["CONDITIONING"]
        own = Embedded(own.model, own.clip, own.vae, both, words(graph, own, "No text", ""))
    graph.column(NARROW)
    split = windows(graph, source)
    edited = edited_windows(graph, own, split, alike=False)
    shown(graph, source, edited)


def around(graph: Graph) -> None:
    """A panorama of 360 degrees, whose ends meet."""
    half = 512
    begin(
        graph,
        "## A panorama of 360 degrees\n\n`wrap` in CSD Particle Split is *horizontal*: the last window goes on at the "
        "left side, so that the ends of the edit meet. The last picture is turned by half, with the seam in its middle."
        "\n\nThe painted scene has no ends that meet; here it is put beside its mirror image. With your own "
        "panorama, connect Load Image to CSD Particle Split instead. Its width has to be a multiple of `multiple`.\n",
    )
    with graph.group("Picture", "set"):
        source = scene(graph, half)
        mirrored = graph.add("ImageFlip", title="Mirror", image=source, flip_method="y-axis: horizontally")["IMAGE"]
        ring = graph.add("ImageStitch", title="Ring", image1=source, image2=mirrored, direction="right",
                         match_image_size=False, spacing_width=0)["IMAGE"]  # fmt: skip
    graph.column(NARROW)
    own = instructed(graph, "make it a sunset")
    graph.column(NARROW)
    split = windows(graph, ring, wrap="horizontal")
    edited = edited_windows(graph, own, split)
    shown(graph, ring, edited)
    graph.column(NARROW)
    with graph.group("The seam in the middle", "result"):
        parts = [
            graph.add("ImageCrop", title=title, image=edited, width=half, height=SIDE, x=x, y=0)["IMAGE"]
            for title, x in (("Right half", half), ("Left half", 0))
        ]
        turned = graph.add("ImageStitch", title="Turned", image1=parts[0], image2=parts[1], direction="right",
                           match_image_size=False, spacing_width=0)["IMAGE"]  # fmt: skip
        graph.add("PreviewImage", title="Seam in the middle", images=turned, tall=LOW)


def _through_mask(graph: Graph, title: str, instruction: str, soft: int, inside: bool) -> None:
    """All nodes of an edit that is put into the picture through a mask.

    title    of the group with the mask
    soft     width of its borders, pixels
    inside   whether the edit happens inside the mask only
    """
    width = 1024
    with graph.group("Picture", "set"):
        source = scene(graph, width)
    graph.column(NARROW)
    with graph.group(title, "set"):
        mask = soft_mask(graph, (width, SIDE), (192, 0, 640, SIDE), {"left": soft, "right": soft})
    graph.column(NARROW)
    own = instructed(graph, instruction)
    graph.column(NARROW)
    split = windows(graph, source)
    onto = {"destination": source, "mask": mask}
    edited = edited_windows(graph, own, split, mask=mask if inside else None, onto=onto)
    shown(graph, source, edited)


def part(graph: Graph) -> None:
    """An edit that is put into the picture through a mask with a soft border."""
    begin(
        graph,
        "## Edit a part of a panorama\n\nThe whole picture is edited, and the masked part of the edit is put into the "
        "source. The border is soft: there the edit fades into the picture. Pixels outside stay exactly as they are."
        "\n\n**Try**\n"
        "- your own picture and mask: put Load Image in place of CSD Demo Scene, paint in the mask editor\n"
        "- the numbers in Soft border: how wide the passage is, pixels\n"
        "- models for inpainting: connect the mask to Set Latent Noise Mask behind VAE Encode, too\n",
    )
    _through_mask(graph, "Where the edit is put", "make it winter", soft=192, inside=False)


def inpaint(graph: Graph) -> None:
    """An edit that happens inside a mask with a soft border only."""
    begin(
        graph,
        "## Change only what a mask shows\n\nSet Latent Noise Mask tells the sampler where the edit happens. In every "
        "step the edit moves by as much as the mask says, so it grows together with what stays. At the end the same "
        "mask puts the edit into the source: pixels outside stay exactly as they are.\n\nThe border has to be soft: "
        "a hard one shows.\n\n**Try**\n"
        "- your own picture and mask: put Load Image in place of CSD Demo Scene, paint in the mask editor, and put "
        "Feather Mask or a blur behind it\n"
        "- the numbers in Soft border: how wide the passage is, pixels\n"
        "- compare with `panorama_part`, which edits everything and then shows a part\n",
    )
    _through_mask(graph, "Where the edit happens", "make it autumn", soft=224, inside=True)


def large(graph: Graph) -> None:
    """A picture of several rows of windows."""
    begin(
        graph,
        "## Edit a large picture\n\nThe picture is cut into rows and columns of windows of the size that the model was "
        "trained with. Memory grows with `particles_at_once`, not with the size of the picture.\n\n**Try**\n"
        "- your own picture: put Load Image in place of CSD Demo Scene; any size works\n"
        "- `overlap`: more of it makes neighbours agree better, and takes longer\n",
    )
    with graph.group("Picture", "set"):
        source = scene(graph, 1024, 512)
    graph.column(NARROW)
    own = instructed(graph, "make it a sunset")
    graph.column(NARROW)
    split = windows(graph, source)
    edited = edited_windows(graph, own, split)
    shown(graph, source, edited, tall=280)


TEMPLATES: Mapping[str, Callable[[Graph], None]] = {
    "panorama_edit": panorama,
    "panorama_regions": regions,
    "panorama_360": around,
    "panorama_part": part,
    "inpaint_panorama": inpaint,
    "large_picture": large,
}
