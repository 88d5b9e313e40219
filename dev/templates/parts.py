"""What the templates with the embedded model share: its words, soft masks, windows, the sampler, the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...demo.settings import SHARP_EDIT
from .graph import WIDGET, Graph, Wire

SIDE, OVERLAP = 256, 128  # of the windows, pixels
SEED = 1_000_002  # a scene that the model has not seen
AT_ONCE = 8
NARROW, MIDDLE, WIDE = 300, 340, 420  # columns
LOW = 250  # a node with the picture of a panorama, at least as high as the page makes it
OTHERS = (
    "*make it winter*, *make it autumn*, *make it night*, *make it sepia*, *make it a pencil sketch*, "
    "*make it an oil painting*, *make it foggy*, *make it golden hour*"
)


@dataclass(frozen=True)
class Embedded:
    """The model, and the prompts that an edit goes to and from."""

    model: Wire
    clip: Wire
    vae: Wire
    positive: Wire | None = None
    negative: Wire | None = None


def begin(graph: Graph, text: str) -> None:
    """The first column, with the note in it and room for a group under the note."""
    graph.column(NARROW)
    graph.note(text)
    graph.gap()


def scene(graph: Graph, width: int, height: int = SIDE, title: str = "Source", seed: int = SEED) -> Wire:
    return graph.add("CSDDemoScene", title=title, seed=seed, look="summer", width=width, height=height)["IMAGE"]


def embedded(graph: Graph, model: str = "sharp") -> Embedded:
    made = graph.add("CSDDemoModel", model=model)
    return Embedded(made["MODEL"], made["CLIP"], made["VAE"])


def words(graph: Graph, own: Embedded, title: str, text: str) -> Wire:
    return graph.add("CLIPTextEncode", title=title, clip=own.clip, text=text)["CONDITIONING"]


def instructed(graph: Graph, text: str, title: str = "Instruction", model: str = "sharp") -> Embedded:
    """A group with the model and its prompts: the text, under its title, and the empty one."""
    with graph.group("Words", "words"):
        own = embedded(graph, model)
        texts = words(graph, own, title, text), words(graph, own, "No text", "")
    return Embedded(own.model, own.clip, own.vae, *texts)


def seeing(graph: Graph, own: Embedded, pictures: Wire) -> Embedded:
    """The prompts with the pictures that are edited."""
    pair = graph.add(
        "InstructPixToPixConditioning", positive=own.positive, negative=own.negative, vae=own.vae, pixels=pictures
    )
    return Embedded(own.model, own.clip, own.vae, pair["positive"], pair["negative"])


def soft_mask(graph: Graph, canvas: tuple[int, int], box: tuple[int, int, int, int], soft: Mapping[str, int]) -> Wire:
    """1 in the box (left, top, width, height), falling to 0 within `soft` pixels of its sides."""
    inside = graph.add("SolidMask", title="Inside", value=1.0, width=box[2], height=box[3])["MASK"]
    sides: dict[str, Any] = {side: soft.get(side, 0) for side in ("left", "top", "right", "bottom")}
    feathered = graph.add("FeatherMask", title="Soft border", mask=inside, **sides)["MASK"]
    outside = graph.add("SolidMask", title="Outside", value=0.0, width=canvas[0], height=canvas[1])["MASK"]
    places = {"x": box[0], "y": box[1], "operation": "add"}
    return graph.add("MaskComposite", title="Mask", destination=outside, source=feathered, **places)["MASK"]


def windows(graph: Graph, source: Wire, **widgets: Any) -> dict[str, Wire]:
    """The source in overlapping windows: particles, layout."""
    sizes = {"window_width": SIDE, "window_height": SIDE, "overlap": OVERLAP, "multiple": 8, "blend": "feather"}
    with graph.group("Windows", "set"):
        split = graph.add("CSDParticleSplit", whole=source, **{**sizes, **widgets})
    graph.gap()
    return split


def sampler(graph: Graph, own: Embedded, latent: Wire, **stages: Any) -> dict[str, Wire]:
    """CSD Edit Sampler with the settings of the model; `stages` are further wires and widgets."""
    settings = {"particles_at_once": AT_ONCE, **SHARP_EDIT, **stages}
    prompts = {"positive": own.positive, "negative": own.negative}
    return graph.add("CSDEditSampler", model=own.model, latent=latent, **prompts, **settings)


def sampled(graph: Graph, own: Embedded, latent: Wire, **stages: Any) -> Wire:
    """A column with the sampler, and its report. The edited latents."""
    graph.column(MIDDLE)
    with graph.group("Sampler", "edit"):
        edited = sampler(graph, own, latent, **stages)
    graph.report(edited["report"])
    return edited["latent"]


def nearby(graph: Graph) -> Wire:
    """CSD Velocity for an edit that stays close to its source."""
    return graph.add("CSDVelocity", freedom=0.0, source="image")["baseline"]


def edited_windows(
    graph: Graph,
    own: Embedded,
    split: Mapping[str, Wire],
    alike: bool = True,
    mask: Wire | None = None,
    onto: Mapping[str, Wire] | None = None,
) -> Wire:
    """The windows edited together, decoded and merged.

    alike   whether places that look alike change alike
    mask    where the edit happens, of the size of the whole picture
    onto    the picture ("destination") and the "mask" through which the edit is put into it
    """
    with graph.group("Edit all windows together", "edit"):
        latent = graph.add("VAEEncode", pixels=split["particles"], vae=own.vae)["LATENT"]
        if mask:
            latent = graph.add("SetLatentNoiseMask", samples=latent, mask=mask)["LATENT"]
        seen = seeing(graph, own, split["particles"])
        coupling = (graph.add("CSDTones") if alike else graph.add("CSDKernel", kernel="independent"))["coupling"]
        velocity = nearby(graph)
    stages = {"layout": split["layout"], "baseline": velocity, "coupling": coupling}
    latent = sampled(graph, seen, latent, **stages)
    graph.column(WIDE)
    with graph.group("Windows to picture", "set"):
        pictures = graph.add("VAEDecode", samples=latent, vae=own.vae)["IMAGE"]
        whole = graph.add("CSDParticleMerge", particles=pictures, layout=split["layout"])["whole"]
        if onto:
            place: dict[str, Any] = {"title": "Source and edit", "x": 0, "y": 0, "resize_source": False}
            whole = graph.add("ImageCompositeMasked", source=whole, **onto, **place)["IMAGE"]
    graph.gap()
    return whole


def shown(graph: Graph, before: Wire, after: Wire, tall: int = LOW) -> None:
    """The pictures before and after; the first node is `tall`."""
    with graph.group("Before and after", "result"):
        graph.add("PreviewImage", title="Before", images=before, tall=tall)
        prefix = f"csd/{graph.name}"
        graph.add("SaveImage", title="After", images=after, filename_prefix=prefix, tall=tall + WIDGET)
