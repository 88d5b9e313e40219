"""Templates that make a scene of splats from a text, with the embedded model and with models that people have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..evaluation.text_to_3d import METHODS, SHARED
from .families import Family, Loaded
from .graph import Graph
from .sets import NEVER_RUN

TEXT, LARGE_TEXT = "a yellow balloon", "a red vintage car"
HOW = (
    "A cloud of grey splats becomes what the text says. In every step the model looks at it from all around, and says "
    "what it should look like from there."
)
LARGE: Mapping[str, Any] = {
    **{"steps": 60, "rate": 0.05, "guidance": 7.5, "noise_low": 0.3, "noise_high": 0.98, "views_per_step": 8},
    **{"side": 512, "splats": 5000, "most": 20_000, "approach": 15, "elevation_low": 0.0, "elevation_high": 60.0},
}
"""Widgets for large models."""
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
        f"## An object from a text\n\n{HOW}\n\nThe model is small: its objects are "
        "soft.\n\n**Try**\n- other texts: a house, tree, car, balloon or mug, in red, orange, yellow, green, blue, "
        "purple, pink or white: *a blue house*\n- `seed`: another object\n- `approach`: more steps of the splats for "
        "one look of the model\n"
    )
    graph.column(NARROW)
    with graph.group("Model", "model"):
        model = graph.add("CSDDemoModel", model="objects")
    graph.gap()
    _made_and_shown(graph, Loaded(model["MODEL"], model["CLIP"], model["VAE"]), settings())


def real(graph: Graph, family: Family) -> None:
    """The same with a model that people have."""
    graph.column(NARROW)
    graph.note(
        f"## An object from a text with {family.label}\n\n{HOW} It needs {family.memory}."
        "\n\n**Knobs**\n- `steps`: more make it clearer. A step takes "
        f"{2 * LARGE['views_per_step']} evaluations of the model.\n- `guidance` 5 to 20: how strongly the text pulls. "
        "The paper takes 20.\n- `view_words`: prompts say *front view*, *side view* and so on, so that the object gets "
        "one front.\n- `side`: pixels of the views. Larger ones are clearer, and slower.\n- `seed`: another object.\n"
        f"\n{NEVER_RUN}\n"
    )
    graph.gap()
    with graph.group("Model", "model"):
        loaded = family.load(graph)
    graph.column(NARROW)
    _made_and_shown(graph, loaded, {"text": LARGE_TEXT, "seed": 0, **LARGE})


def _made_and_shown(graph: Graph, loaded: Loaded, widgets: Mapping[str, Any]) -> None:
    """The object as splats, as a file, as pictures from all sides, and as a turning picture."""
    with graph.group("Every view by itself", "edit"):
        coupling = graph.add("CSDKernel", kernel="independent", repulsion=0.0)["coupling"]
    graph.column(NARROW)
    with graph.group("Object", "edit"):
        wires = {"model": loaded.model, "clip": loaded.clip, "vae": loaded.vae, "coupling": coupling}
        made = graph.add("CSDTextToSplats", **wires, **widgets)
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
