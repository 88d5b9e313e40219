"""Templates that make pictures from text alone, with the embedded models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .graph import WIDGET, Graph, Wire
from .parts import LOW, MIDDLE, NARROW, WIDE, Embedded, begin, instructed, windows

OBJECT, OBJECTS = 96, 6  # side of a picture of the model of objects, and how many
STEPS = {"steps": 24, "step_size": 2.0, "noise_low": 0.02, "noise_high": 0.98, "particles_at_once": 8}


def _from_noise_down(graph: Graph) -> dict[str, Wire]:
    """Options: noise levels that descend, and steps that do not shrink."""
    with graph.group("From much noise to little", "edit"):
        order = graph.add("CSDTimesteps", order="descending")["timesteps"]
        update = graph.add("CSDUpdate", decay=1.0)["update"]
    return {"timesteps": order, "update": update}


def _made(graph: Graph, title: str, own: Embedded, latent: Wire, **stages: Any) -> dict[str, Wire]:
    """A group with CSD Sampler: latent, report."""
    with graph.group(title, "edit"):
        prompts = {"positive": own.positive, "negative": own.negative}
        return graph.add("CSDSampler", model=own.model, latent=latent, **prompts, **STEPS, **stages)


def objects(graph: Graph) -> None:
    """Several pictures of one text, each by itself and as one set."""
    begin(
        graph,
        "## Make a set of pictures from a text\n\nSix pictures of one text are made twice, from the same noise.\n\n"
        "- **Each by itself**: every picture gets a ground and a light of its own.\n- **One set**: the kernel of the "
        "paper lets pictures that are like each other move together. They get one ground and one style. Its repulsion "
        "keeps them from becoming one picture.\n\n**Try**\n"
        "- other texts: *a yellow mug*, *a blue car*, *a green balloon*. The model of objects knows "
        "houses, trees, cars, balloons and mugs\n"
        "- `repulsion` of the second CSD Kernel: higher keeps them more apart\n"
        "- `batch_size`: how many pictures\n",
    )
    with graph.group("How many", "set"):
        size: dict[str, Any] = {"width": OBJECT, "height": OBJECT, "batch_size": OBJECTS}
        empty = graph.add("EmptySD3LatentImage", **size)["LATENT"]
    graph.column(NARROW)
    own = instructed(graph, "a red house", "Text", "objects")
    graph.gap()
    options = _from_noise_down(graph)
    graph.column(NARROW)
    with graph.group("Kernels", "edit"):
        alone = graph.add("CSDKernel", title="Kernel of each", kernel="independent", repulsion=0.0)["coupling"]
        together = graph.add("CSDKernel", title="Kernel of the set", kernel="rbf", repulsion=1.0)["coupling"]
        noise = graph.add("CSDNoiseField", field="independent")["noise"]
    options["noise"] = noise
    graph.column(NARROW)
    each = _made(graph, "Each by itself", own, empty, guidance=2.5, coupling=alone, **options)
    graph.column(NARROW)
    one = _made(graph, "One set", own, empty, guidance=2.5, coupling=together, **options)
    graph.column(WIDE)
    with graph.group("Decoded", "edit"):
        pictures = [graph.add("VAEDecode", samples=made["latent"], vae=own.vae)["IMAGE"] for made in (each, one)]
    graph.gap()
    with graph.group("Results", "result"):
        graph.add("PreviewImage", title="Each by itself", images=pictures[0], tall=LOW)
        prefix = f"csd/{graph.name}"
        graph.add("SaveImage", title="After", images=pictures[1], filename_prefix=prefix, tall=LOW + WIDGET)


def panorama(graph: Graph) -> None:
    """A wide landscape from a text."""
    begin(
        graph,
        "## Make a panorama from a text\n\nThe empty canvas is cut into windows. CSD Sampler fills all of them "
        "together, from much noise to little.\n\nThe kernel is *independent*: windows agree where they overlap, and "
        "nowhere else. With *rbf*, the kernel of the paper, windows also mix what they have at the same place. The "
        "horizon then becomes one straight line, and what is special to a window washes out.\n\n"
        "**Try**\n"
        "- other texts: *at sunset*, *with autumn colours*, *a winter landscape in snow*\n"
        "- `width`: as wide as you like\n"
        "- `guidance`: higher is more colourful, and less like a landscape\n"
        "- `steps`: more of them add detail\n\nThe demo model is small, and was trained mostly to edit. Do not expect "
        "more than a rough landscape from it.\n",
    )
    with graph.group("Canvas", "set"):
        empty = graph.add("EmptySD3LatentImage", width=768, height=128, batch_size=1)["LATENT"]
    graph.column(NARROW)
    own = instructed(graph, "as a summer day", "Text")
    graph.column(NARROW)
    split = windows(graph, empty, window_width=128, window_height=128, overlap=96)
    options = _from_noise_down(graph)
    graph.gap()
    with graph.group("Kernel", "edit"):
        kernel = graph.add("CSDKernel", kernel="independent", repulsion=0.0)["coupling"]
    graph.column(MIDDLE)
    made = _made(
        graph, "Sampler", own, split["particles"], guidance=1.0, coupling=kernel, layout=split["layout"], **options
    )
    graph.report(made["report"])
    graph.column(WIDE)
    with graph.group("Windows to picture", "set"):
        pictures = graph.add("VAEDecode", samples=made["latent"], vae=own.vae)["IMAGE"]
        whole = graph.add("CSDParticleMerge", particles=pictures, layout=split["layout"])["whole"]
    graph.gap()
    with graph.group("Result", "result"):
        graph.add("SaveImage", title="After", images=whole, filename_prefix=f"csd/{graph.name}", tall=LOW + WIDGET)


TEMPLATES: Mapping[str, Callable[[Graph], None]] = {"text_to_panorama": panorama, "text_to_set": objects}
