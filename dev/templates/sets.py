"""What the templates of a set share, whatever the model: the pictures in, the sampler, the pictures out."""

from __future__ import annotations

from typing import Any

from .families import Family, Prompts
from .graph import Graph, Wire

NEVER_RUN = (
    "The settings are starting points: this template was run to its end with tiny models of the same kind, "
    "and never yet with the real weights."
)


def note(graph: Graph, family: Family, title: str, set_text: str) -> None:
    graph.note(
        f"## {title} with {family.label}\n\n{set_text}\n\n**Before the first run** ComfyUI offers to download the "
        f"model ({family.memory}).\n\n**Knobs**\n{family.knobs}- `seed`: another seed, another edit.\n\n{NEVER_RUN}\n"
    )
    graph.gap()


def _sampled(
    graph: Graph, family: Family, prompts: Prompts, model: Wire, latent: Wire, what: str, **further: Any
) -> Wire:
    """A column with CSD Edit Sampler, the order of the noise levels where the family has one, and the report.

    what   names what is edited, in the title
    """
    graph.column(360)
    with graph.group(f"Edit all {what} together", "edit"):
        if family.order:
            further["timesteps"] = graph.add("CSDTimesteps", order="descending", **family.order)["timesteps"]
        if prompts.baseline:
            further["baseline"] = prompts.baseline
        wires = {"model": model, "positive": prompts.positive, "negative": prompts.negative, "latent": latent}
        edited = graph.add("CSDEditSampler", **wires, **family.sampler, **further)
    graph.report(edited["report"])
    return edited["latent"]


def along(graph: Graph, correspondence: Wire) -> dict[str, Wire]:
    """Wires of an edit whose pictures agree where they show the same thing."""
    coupling = graph.add("CSDKernel", kernel="uniform", repulsion=0.0, correspondence=correspondence)["coupling"]
    noise = graph.add("CSDNoiseField", field="carried", correspondence=correspondence)["noise"]
    return {"coupling": coupling, "noise": noise}


def _coupled(graph: Graph, finder: str, **seen: Any) -> tuple[dict[str, Wire], Wire]:
    """A column with the options for pictures that agree where they show the same thing, and that correspondence.

    finder   the node that finds it, from what is `seen`
    """
    graph.column(340)
    with graph.group("Coupling", "edit"):
        correspondence = graph.add(finder, **seen)["correspondence"]
        wires = along(graph, correspondence)
    return wires, correspondence


def _edited(
    graph: Graph, family: Family, pictures: Wire, what: str, finder: str, **seen: Any
) -> tuple[Wire, Wire, Wire]:
    """Columns in which pictures are edited along a correspondence. Edited latents, the VAE for them, correspondence.

    what     names the pictures, in the title
    finder   the node that finds the correspondence, from what is `seen`
    """
    with graph.group("Model", "model"):
        loaded = family.load(graph)
        few = graph.add("CSDVAEBatch", vae=loaded.vae, images_at_once=1)["vae"]
        latent = graph.add("VAEEncode", pixels=pictures, vae=few)["LATENT"]
    coupled, correspondence = _coupled(graph, finder, **seen)
    graph.column(360)
    with graph.group("Words", "words"):
        prompts = family.describe(graph, type(loaded)(loaded.model, loaded.clip, few), pictures, family.texts)
    edited = _sampled(graph, family, prompts, loaded.model, latent, what, **coupled)
    graph.column(420)
    return edited, few, correspondence


def decoded(graph: Graph, edited: Wire, vae: Wire, correspondence: Wire) -> Wire:
    """Edited latents as pictures without the flicker of the VAE."""
    pictures = graph.add("VAEDecode", samples=edited, vae=vae)["IMAGE"]
    return graph.add("CSDBlend", images=pictures, correspondence=correspondence)["images"]


def panorama(graph: Graph, family: Family) -> None:
    """A wide picture in windows on one canvas."""
    side = family.window
    graph.column(360)
    note(
        graph, family, "Edit a panorama", f"The picture is cut into overlapping windows of {side} pixels, which are "
        f"edited together on one canvas. Load a picture at least {side} pixels high; any width works.",
    )  # fmt: skip
    with graph.group("Picture", "set"):
        source = graph.add("LoadImage", title="Source", image="example.png")["IMAGE"]
    graph.column(340)
    with graph.group("Model", "model"):
        loaded = family.load(graph)
    graph.column(340)
    with graph.group("Windows", "set"):
        split = graph.add(
            "CSDParticleSplit", whole=source, window_width=side, window_height=side, overlap=side // 2, vae=loaded.vae,
            multiple=16, blend="feather",
        )  # fmt: skip
        few = graph.add("CSDVAEBatch", vae=loaded.vae, images_at_once=1)["vae"]
        latent = graph.add("VAEEncode", pixels=split["particles"], vae=few)["LATENT"]
    graph.column(360)
    with graph.group("Words", "words"):
        own = type(loaded)(loaded.model, loaded.clip, few)
        prompts = family.describe(graph, own, split["particles"], family.texts)
    edited = _sampled(graph, family, prompts, loaded.model, latent, "windows", layout=split["layout"])
    graph.column(420)
    with graph.group("Result", "result"):
        pictures = graph.add("VAEDecode", samples=edited, vae=few)["IMAGE"]
        merged = graph.add("CSDParticleMerge", particles=pictures, layout=split["layout"])
        graph.add("SaveImage", title="Edit", images=merged["whole"], filename_prefix="csd/panorama")


def video(graph: Graph, family: Family) -> None:
    """Frames of a video, coupled along their optical flow."""
    graph.column(360)
    note(
        graph, family, "Edit a video", "The frames are edited together: optical flow says where each frame shows what "
        "another one shows, and there they share their edit. Begin with one second.",
    )  # fmt: skip
    with graph.group("Video", "set"):
        source = graph.add("LoadVideo", title="Source", file="video.mp4")["VIDEO"]
        frames = graph.add("CSDVideoFrameBatch", video=source, rate=8.0, count=8, side=family.window, multiple=16)
    graph.column(340)
    edited = _edited(graph, family, frames["frames"], "frames", "CSDOpticalFlow", frames=frames["frames"])
    with graph.group("Result", "result"):
        even = decoded(graph, *edited)
        restored = graph.add("CSDVideoRestore", frames=even, clip=frames["range"])
        made = graph.add(
            "CreateVideo",
            title="Edited video",
            images=restored["frames"],
            fps=restored["rate"],
            audio=restored["audio"],
        )
        graph.add("SaveVideo", title="Edit", video=made["VIDEO"], filename_prefix="csd/clip")


def views(graph: Graph, family: Family) -> None:
    """Views of a scene, coupled along their cameras and depth."""
    graph.column(360)
    note(
        graph, family, "Edit the views of a scene", "Put your view set, a folder with `transforms.json` and depth, "
        "into ComfyUI's input folder, and choose it in CSD View Set Load. Cameras and depth say where views show the "
        "same thing, and there they share their edit. Sets without depth: take CSD View Correspondence and "
        "CSD Blend out, set the kernel to *rbf* and the noise field to *shared*.",
    )  # fmt: skip
    with graph.group("Views", "set"):
        source = graph.add("CSDViewSetLoad", title="Source", folder="my_scene", longest_side=family.window)
    graph.column(340)
    found = {"views": source["views"], "neighbours": 4}
    edited = _edited(graph, family, source["images"], "views", "CSDViewCorrespondence", **found)
    with graph.group("Result", "result"):
        even = decoded(graph, *edited)
        graph.add("CSDViewSetSave", title="Edit", images=even, views=source["views"], name="", tall=300)
