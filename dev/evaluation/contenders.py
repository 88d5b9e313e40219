"""The same edit by several means, as API prompts made from a shipped workflow's.

Every contender gets the pictures, the model, the instruction and the guidance scales of the workflow, and as many
U-Net sample evaluations as it takes. A panorama is a set of one picture; clips and view sets are sets of several.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .edit import Builder, Edit, with_options

Shape = tuple[int, ...]  # of the edited pictures, [N, H, W, 3]


@dataclass(frozen=True)
class Coupled:
    """An edit by CSD Edit Sampler, which counts its own evaluations.

    prompt         makes the prompt
    sampler_only   whether only the sampler's seconds count; what is done once for all (flow, VAE) is left out
    after          the name of the contender whose latents it goes on with; their costs add up
    """

    name: str
    prompt: Callable[[Edit], dict]
    sampler_only: bool = False
    after: str = ""


@dataclass(frozen=True)
class Matched:
    """An edit by core nodes, with about as many evaluations as it is given.

    prompt   makes the prompt, for pictures of a shape; returns it with the evaluations that it takes
    """

    name: str
    prompt: Callable[[Edit, Shape, int], tuple[dict, int]]


Contender = Coupled | Matched


def source(edit: Edit) -> dict:
    return Builder(edit.prompt).saving(edit.source, "source")


def whole_workflow(edit: Edit) -> dict:
    """The prompt itself; it has one SaveImage node of its own."""
    return edit.prompt


def blended(edit: Edit) -> dict:
    """A clip or view set as the shipped workflow leaves it, saved picture by picture."""
    return Builder(edit.prompt).saving([edit.id("CSDBlend"), 0], "edit")


def unblended(edit: Edit) -> dict:
    return Builder(edit.prompt).saving(edit.edited, "unblended")


def papers_kernel(edit: Edit) -> dict:
    """A panorama with the kernel of the paper, which mixes whole windows, in place of the coupling that is shipped."""
    nodes = Builder(edit.prompt)
    nodes.prompt[edit.id("CSDEditSampler")]["inputs"].pop("coupling", None)
    return nodes.saving(edit.edited, "papers_kernel")


def papers_coupling(edit: Edit) -> dict:
    """The paper's coupling: the kernel on whole noised pictures, and noise drawn for each. All else as shipped."""
    kernel = {"kernel": "rbf", "bandwidth": "median", "fixed_bandwidth": 1000.0, "normalization": "row"}
    options = {
        "coupling": ("CSDKernel", {**kernel, "repulsion": 1.0}),
        "noise": ("CSDNoiseField", {"field": "independent"}),
    }
    return with_options(edit, options).saving(edit.edited, "paper")


def window_by_window(edit: Edit, shape: Shape, evaluations: int) -> tuple[dict, int]:
    """Windows that do not overlap, each edited by itself."""
    steps, used = matched(edit, evaluations, edit.layout(size_of(shape), overlap=0).windows.count)
    nodes, demo = Builder(edit.prompt), edit.id("CSDDemoModel")
    split = nodes.add("CSDParticleSplit", **{**edit.inputs("CSDParticleSplit"), "overlap": 0})
    latents = sample(nodes, edit, [demo, 0], [split, 0], steps)
    decoded = nodes.add("VAEDecode", samples=latents, vae=[demo, 2])
    merged = nodes.add("CSDParticleMerge", particles=[decoded, 0], layout=[split, 1], blend="uniform")
    return nodes.saving([merged, 0], "window_by_window"), used


def multidiffusion(
    edit: Edit, shape: Shape, evaluations: int, start: float = 1.0, most: int | None = None
) -> tuple[dict, int]:
    """The windows of CSD, their predictions averaged at every step.

    start   noise that the source gets at first, in proportion to that of the first step of a whole run
    most    steps that are taken at most, although there are evaluations for more
    """
    count = edit.layout(size_of(shape)).windows.count
    steps, used = matched(edit, evaluations, count)
    if most is not None and steps > most:
        steps, used = most, most * used // steps
    nodes, demo, split = Builder(edit.prompt), edit.id("CSDDemoModel"), edit.id("CSDParticleSplit")
    at_once = edit.inputs("CSDEditSampler")["particles_at_once"]
    patched = nodes.add("CSDMultiDiffusion", model=[demo, 0], layout=[split, 1], particles_at_once=at_once)
    padded = nodes.add("CSDParticleMerge", particles=[split, 0], layout=[split, 1], blend="uniform")
    latents = sample(nodes, edit, [patched, 0], [padded, 0], steps, start)
    decoded = nodes.add("VAEDecode", samples=latents, vae=[demo, 2])
    return nodes.saving([decoded, 0], "multidiffusion"), used


def one_by_one(edit: Edit, shape: Shape, evaluations: int) -> tuple[dict, int]:
    """Each picture of a set edited by itself, with the host's own sampler."""
    steps, used = matched(edit, evaluations, shape[0])
    nodes, demo = Builder(edit.prompt), edit.id("CSDDemoModel")
    latents = sample(nodes, edit, [demo, 0], edit.source, steps)
    decoded = nodes.add("VAEDecode", samples=latents, vae=[demo, 2])
    return nodes.saving([decoded, 0], "one_by_one"), used


