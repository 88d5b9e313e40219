"""Templates of several pictures that agree, with the embedded model: clips, views of a scene, a series of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .graph import WIDGET, Graph, Wire
from .parts import (
    LOW,
    NARROW,
    OTHERS,
    SEED,
    WIDE,
    Embedded,
    begin,
    instructed,
    nearby,
    sampled,
    sampler,
    scene,
    seeing,
)
from .sets import along, decoded

FRAME: dict[str, Any] = {"width": 192, "height": 128}
PICTURE = 256  # side of the pictures of a series


def _painted_clip(graph: Graph, frames: int) -> dict[str, Wire]:
    """A painted video as frames: frames, rate, audio, range."""
    with graph.group("Video", "set"):
        painted = graph.add("CSDDemoClip", title="Source", seed=SEED, look="summer", frames=frames, rate=12.0, **FRAME)
        video = graph.add("CreateVideo", title="Demo video", images=painted["frames"], fps=painted["rate"])["VIDEO"]
    graph.column(NARROW)
    with graph.group("Frames", "set"):
        return graph.add("CSDVideoFrameBatch", video=video)


def _flow(graph: Graph, frames: Wire) -> Wire:
    graph.gap()
    with graph.group("Motion", "set"):
        return graph.add("CSDOpticalFlow", frames=frames, neighbours=3, anchors=3)["correspondence"]


def _edited(
    graph: Graph, own: Embedded, pictures: Wire, correspondence: Wire, **further: int | Wire
) -> Wire:
    """Pictures edited together along a correspondence. `further`: for the sampler."""
    with graph.group("Edit all together", "edit"):
        latent = graph.add("VAEEncode", pixels=pictures, vae=own.vae)["LATENT"]
        seen = seeing(graph, own, pictures)
        stages = {**along(graph, correspondence), "baseline": nearby(graph), **further}
    latent = sampled(graph, seen, latent, **stages)
    graph.column(WIDE)
    with graph.group("Decoded", "edit"):
        even = decoded(graph, latent, own.vae, correspondence)
    graph.gap()
    return even


def _saved_video(graph: Graph, clip: dict[str, Wire], images: Wire) -> None:
    with graph.group("Edited video", "result"):
        restored = graph.add("CSDVideoRestore", frames=images, clip=clip["range"])
        sound: dict[str, Any] = {"fps": restored["rate"], "audio": restored["audio"]}
        made = graph.add("CreateVideo", title="Edited video", images=restored["frames"], **sound)
        graph.add("SaveVideo", title="After", video=made["VIDEO"], filename_prefix=f"csd/{graph.name}")


def clip(graph: Graph) -> None:
    """Frames of a video, coupled along their optical flow."""
    begin(
        graph,
        "## Edit a video\n\n**CSD Optical Flow** finds where the frames show the same thing. There **CSD Kernel** lets "
        "them share their edit, and **CSD Noise Field** moves the noise with the picture. **CSD Blend** then removes "
        f"the flicker of the VAE.\n\n**Try**\n- another instruction: {OTHERS}\n"
        "- your own video: put Load Video in place of the first two nodes, and lower `side` of CSD Video Frame Batch "
        "to 192: the demo model is small\n"
        "- unplug `coupling` and `noise`: this is the paper's method, which flickers more\n"
        "- more frames: the template `long_clip`\n",
    )
    video = _painted_clip(graph, frames=24)
    correspondence = _flow(graph, video["frames"])
    graph.column(NARROW)
    own = instructed(graph, "make it a sunset")
    graph.column(NARROW)
    edited = _edited(graph, own, video["frames"], correspondence)
    _saved_video(graph, video, edited)


def long_clip(graph: Graph) -> None:
    """More frames than go through the model at once."""
    begin(
        graph,
        "## Edit a long video\n\nAll 48 frames are edited together, whatever fits into memory. `particles_at_once` of "
        "the sampler and `images_at_once` of CSD VAE Batch say how many go through the models in one call. They change "
        "memory and speed, and nothing else.\n\n**CSD State File** keeps the run on the disk after every step. Cancel "
        "it and press Run again: it goes on.\n\n**Try**\n"
        "- your own video: put Load Video in place of the first two nodes, and lower `side` of CSD Video Frame Batch "
        "to 192: the demo model is small\n"
        "- `anchors` in CSD Optical Flow: more of them keep a long video from drifting. Memory grows with them\n"
        "- parts: `start` and `count` of CSD Video Frame Batch\n",
    )
    video = _painted_clip(graph, frames=48)
    correspondence = _flow(graph, video["frames"])
    graph.column(NARROW)
    own = instructed(graph, "make it autumn")
    graph.gap()
    with graph.group("A little at a time", "model"):
        few = graph.add("CSDVAEBatch", vae=own.vae, images_at_once=4)["vae"]
        state = graph.add("CSDStateFile", name="long_clip")["state"]
    graph.column(NARROW)
    own = Embedded(own.model, own.clip, few, own.positive, own.negative)
    edited = _edited(graph, own, video["frames"], correspondence, particles_at_once=4, state=state)
    _saved_video(graph, video, edited)


def views(graph: Graph) -> None:
    """Views of a scene, coupled along their cameras and depth."""
    begin(
        graph,
        "## Edit the views of a scene\n\nA painted diorama stands for your photographs: views from an arc of cameras, "
        "with depth. **CSD View Correspondence** finds where they show the same thing. There they share their edit "
        "and their noise. **CSD View Set Save** saves a complete view set in nerfstudio's format "
        f"(`transforms.json`) in the output folder, ready for a NeRF or Gaussian splats.\n\n**Try**\n"
        f"- another instruction: {OTHERS}\n"
        "- your own set: put CSD View Set Load in place of CSD Demo Views\n"
        "- `neighbours`: couples each view with this many of the nearest ones; 0 couples all\n",
    )
    with graph.group("Views", "set"):
        painted = graph.add("CSDDemoViews", title="Source", seed=SEED - 1, look="summer", count=8, **FRAME)
        correspondence = graph.add("CSDViewCorrespondence", views=painted["views"], neighbours=0)["correspondence"]
    graph.column(NARROW)
    own = instructed(graph, "make it winter")
    graph.column(NARROW)
    edited = _edited(graph, own, painted["images"], correspondence)
    with graph.group("Before and after", "result"):
        graph.add("PreviewImage", title="Before", images=painted["images"], tall=LOW)
        name = "diorama_edited"
        graph.add("CSDViewSetSave", title="After", images=edited, views=painted["views"], name=name, tall=300)


def series(graph: Graph) -> None:
    """Pictures that belong together, each by itself and as one series."""
    begin(
        graph,
        "## Make one series of many pictures\n\nProduct shots, portraits, the rooms of a house: pictures that belong "
        "together shall get one light and one style. Here three landscapes are edited twice.\n\n"
        "- **Each by itself**: an independent kernel, and noise of its own for each picture. Each gets a sunset of its "
        "own.\n- **One series**: CSD Tones lets what looks alike change alike in all pictures, and all get the same "
        "noise. They get one sunset.\n\n**Your own pictures**: put them into a folder inside ComfyUI's `input` folder, "
        "choose it in CSD Picture Set Load, and connect its `images` in place of the landscapes.\n\n"
        f"**Try** another instruction: {OTHERS}\n",
    )
    with graph.group("Your own pictures", "set"):
        graph.add("CSDPictureSetLoad", folder="", width=PICTURE, height=PICTURE)
    graph.column(NARROW)
    with graph.group("Pictures", "set"):
        painted = [scene(graph, PICTURE, PICTURE, f"Picture {number + 1}", SEED + number) for number in range(3)]
        pictures = painted[0]
        for further in painted[1:]:
            pictures = graph.add("ImageBatch", image1=pictures, image2=further)["IMAGE"]
    graph.column(NARROW)
    own = instructed(graph, "make it a sunset")
    graph.gap()
    with graph.group("Pictures for the model", "edit"):
        latent = graph.add("VAEEncode", pixels=pictures, vae=own.vae)["LATENT"]
        seen = seeing(graph, own, pictures)
        velocity = nearby(graph)
    graph.column(NARROW)
    with graph.group("Each by itself", "edit"):
        coupling = graph.add("CSDKernel", kernel="independent")["coupling"]
        noise = graph.add("CSDNoiseField", field="independent")["noise"]
        alone = sampler(graph, seen, latent, baseline=velocity, coupling=coupling, noise=noise)["latent"]
    graph.column(NARROW)
    with graph.group("One series", "edit"):
        coupling = graph.add("CSDTones")["coupling"]
        noise = graph.add("CSDNoiseField", field="shared")["noise"]
        together = sampler(graph, seen, latent, baseline=velocity, coupling=coupling, noise=noise)["latent"]
    graph.column(WIDE)
    with graph.group("Decoded", "edit"):
        each, one = (graph.add("VAEDecode", samples=samples, vae=own.vae)["IMAGE"] for samples in (alone, together))
    graph.gap()
    with graph.group("Results", "result"):
        graph.add("PreviewImage", title="Before", images=pictures, tall=LOW)
        graph.add("PreviewImage", title="Each by itself", images=each, tall=LOW)
        graph.add("SaveImage", title="After", images=one, filename_prefix=f"csd/{graph.name}", tall=LOW + WIDGET)


TEMPLATES: Mapping[str, Callable[[Graph], None]] = {
    "video_edit": clip,
    "long_clip": long_clip,
    "view_set_edit": views,
    "picture_set": series,
}
