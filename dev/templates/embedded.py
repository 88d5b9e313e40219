"""Templates that run on the embedded model as they open: nothing to download, and a picture in the time of a coffee."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .graph import Graph, Wire

SIDE, OVERLAP = 256, 128  # of the windows, pixels
STEPS = {"steps": 8, "guidance": 1.0, "image_guidance": 1.0, "step_size": 1.0, "noise_low": 0.0, "noise_high": 0.85}
AT_ONCE = 8
NARROW, WIDE = 310, 400  # columns
SCALE = 0.6


@dataclass(frozen=True)
class Model:
    model: Wire
    clip: Wire
    vae: Wire


def _model(graph: Graph) -> Model:
    made = graph.add("CSDDemoModel", model="sharp")
    return Model(made["MODEL"], made["CLIP"], made["VAE"])


def _scene(graph: Graph, width: int, height: int = SIDE, seed: int = 1000002) -> Wire:
    return graph.add("CSDDemoScene", title="Source", seed=seed, look="summer", width=width, height=height)["IMAGE"]


def _text(graph: Graph, model: Model, title: str, text: str) -> Wire:
    return graph.add("CLIPTextEncode", title=title, clip=model.clip, text=text)["CONDITIONING"]


def _begun(graph: Graph, text: str) -> None:
    """The first column, with the note in it and room for a group under the note."""
    graph.scale = SCALE
    graph.column(NARROW)
    graph.note(text)
    graph.gap()


def _words(graph: Graph, instruction: str) -> tuple[Model, tuple[Wire, Wire]]:
    """A column with the model and its prompts: the instruction, and the empty text."""
    graph.column(NARROW)
    with graph.group("Words", "words"):
        model = _model(graph)
        return model, (_text(graph, model, "Instruction", instruction), _text(graph, model, "No text", ""))


def _mask(graph: Graph, canvas: tuple[int, int], box: tuple[int, int, int, int], soft: Mapping[str, int]) -> Wire:
    """1 in the box (left, top, width, height), falling to 0 within `soft` pixels of its sides."""
    inside = graph.add("SolidMask", title="Inside", value=1.0, width=box[2], height=box[3])["MASK"]
    sides: dict[str, Any] = {side: soft.get(side, 0) for side in ("left", "top", "right", "bottom")}
    feathered = graph.add("FeatherMask", title="Soft border", mask=inside, **sides)["MASK"]
    outside = graph.add("SolidMask", title="Outside", value=0.0, width=canvas[0], height=canvas[1])["MASK"]
    places = {"x": box[0], "y": box[1], "operation": "add"}
    return graph.add("MaskComposite", title="Mask", destination=outside, source=feathered, **places)["MASK"]


def _windows(graph: Graph, source: Wire, **widgets: Any) -> dict[str, Wire]:
    sizes = {"window_width": SIDE, "window_height": SIDE, "overlap": OVERLAP, "multiple": 8, "blend": "feather"}
    with graph.group("Windows", "set"):
        split = graph.add("CSDParticleSplit", whole=source, **{**sizes, **widgets})
    graph.gap()
    return split


def _edited(
    graph: Graph, model: Model, split: Mapping[str, Wire], prompts: tuple[Wire, Wire], regions: bool = False
) -> dict[str, Wire]:
    """The windows edited together, decoded and merged. -> whole, report

    Places that look alike change alike; where there are `regions` they may change in different ways.
    """
    with graph.group("Edit all windows together", "edit"):
        latent = graph.add("VAEEncode", pixels=split["particles"], vae=model.vae)["LATENT"]
        pair = graph.add(
            "InstructPixToPixConditioning", positive=prompts[0], negative=prompts[1], vae=model.vae,
            pixels=split["particles"],
        )  # fmt: skip
        coupling = (graph.add("CSDKernel", kernel="independent") if regions else graph.add("CSDTones"))["coupling"]
        velocity = graph.add("CSDVelocity", freedom=0.0, source="image")["baseline"]
    graph.column(NARROW)
    with graph.group("Sampler", "edit"):
        edited = graph.add(
            "CSDEditSampler", model=model.model, positive=pair["positive"], negative=pair["negative"], latent=latent,
            layout=split["layout"], baseline=velocity, coupling=coupling, particles_at_once=AT_ONCE, **STEPS,
        )  # fmt: skip
        pictures = graph.add("VAEDecode", samples=edited["latent"], vae=model.vae)["IMAGE"]
        merged = graph.add("CSDParticleMerge", particles=pictures, layout=split["layout"])
    return {"whole": merged["whole"], "report": edited["report"]}


def _shown(graph: Graph, before: Wire, after: Wire, report: Wire) -> None:
    graph.column(WIDE)
    with graph.group("Before and after", "result"):
        graph.add("PreviewImage", title="Before", images=before)
        graph.add("SaveImage", title="After", images=after, filename_prefix=f"csd/{graph.name}")
    graph.gap()
    with graph.group("Report", "result"):
        graph.add("PreviewImage", title="Report", images=report)


def regions(graph: Graph) -> None:
    """Two prompts on one canvas, which meet in a soft border."""
    width = 1024
    _begun(
        graph,
        "## Other words for other places\n\nThe left of the canvas becomes winter, the right autumn. A mask says where "
        "a prompt holds. It has the size of the whole picture, and is cut into windows with it.\n\n**Try**\n"
        "- other instructions: *make it night*, *make it sepia*\n"
        "- your own picture and mask: put Load Image in place of CSD Demo Scene, paint in the mask editor\n"
        "- `right` in Soft border: how wide the passage is, pixels\n",
    )
    with graph.group("Picture", "set"):
        source = _scene(graph, width)
    graph.column(NARROW)
    with graph.group("Where each prompt holds", "set"):
        left = _mask(graph, (width, SIDE), (0, 0, 640, SIDE), {"right": 256})
        right = graph.add("InvertMask", title="The rest", mask=left)["MASK"]
    graph.column(NARROW)
    with graph.group("Words", "words"):
        model = _model(graph)
        held = {"strength": 1.0, "set_cond_area": "default"}
        first, second = (_text(graph, model, title, text) for title, text in (("Left", "make it winter"),
                                                                              ("Right", "make it autumn")))  # fmt: skip
        first = graph.add("ConditioningSetMask", conditioning=first, mask=left, **held)["CONDITIONING"]
        second = graph.add("ConditioningSetMask", conditioning=second, mask=right, **held)["CONDITIONING"]
        both = graph.add("ConditioningCombine", conditioning_1=first, conditioning_2=second)["CONDITIONING"]
        empty = _text(graph, model, "No text", "")
    graph.column(NARROW)
    split = _windows(graph, source)
    edited = _edited(graph, model, split, (both, empty), regions=True)
    _shown(graph, source, edited["whole"], edited["report"])


def around(graph: Graph) -> None:
    """A panorama of 360 degrees, whose ends meet."""
    half = 512
    _begun(
        graph,
        "## A panorama of 360 degrees\n\n`wrap` in CSD Particle Split is *horizontal*: the last window goes on at the "
        "left side, so that the ends of the edit meet. The last picture is turned by half, with the seam in its middle."
        "\n\nThe painted scene has no ends that meet; here it is put beside its mirror image. With your own "
        "panorama, connect Load Image to CSD Particle Split instead. Its width has to be a multiple of `multiple`.\n",
    )
    with graph.group("Picture", "set"):
        source = _scene(graph, half)
        mirrored = graph.add("ImageFlip", title="Mirror", image=source, flip_method="y-axis: horizontally")["IMAGE"]
        ring = graph.add("ImageStitch", title="Ring", image1=source, image2=mirrored, direction="right",
                         match_image_size=False, spacing_width=0)["IMAGE"]  # fmt: skip
    model, prompts = _words(graph, "make it a sunset")
    graph.column(NARROW)
    split = _windows(graph, ring, wrap="horizontal")
    edited = _edited(graph, model, split, prompts)
    _shown(graph, ring, edited["whole"], edited["report"])
    graph.column(WIDE)
    with graph.group("Turned by half: the seam is in the middle", "result"):
        parts = [
            graph.add("ImageCrop", title=title, image=edited["whole"], width=half, height=SIDE, x=x, y=0)["IMAGE"]
            for title, x in (("Right half", half), ("Left half", 0))
        ]
        turned = graph.add("ImageStitch", title="Turned", image1=parts[0], image2=parts[1], direction="right",
                           match_image_size=False, spacing_width=0)["IMAGE"]  # fmt: skip
        graph.add("PreviewImage", title="Seam in the middle", images=turned)


def part(graph: Graph) -> None:
    """An edit that is put into the picture through a mask with a soft border."""
    width = 1024
    _begun(
        graph,
        "## Edit a part of a panorama\n\nThe whole picture is edited, and the masked part of the edit is put into the "
        "source. The border is soft: there the edit fades into the picture. Pixels outside stay exactly as they are."
        "\n\n**Try**\n"
        "- your own picture and mask: put Load Image in place of CSD Demo Scene, paint in the mask editor\n"
        "- the numbers in Soft border: how wide the passage is, pixels\n"
        "- models for inpainting: connect the mask to Set Latent Noise Mask behind VAE Encode, too\n",
    )
    with graph.group("Picture", "set"):
        source = _scene(graph, width)
    graph.column(NARROW)
    with graph.group("Where the edit is put", "set"):
        mask = _mask(graph, (width, SIDE), (192, 0, 640, SIDE), {"left": 192, "right": 192})
    model, prompts = _words(graph, "make it winter")
    graph.column(NARROW)
    split = _windows(graph, source)
    edited = _edited(graph, model, split, prompts)
    joined = graph.add("ImageCompositeMasked", title="Source and edit", destination=source, source=edited["whole"],
                       x=0, y=0, resize_source=False, mask=mask)["IMAGE"]  # fmt: skip
    _shown(graph, source, joined, edited["report"])


def large(graph: Graph) -> None:
    """A picture of several rows of windows."""
    _begun(
        graph,
        "## Edit a large picture\n\nThe picture is cut into rows and columns of windows of the size that the model was "
        "trained with. Memory grows with `particles_at_once`, not with the size of the picture.\n\n**Try**\n"
        "- your own picture: put Load Image in place of CSD Demo Scene; any size works\n"
        "- `overlap`: more of it makes neighbours agree better, and takes longer\n",
    )
    with graph.group("Picture", "set"):
        source = _scene(graph, 1024, 512)
    model, prompts = _words(graph, "make it a sunset")
    graph.column(NARROW)
    split = _windows(graph, source)
    edited = _edited(graph, model, split, prompts)
    _shown(graph, source, edited["whole"], edited["report"])


TEMPLATES: Mapping[str, Callable[[Graph], None]] = {
    "panorama_regions": regions,
    "panorama_360": around,
    "panorama_part": part,
    "large_picture": large,
}
