"""Templates that edit a scene of splats: on the embedded model as it opens, and with models that people have.

The edit goes by renders of the scene. So views, their depth, and where they show the same place are all taken from the
splats. It makes no difference whether these come from photographs with depth or from a .ply file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...demo.settings import SCENE_ROUNDS, SHARP_EDIT
from .families import Family, Prompts
from .graph import Graph, Wire
from .parts import AT_ONCE, NARROW, OTHERS, SEED, begin, instructed, nearby, seeing
from .sets import along, note

FRAMES, RATE = 48, 16.0
VIDEO = 300  # height of a node that shows one
SIZE: Mapping[str, Any] = {"width": 192, "height": 128}
PAINTED: Mapping[str, Any] = {"seed": SEED - 1, "look": "summer", "count": 8}


@dataclass(frozen=True)
class Scene:
    """A scene of splats, the cameras it is seen from, what they show, and perhaps where they show the same place."""

    splat: Wire
    views: Wire
    pictures: Wire
    correspondence: Wire | None = None


def _captured(graph: Graph, capture: Mapping[str, Wire], shared: bool) -> Scene:
    """The scene of a capture, and what its cameras see of it."""
    splat = graph.add("CSDSplatsFromViews", images=capture["images"], views=capture["views"])["splat"]
    return _seen(graph, splat, capture["views"], shared)


def _seen(graph: Graph, splat: Wire, views: Wire, shared: bool) -> Scene:
    """A scene from some cameras."""
    shown = graph.add("CSDRenderSplats", title="Views of the splats", splat=splat, views=views)
    found = graph.add("CSDViewCorrespondence", views=shown["views"])["correspondence"] if shared else None
    return Scene(splat, views, shown["images"], found)


def _alike(graph: Graph) -> dict[str, Wire]:
    """Wires of an edit whose views agree by the scene itself, and by their tones: the best for the embedded model."""
    coupling = graph.add("CSDTones")["coupling"]
    noise = graph.add("CSDNoiseField", field="independent")["noise"]
    return {"coupling": coupling, "noise": noise}


def _edited(
    graph: Graph, scene: Scene, model: Wire, vae: Wire, prompts: Prompts,
    order: Mapping[str, Any] | None = None, **further: Any,
) -> dict[str, Wire]:  # fmt: skip
    """A column with the edit: splat, report.

    order   settings of CSD Timesteps, for models that need it
    """
    graph.column(NARROW)
    with graph.group("Edit the scene", "edit"):
        further |= along(graph, scene.correspondence) if scene.correspondence else _alike(graph)
        if prompts.baseline:
            further["baseline"] = prompts.baseline
        if order:
            further["timesteps"] = graph.add("CSDTimesteps", order="descending", **order)["timesteps"]
        return graph.add(
            "CSDEditSplats", model=model, positive=prompts.positive, negative=prompts.negative, vae=vae,
            splat=scene.splat, views=scene.views, **further,
        )  # fmt: skip


def _turntable(graph: Graph, title: str, splat: Wire, views: Wire) -> None:
    """A video of the way through the views."""
    with graph.group(f"Turntable {title.lower()}", "result"):
        frames = graph.add("CSDRenderSplats", title=f"Path {title.lower()}", splat=splat, views=views, frames=FRAMES)
        video = graph.add("CreateVideo", title=f"Video {title.lower()}", images=frames["images"], fps=RATE)["VIDEO"]
        prefix = f"csd/{graph.name}_{title.lower()}"
        graph.add("SaveVideo", title=title, video=video, filename_prefix=prefix, tall=VIDEO)
    graph.gap()


def _results(graph: Graph, scene: Scene, edited: Mapping[str, Wire], before: bool) -> None:
    """Columns with the report and a turntable before, and with a turntable after and the file."""
    graph.column(NARROW)
    if before:
        _turntable(graph, "Before", scene.splat, scene.views)
    with graph.group("Report", "result"):
        graph.add("PreviewImage", title="Report", images=edited["report"])
    graph.column(NARROW)
    _turntable(graph, "After", edited["splat"], scene.views)
    with graph.group("Edited scene", "result"):
        graph.add("CSDSaveSplats", title="Edited scene", splat=edited["splat"], name=graph.name)


def scene_edit(graph: Graph) -> None:
    """A painted diorama becomes splats, and the splats are edited."""
    begin(
        graph,
        "## Edit a scene of splats\n\nA painted diorama stands for your photographs. **CSD Splats from Views** makes a "
        "scene of Gaussian splats of it. **CSD Edit Splats** edits the scene itself: its views take a step together, "
        "the splats follow, and so on. You get a .ply file and a video.\n\n**Try**\n"
        f"- another instruction: {OTHERS}\n"
        "- your own photographs with cameras and depth: put CSD View Set Load in place of CSD Demo Views\n"
        "- a .ply file: put CSD Load Splats in place of CSD Splats from Views; the cameras then need no depth. Without "
        "cameras, take the template *scene_edit_ply*\n"
        "- newer ComfyUI: connect `splat` to Create 3D File (from Splat), and that to Preview Splat. There you turn "
        "the scene by hand\n\nThe .ply file is in ComfyUI's `output` folder. SuperSplat and other viewers open it.\n",
    )
    graph.column(NARROW)
    with graph.group("Capture", "set"):
        scene = _captured(graph, graph.add("CSDDemoViews", title="Source", **PAINTED, **SIZE), shared=False)
    _winter(graph, scene)


def scene_edit_ply(graph: Graph) -> None:
    """Splats that came without cameras get an arc of them, and are edited."""
    begin(
        graph,
        "## Edit a .ply file without cameras\n\nSplats of a painted diorama stand for your file. **CSD Views from "
        "Camera** makes cameras on an arc around one camera, **CSD Render Splats** shows what they see, and **CSD Edit "
        "Splats** edits the scene from there.\n\n**Your file**\n"
        "1. Copy it into ComfyUI's `input` folder, and press R.\n"
        "2. Put CSD Load Splats in place of CSD Splats from Views.\n"
        "3. An object: connect its `splat` to CSD Views from Camera, and delete CSD Camera of View. The `angle` may be "
        "60.\n"
        "4. A landscape needs a camera inside it. In newer ComfyUI, connect Create 3D File (from Splat), then Preview "
        "Splat, and take `camera_info` from there. Run once, turn the scene in the viewer, and run again.\n"
        "5. Look at *What the cameras see*. The scene should fill the pictures. If not, move the camera.\n\n"
        "The demo model knows painted landscapes only. Take a model of yours for a file of yours.\n",
    )
    graph.column(NARROW)
    with graph.group("File", "set"):
        painted = graph.add("CSDDemoViews", title="Source", **PAINTED, **SIZE)
        splat = graph.add("CSDSplatsFromViews", images=painted["images"], views=painted["views"])["splat"]
    graph.column(NARROW)
    with graph.group("Cameras", "set"):
        camera = graph.add("CSDCameraOfView", views=painted["views"], number=PAINTED["count"] // 2)["camera_info"]
        arc = graph.add("CSDViewsFromCamera", camera_info=camera, **SIZE, count=8, angle=20.0)["views"]
        scene = _seen(graph, splat, arc, shared=False)
        graph.add("PreviewImage", title="What the cameras see", images=scene.pictures)
    _winter(graph, scene)


def _winter(graph: Graph, scene: Scene) -> None:
    """The columns behind a scene: its edit with the embedded model, and what comes of it."""
    graph.column(NARROW)
    own = instructed(graph, "make it winter")
    graph.gap()
    with graph.group("With the views", "edit"):
        seen = seeing(graph, own, scene.pictures)
        assert seen.positive is not None and seen.negative is not None
        prompts = Prompts(seen.positive, seen.negative, nearby(graph))
    widgets = {**SHARP_EDIT, **SCENE_ROUNDS, "particles_at_once": AT_ONCE}
    edited = _edited(graph, scene, own.model, own.vae, prompts, **widgets)
    _results(graph, scene, edited, before=True)


def real(graph: Graph, family: Family) -> None:
    """A capture in nerfstudio's layout becomes splats, and the splats are edited; each view has its own prompt."""
    graph.column(NARROW)
    note(
        graph, family, "Edit a scene of splats", "The capture is a folder in nerfstudio's layout (`transforms.json`) "
        "in ComfyUI's `input` folder, with a depth for each photograph. Without depth, put CSD Load Splats in place of "
        "CSD Splats from Views: it loads the .ply file that your trainer made with the same cameras. Twenty views that "
        "cover the scene are a good number. Try `rounds` 1 first.",
    )  # fmt: skip
    graph.gap()
    with graph.group("Model", "model"):
        loaded = family.load(graph)
        few = graph.add("CSDVAEBatch", vae=loaded.vae, images_at_once=1)["vae"]
    graph.column(NARROW)
    with graph.group("Capture", "set"):
        load = {"folder": "capture", "longest_side": 768, "multiple": 16}
        scene = _captured(graph, graph.add("CSDViewSetLoad", title="Capture", **load), shared=True)
    graph.column(NARROW)
    with graph.group("Words", "words"):
        prompts = family.describe(graph, type(loaded)(loaded.model, loaded.clip, few), scene.pictures, family.texts)
        further: dict[str, Any] = dict(family.sampler)
    edited = _edited(graph, scene, loaded.model, few, prompts, family.order, **further)
    _results(graph, scene, edited, before=False)


TEMPLATES: Mapping[str, Callable[[Graph], None]] = {"scene_edit": scene_edit, "scene_edit_ply": scene_edit_ply}
