"""What the templates of a set share, whatever the model: the pictures in, the sampler, the pictures out."""

from __future__ import annotations

from typing import Any

from .families import Family, Prompts
from .graph import Graph, Wire

NEVER_RUN = (
    "The settings are starting points: this template was run to its end with tiny models of the same kind, "
    "and never yet with the real weights."
)


def _note(graph: Graph, family: Family, title: str, set_text: str) -> None:
    graph.note(
        f"## {title} with {family.label}\n\n{set_text}\n\n**Before the first run** ComfyUI offers to download the "
        f"model ({family.memory}).\n\n**Knobs**\n{family.knobs}- `seed`: another seed, another edit.\n\n{NEVER_RUN}\n"
    )


def _sampled(
    graph: Graph, family: Family, prompts: Prompts, model: Wire, latent: Wire, **further: Any
) -> dict[str, Wire]:
    """CSD Edit Sampler, with the order of the noise levels before it where the family has one."""
    if family.order:
        further["timesteps"] = graph.add("CSDTimesteps", order="descending", **family.order)["timesteps"]
    if prompts.baseline:
        further["baseline"] = prompts.baseline
    wires = {"model": model, "positive": prompts.positive, "negative": prompts.negative, "latent": latent}
    return graph.add("CSDEditSampler", **wires, **family.sampler, **further)


def panorama(graph: Graph, family: Family) -> None:
    """A wide picture in windows on one canvas."""
    side = family.window
    graph.column(360)
    _note(
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
    graph.column(360)
    with graph.group("Edit all windows together", "edit"):
        edited = _sampled(graph, family, prompts, loaded.model, latent, layout=split["layout"])
    graph.column(420)
    with graph.group("Result", "result"):
        pictures = graph.add("VAEDecode", samples=edited["latent"], vae=few)["IMAGE"]
        merged = graph.add("CSDParticleMerge", particles=pictures, layout=split["layout"])
        graph.add("SaveImage", title="Edit", images=merged["whole"], filename_prefix="csd/panorama")
        graph.add("PreviewImage", title="Report", images=edited["report"])


def video(graph: Graph, family: Family) -> None:
    """Frames of a video, coupled along their optical flow."""
    graph.column(360)
    _note(
        graph, family, "Edit a video", "The frames are edited together: optical flow says where each frame shows what "
        "another one shows, and there they share their edit. Begin with one second.",
    )  # fmt: skip
    with graph.group("Video", "set"):
        source = graph.add("LoadVideo", title="Source", file="video.mp4")["VIDEO"]
        frames = graph.add("CSDVideoFrameBatch", video=source, rate=8.0, count=8, side=family.window, multiple=16)
        flow = graph.add("CSDOpticalFlow", frames=frames["frames"])["correspondence"]
    graph.column(340)
    with graph.group("Model", "model"):
        loaded = family.load(graph)
        few = graph.add("CSDVAEBatch", vae=loaded.vae, images_at_once=1)["vae"]
        latent = graph.add("VAEEncode", pixels=frames["frames"], vae=few)["LATENT"]
    graph.column(360)
    with graph.group("Words", "words"):
        prompts = family.describe(graph, type(loaded)(loaded.model, loaded.clip, few), frames["frames"], family.texts)
    graph.column(360)
    with graph.group("Edit all frames together", "edit"):
        kernel = graph.add("CSDKernel", kernel="uniform", repulsion=0.0, correspondence=flow)["coupling"]
        noise = graph.add("CSDNoiseField", field="carried", correspondence=flow)["noise"]
        edited = _sampled(graph, family, prompts, loaded.model, latent, coupling=kernel, noise=noise)
    graph.column(420)
    with graph.group("Result", "result"):
        pictures = graph.add("VAEDecode", samples=edited["latent"], vae=few)["IMAGE"]
        even = graph.add("CSDBlend", images=pictures, correspondence=flow)["images"]
        restored = graph.add("CSDVideoRestore", frames=even, clip=frames["range"])
        made = graph.add(
            "CreateVideo",
            title="Edited video",
            images=restored["frames"],
            fps=restored["rate"],
            audio=restored["audio"],
        )
        graph.add("SaveVideo", title="Edit", video=made["VIDEO"], filename_prefix="csd/clip")
        graph.add("PreviewImage", title="Report", images=edited["report"])
