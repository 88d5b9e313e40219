"""The template that makes a scene of splats from a text, with the embedded model of objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..evaluation.text_to_3d import METHODS, SHARED
from .graph import Graph

TEXT = "a yellow balloon"
FRAMES, RATE = 36, 12.0  # of a turn, and a second
SHOWN_SIDE = 384  # pixels of the turning picture
NARROW, WIDE = 310, 400  # columns
TURN, VIEWS = "Turn", "After"  # titles; the card shows the views


def settings() -> dict[str, Any]:
    """Widgets of CSD Text to 3D: those with which it is measured."""
    ours = METHODS["ours"]
    return {"text": TEXT, "seed": 0, "steps": ours.steps, **SHARED, **ours.inputs}


def text_to_3d(graph: Graph) -> None:
    """An object from a text, as a turning picture and as a file."""
    graph.column(NARROW)
    graph.note(
        "## An object from a text\n\nA cloud of grey splats becomes what the text says. In every step the model looks "
        "at it from all around, and says what it should look like from there.\n\nThe model is small: its objects are "
        "soft.\n\n**Try**\n- other texts: a house, tree, car, balloon or mug, in red, orange, yellow, green, blue, "
        "purple, pink or white: *a blue house*\n- `seed`: another object\n- `approach`: more steps of the splats for "
        "one look of the model\n"
    )
    graph.column(NARROW)
    with graph.group("Model", "model"):
        model = graph.add("CSDDemoModel", model="objects")
    graph.gap()
    with graph.group("Every view by itself", "edit"):
        coupling = graph.add("CSDKernel", kernel="independent", repulsion=0.0)["coupling"]
    graph.column(NARROW)
    with graph.group("Object", "edit"):
        wires = {"model": model["MODEL"], "clip": model["CLIP"], "vae": model["VAE"], "coupling": coupling}
        made = graph.add("CSDTextToSplats", **wires, **settings())
    graph.report(made["report"])
    graph.column(NARROW)
    with graph.group("File", "result"):
        graph.add("CSDSaveSplats", splat=made["splat"], name=graph.name)
    graph.gap()
    with graph.group("Pictures of it", "result"):
        cameras = {"splat": made["splat"], "views": made["views"], "background": 0.8}
        turn = graph.add("CSDRenderSplats", title="On a turn", frames=FRAMES, **cameras)["images"]
        large = graph.add("ImageScale", image=turn, upscale_method="lanczos", width=SHOWN_SIDE, height=SHOWN_SIDE,
                          crop="disabled")["IMAGE"]  # fmt: skip
        still = graph.add("CSDRenderSplats", title="From each side", frames=0, **cameras)["images"]
    graph.column(WIDE)
    with graph.group(TURN, "result"):
        graph.add("SaveAnimatedWEBP", title=TURN, images=large, filename_prefix=f"csd/{graph.name}", fps=RATE,
                  lossless=False, quality=85, method="default", tall=400)  # fmt: skip
    graph.gap()
    with graph.group("From all sides", "result"):
        graph.add("PreviewImage", title=VIEWS, images=still)


TEMPLATES: Mapping[str, Callable[[Graph], None]] = {"text_to_3d": text_to_3d}