def through_vae(edit: Edit, painter: str, look: str) -> dict:
    """The painted truth encoded and decoded: what no edit on this model can beat. `painter` is the painting node."""
    return restored(edit, painter, **{**edit.inputs(painter), "look": look})


def restored(edit: Edit, kind: str, **inputs) -> dict:
    """Pictures encoded and decoded by the edit's model; a node of type `kind` with these inputs gives them."""
    nodes, demo = Builder(edit.prompt), edit.id("CSDDemoModel")
    encoded = nodes.add("VAEEncode", pixels=[nodes.add(kind, **inputs), 0], vae=[demo, 2])
    return nodes.saving([nodes.add("VAEDecode", samples=[encoded, 0], vae=[demo, 2]), 0], "ceiling")


def alone(edit: Edit, name: str, **velocity) -> dict:
    """Every particle by itself along the path of a velocity model: no canvas, no kernel; merged at the end."""
    settings = edit.inputs("CSDVelocity") | velocity
    kernel = {"kernel": "independent", "bandwidth": "median", "fixed_bandwidth": 1000.0, "normalization": "row"}
    options = {"baseline": ("CSDVelocity", settings), "coupling": ("CSDKernel", {**kernel, "repulsion": 0.0})}
    nodes = with_options(edit, options)
    nodes.prompt[edit.id("CSDEditSampler")]["inputs"].pop("layout", None)
    return nodes.saving(edit.edited, name)


def flow_edit(edit: Edit) -> dict:
    """FlowEdit (arXiv 2412.08629): the edit follows the model's own path, freedom 1."""
    return alone(edit, "flow_edit", freedom=1.0, rising=False)


def dvrf(edit: Edit) -> dict:
    """DVRF (arXiv 2509.05342): the freedom rises from 0 to 1."""
    return alone(edit, "dvrf", freedom=1.0, rising=True)


def flow_align(edit: Edit) -> dict:
    """FlowAlign (arXiv 2505.23145): FlowEdit, and each step takes back a hundredth of the way from the source."""
    return alone(edit, "flow_align", freedom=1.0, rising=False, alignment=0.01)


def size_of(shape: Shape) -> tuple[int, int]:
    """Height and width of pictures [N, H, W, 3]."""
    return shape[1], shape[2]


def euler_evaluations(edit: Edit) -> int:
    """What a step of Euler takes for one image: text and image, image, neither, as far as the scales ask for them."""
    sampler = edit.inputs("CSDEditSampler")
    if sampler["image_guidance"] != 1:
        return 3
    return 1 if sampler["guidance"] == 1 else 2


def matched(edit: Edit, evaluations: int, count: int) -> tuple[int, int]:
    """Steps of Euler over `count` images that come closest to these evaluations, at least one; and what they take."""
    each = euler_evaluations(edit) * count
    steps = max(round(evaluations / each), 1)
    return steps, steps * each


def guided(nodes: Builder, sampler: dict, model: list, conditioned: str, negative: list) -> str:
    """A guider of the core: one scale where the image's is 1, which leaves its branch out, else two."""
    conds = {"model": model, "negative": negative}
    if sampler["image_guidance"] == 1:
        conds |= {"positive": [conditioned, 0], "negative": [conditioned, 1]}
        return nodes.add("CFGGuider", **conds, cfg=sampler["guidance"])
    conds |= {"cond1": [conditioned, 0], "cond2": [conditioned, 1], "style": "regular"}
    scales = {"cfg_conds": sampler["guidance"], "cfg_cond2_negative": sampler["image_guidance"]}
    return nodes.add("DualCFGGuider", **conds, **scales)


def sample(nodes: Builder, edit: Edit, model: list, pictures: list, steps: int, start: float = 1.0) -> list:
    """Latents of an InstructPix2Pix edit by core nodes: Euler (DDIM) steps with the guidance that the scales ask.

    start   the host's `denoise`: below 1, the noised source is where sampling begins
    """
    sampler, demo = edit.inputs("CSDEditSampler"), edit.id("CSDDemoModel")
    positive, negative = [edit.id("CLIPTextEncode", "Instruction"), 0], [edit.id("CLIPTextEncode", "No text"), 0]
    conditioned = nodes.add(
        "InstructPixToPixConditioning", positive=positive, negative=negative, vae=[demo, 2], pixels=pictures
    )
    guider = guided(nodes, sampler, model, conditioned, negative)
    # The conditioning node gives an empty latent, which is right only where everything is noise at first.
    source = [nodes.add("VAEEncode", pixels=pictures, vae=[demo, 2]), 0] if start < 1 else [conditioned, 2]
    sampled = nodes.add(
        "SamplerCustomAdvanced",
        noise=[nodes.add("RandomNoise", noise_seed=sampler["seed"]), 0],
        guider=[guider, 0],
        sampler=[nodes.add("KSamplerSelect", sampler_name="euler"), 0],
        sigmas=[nodes.add("BasicScheduler", model=model, scheduler="normal", steps=steps, denoise=start), 0],
        latent_image=source,
    )
    return [sampled, 0]
