"""The templates of the simple nodes: a whole edit in one node, with the demo model."""

from __future__ import annotations

from .graph import Graph, Wire
from .parts import SEED

TITLE = "Consistent Edit"
INSTRUCTIONS = "*make it winter*, *make it a sunset*, *make it night*, *make it an oil painting*, *make it foggy*"
KNOBS = """**Three knobs**
- `instruction`: what to do. The demo model knows {instructions} and a few more.
- `strength`: higher changes more. Try 0.3 to 0.8.
- `quality`: *fast* for a first look, *balanced* for the result.

**Your own model**: put Load Checkpoint in place of CSD Demo Model. Best is a model that edits by instruction
(InstructPix2Pix, CosXL Edit, Flux Kontext, Qwen-Image-Edit). For any other, also write into `source` what the picture
shows now.
"""


def _note(graph: Graph, title: str, own: str, longer: str) -> None:
    knobs = KNOBS.format(instructions=INSTRUCTIONS)
    graph.note(f"## {title}\n\nPress Run. No download is needed.\n\n{knobs}\n{own}\n\n{longer}\n")


def _model(graph: Graph) -> tuple[Wire, Wire, Wire]:
    """Model, CLIP and VAE, in a group under the last one."""
    graph.gap()
    with graph.group("Model", "model"):
        made = graph.add("CSDDemoModel", model="sharp")
    return made["MODEL"], made["CLIP"], made["VAE"]


def panorama(graph: Graph) -> None:
    """A wide picture, edited by one node."""
    graph.column(380)
    _note(
        graph,
        "Edit a panorama",
        "**Your own picture**: put Load Image in place of CSD Demo Scene. Any size works. The demo model likes a "
        "height of about 256 pixels.",
        "**What is inside**: the template `panorama_edit` shows the same as single nodes.",
    )
    graph.column(300)
    with graph.group("Picture", "set"):
        painted = {"seed": SEED, "look": "summer", "width": 1024, "height": 256}
        source = graph.add("CSDDemoScene", title="Source", **painted)["IMAGE"]
    model, clip, vae = _model(graph)
    graph.column(360)
    with graph.group("Edit", "edit"):
        edited = graph.add(
            "CSDConsistentEditPanorama",
            title=TITLE,
            image=source,
            model=model,
            clip=clip,
            vae=vae,
            instruction="make it a sunset",
        )
    graph.report(edited["report"])
    graph.column(600)
    with graph.group("Before and after", "result"):
        graph.add("PreviewImage", title="Before", images=source)
        graph.add("SaveImage", title="After", images=edited["image"], filename_prefix="csd/panorama")
        graph.add("CSDCompare", title="Compare", before=source, after=edited["image"])


def video(graph: Graph) -> None:
    """A clip, edited by one node."""
    graph.column(380)
    _note(
        graph,
        "Edit a video",
        "**Your own video**: put Load Video and Get Video Components in place of CSD Demo Video, and wire `images`, "
        "`fps` and `audio`. Begin with one or two seconds.",
        "**What is inside**: the template `video_edit` shows the same as single nodes.",
    )
    graph.column(300)
    with graph.group("Video", "set"):
        painted = {"seed": SEED, "look": "summer", "frames": 12, "width": 192, "height": 128, "rate": 12.0}
        source = graph.add("CSDDemoClip", title="Source", **painted)
    model, clip, vae = _model(graph)
    graph.column(360)
    with graph.group("Edit", "edit"):
        edited = graph.add(
            "CSDConsistentEditSet",
            title=TITLE,
            images=source["frames"],
            model=model,
            clip=clip,
            vae=vae,
            instruction="make it a sunset",
        )
    graph.report(edited["report"])
    graph.column(460)
    with graph.group("Result", "result"):
        made = graph.add("CreateVideo", images=edited["image"], fps=source["rate"])
        graph.add("SaveVideo", title="After", video=made["VIDEO"], filename_prefix="csd/clip")
        graph.add("CSDCompare", title="Compare", before=source["frames"], after=edited["image"])


TEMPLATES = {"simple_panorama": panorama, "simple_video": video}
