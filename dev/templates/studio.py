"""Small graphs that show what a node does, for the pictures of the help pages (`help`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...demo.settings import SHARP_EDIT
from .graph import Graph, Wire
from .parts import AT_ONCE, SEED, nearby

SCENE = {"seed": SEED, "look": "summer", "width": 768, "height": 192}
CLIP = {"seed": SEED, "look": "summer", "frames": 6, "width": 192, "height": 128, "rate": 12.0}
SIDE, OVERLAP = 192, 96
SUNSET = "make it a sunset"


class Studio:
    """What most pictures need: the embedded model, a scene or a clip, and ways to edit them and to show them."""

    def __init__(self, graph: Graph):
        self.graph, self._model = graph, {}

    def add(self, kind: str, **values: Any) -> dict[str, Wire]:
        return self.graph.add(kind, **values)

    def show(self, title: str, images: Wire) -> None:
        self.add("PreviewImage", title=title, images=images)

    @property
    def model(self) -> dict[str, Wire]:
        """MODEL, CLIP and VAE."""
        self._model = self._model or self.add("CSDDemoModel", model="sharp")
        return self._model

    @property
    def scene(self) -> Wire:
        return self.add("CSDDemoScene", **SCENE)["IMAGE"]

    @property
    def clip(self) -> dict[str, Wire]:
        """frames, rate and correspondence."""
        return self.add("CSDDemoClip", **CLIP)

    def split(self, whole: Wire) -> dict[str, Wire]:
        sizes = {"window_width": SIDE, "window_height": SIDE, "overlap": OVERLAP, "multiple": 8, "blend": "feather"}
        return self.add("CSDParticleSplit", whole=whole, **sizes)

    def prompts(self, images: Wire, instruction: str) -> dict[str, Wire]:
        """positive and negative, with the images, for the model to see."""
        texts = [self.add("CLIPTextEncode", clip=self.model["CLIP"], text=text) for text in (instruction, "")]
        pair = dict(zip(("positive", "negative"), (text["CONDITIONING"] for text in texts)))
        seen = self.add("InstructPixToPixConditioning", **pair, vae=self.model["VAE"], pixels=images)
        return {name: seen[name] for name in pair}

    def edited(self, images: Wire, instruction: str = SUNSET, **stages: Any) -> dict[str, Wire]:
        """Images edited together. -> IMAGE, report, plots"""
        model = self.model
        latent = self.add("VAEEncode", pixels=images, vae=model["VAE"])["LATENT"]
        velocity = nearby(self.graph)
        made = self.add(
            "CSDEditSampler", model=model["MODEL"], latent=latent, **self.prompts(images, instruction),
            **{"baseline": velocity, "particles_at_once": AT_ONCE, **SHARP_EDIT, **stages},
        )  # fmt: skip
        decoded = self.add("VAEDecode", samples=made["latent"], vae=model["VAE"])["IMAGE"]
        return {**made, "IMAGE": decoded}

    def panorama(self, whole: Wire, **stages: Any) -> Wire:
        """A whole picture, edited in windows."""
        split = self.split(whole)
        edited = self.edited(split["particles"], layout=split["layout"], **stages)["IMAGE"]
        return self.add("CSDParticleMerge", particles=edited, layout=split["layout"], blend="feather")["whole"]


def simple_panorama(graph: Graph) -> None:
    studio = Studio(graph)
    source, model = studio.scene, studio.model
    wires = {"model": model["MODEL"], "clip": model["CLIP"], "vae": model["VAE"]}
    studio.show("before", source)
    for strength in (0.3, 0.5):
        wish = {"instruction": SUNSET, "strength": strength, "quality": "fast"}
        edited = studio.add("CSDConsistentEditPanorama", image=source, **wires, **wish)
        studio.show(f"{SUNSET}, strength {strength}", edited["image"])


def simple_set(graph: Graph) -> None:
    studio = Studio(graph)
    frames, model = studio.clip["frames"], studio.model
    wires = {"model": model["MODEL"], "clip": model["CLIP"], "vae": model["VAE"]}
    wish = {"instruction": SUNSET, "quality": "fast"}
    studio.show("frames of a video", frames)
    studio.show(SUNSET, studio.add("CSDConsistentEditSet", images=frames, **wires, **wish)["image"])


def edit_sampler(graph: Graph) -> None:
    studio = Studio(graph)
    source = studio.scene
    split = studio.split(source)
    tones = studio.add("CSDTones")["coupling"]
    edited = studio.edited(split["particles"], layout=split["layout"], coupling=tones)
    studio.show("windows", split["particles"])
    studio.show("edited together", edited["IMAGE"])
    studio.show("report", edited["report"])


def split_windows(graph: Graph) -> None:
    studio = Studio(graph)
    source = studio.scene
    studio.show("whole", source)
    studio.show("particles: overlapping windows", studio.split(source)["particles"])


def merged_windows(graph: Graph) -> None:
    studio = Studio(graph)
    split = studio.split(studio.scene)
    studio.show("particles", split["particles"])
    merged = studio.add("CSDParticleMerge", particles=split["particles"], layout=split["layout"], blend="feather")
    studio.show("whole", merged["whole"])


def tones(graph: Graph) -> None:
    studio = Studio(graph)
    source = studio.scene
    alone = studio.add("CSDKernel", kernel="independent")["coupling"]
    studio.show("without: every window by itself", studio.panorama(source, coupling=alone, instruction="make it night"))
    alike = studio.add("CSDTones")["coupling"]
    studio.show("with CSD Tones", studio.panorama(source, coupling=alike, instruction="make it night"))


def velocities(graph: Graph) -> None:
    studio = Studio(graph)
    source, along = studio.scene, studio.add("CSDTones")["coupling"]
    for freedom in (0.0, 1.0):
        velocity = studio.add("CSDVelocity", freedom=freedom, source="image")["baseline"]
        edited = studio.panorama(source, coupling=along, baseline=velocity)
        studio.show(f"freedom {freedom:.0f}", edited)


def _stretch(studio: Studio) -> dict[str, Wire]:
    """Every second frame of a clip, in a size for a model."""
    frames = studio.clip["frames"]
    studio.show("frames of 192 x 128", frames)
    sizes = {"start": 0, "stride": 2, "count": 3, "size": "longest side", "side": 128, "edge": "pad", "multiple": 32}
    taken = studio.add("CSDVideoFrameBatch", video=frames, **sizes)
    studio.show("every second one, 128 wide, padded to 128 x 96", taken["frames"])
    return taken


def video_frames(graph: Graph) -> None:
    _stretch(Studio(graph))


def video_restored(graph: Graph) -> None:
    studio = Studio(graph)
    taken = _stretch(studio)
    restored = studio.add("CSDVideoRestore", frames=taken["frames"], clip=taken["range"])
    studio.show("restored: the size of the source", restored["frames"])


def demo_scene(graph: Graph) -> None:
    studio = Studio(graph)
    for look in ("summer", "sunset", "winter"):
        studio.show(look, studio.add("CSDDemoScene", **{**SCENE, "look": look})["IMAGE"])


def demo_clip(graph: Graph) -> None:
    studio = Studio(graph)
    for look in ("summer", "sunset"):
        studio.show(look, studio.add("CSDDemoClip", **{**CLIP, "look": look})["frames"])


def demo_views(graph: Graph) -> None:
    studio = Studio(graph)
    for look in ("summer", "winter"):
        studio.show(look, _views(studio, look)["images"])


def _views(studio: Studio, look: str) -> dict[str, Wire]:
    return studio.add("CSDDemoViews", seed=SEED, look=look, count=6, width=192, height=128)


def _scene_of_splats(studio: Studio, views: dict[str, Wire]) -> Wire:
    return studio.add("CSDSplatsFromViews", images=views["images"], views=views["views"], steps=20)["splat"]


def splats(graph: Graph) -> None:
    studio = Studio(graph)
    views = _views(studio, "summer")
    studio.show("views", views["images"])
    seen = studio.add("CSDRenderSplats", splat=_scene_of_splats(studio, views), views=views["views"], frames=7)
    studio.show("the splats, on a path through the views", seen["images"])


def arc_of_cameras(graph: Graph) -> None:
    studio = Studio(graph)
    views = _views(studio, "summer")
    scene, size = _scene_of_splats(studio, views), {"width": 192, "height": 128}
    camera = studio.add("CSDCameraOfView", views=views["views"], number=3)["camera_info"]
    for title, count in (("one camera", 1), ("an arc around what it looks at", 7)):
        arc = studio.add("CSDViewsFromCamera", camera_info=camera, **size, count=count, angle=14.0)["views"]
        studio.show(title, studio.add("CSDRenderSplats", splat=scene, views=arc)["images"])


def fitted_splats(graph: Graph) -> None:
    studio = Studio(graph)
    views = _views(studio, "summer")
    scene, edited = _scene_of_splats(studio, views), _views(studio, "sunset")["images"]
    studio.show("edited views", edited)
    fitted = studio.add("CSDFitSplats", splat=scene, images=edited, views=views["views"], steps=60)["splat"]
    for title, splat in (("the scene before", scene), ("fitted to the edited views", fitted)):
        studio.show(title, studio.add("CSDRenderSplats", splat=splat, views=views["views"], frames=7)["images"])


def edited_splats(graph: Graph) -> None:
    studio = Studio(graph)
    views = _views(studio, "summer")
    scene = _scene_of_splats(studio, views)
    edited = studio.add(
        "CSDEditSplats", model=studio.model["MODEL"], vae=studio.model["VAE"], splat=scene, views=views["views"],
        **studio.prompts(views["images"], "make it winter"), baseline=nearby(graph),
        **{**SHARP_EDIT, "rounds": 1, "particles_at_once": AT_ONCE},
    )["splat"]  # fmt: skip
    for title, splat in (("the scene before", scene), ("make it winter", edited)):
        studio.show(title, studio.add("CSDRenderSplats", splat=splat, views=views["views"], frames=7)["images"])


PICTURES: Mapping[str, Callable[[Graph], None]] = {
    "CSDConsistentEditPanorama": simple_panorama,
    "CSDConsistentEditSet": simple_set,
    "CSDEditSampler": edit_sampler,
    "CSDParticleSplit": split_windows,
    "CSDParticleMerge": merged_windows,
    "CSDTones": tones,
    "CSDVelocity": velocities,
    "CSDVideoFrameBatch": video_frames,
    "CSDVideoRestore": video_restored,
    "CSDDemoScene": demo_scene,
    "CSDDemoClip": demo_clip,
    "CSDDemoViews": demo_views,
    "CSDSplatsFromViews": splats,
    "CSDRenderSplats": splats,
    "CSDFitSplats": fitted_splats,
    "CSDViewsFromCamera": arc_of_cameras,
    "CSDEditSplats": edited_splats,
}
