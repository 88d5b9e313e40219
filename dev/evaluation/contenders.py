"""The same edit by other means, as API prompts made from the shipped workflow's.

Every contender gets the source, the model, the instruction, the guidance scales and as many U-Net
sample evaluations as Collaborative Score Distillation needed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from ...media.layout import Layout, plan

EULER_EVALUATIONS = 3  # text and image, image, neither


@dataclass(frozen=True)
class Edit:
    """The API prompt of `workflows/panorama_edit.json`, with its nodes by type."""

    prompt: dict

    def id(self, kind: str, title: str | None = None) -> str:
        """The id of the one node of this type (and title)."""
        fits = [
            id
            for id, node in self.prompt.items()
            if node["class_type"] == kind and title in (None, node.get("_meta", {}).get("title"))
        ]
        if len(fits) != 1:
            raise ValueError(f"The workflow has {len(fits)} nodes of type {kind} {title or ''}, expected one.")
        return fits[0]

    def inputs(self, kind: str, title: str | None = None) -> dict:
        return self.prompt[self.id(kind, title)]["inputs"]

    @property
    def source(self) -> list:
        """The output that ParticleSplit gets."""
        return self.inputs("CSDParticleSplit")["whole"]

    def with_inputs(self, changes: dict[tuple[str, str | None], dict]) -> Edit:
        """A copy with other inputs: {(type, title): {input: value}}."""
        changed = Edit(copy.deepcopy(self.prompt))
        for place, values in changes.items():
            changed.inputs(*place).update(values)
        return changed

    def with_picture(self, name: str) -> Edit:
        """A copy that loads a picture from the host's input folder in place of the painted scene."""
        changed = Edit(copy.deepcopy(self.prompt))
        changed.prompt[self.source[0]] = {"class_type": "LoadImage", "inputs": {"image": name}}
        return changed

    def layout(self, size: tuple[int, int], overlap: int | None = None) -> Layout:
        """The windows that ParticleSplit will make of a picture of `size` (height, width)."""
        split = self.inputs("CSDParticleSplit")
        window = (split["window_height"], split["window_width"])
        wraps = split["wrap"] in ("vertical", "both"), split["wrap"] in ("horizontal", "both")
        return plan(size, window, split["overlap"] if overlap is None else overlap, wraps, split["multiple"], 1)


class Builder:
    """Adds nodes to a copy of a prompt, under fresh ids."""

    def __init__(self, prompt: dict):
        self.prompt = copy.deepcopy(prompt)

    def add(self, kind: str, **inputs) -> str:
        id = f"added {len(self.prompt)}"
        self.prompt[id] = {"class_type": kind, "inputs": inputs}
        return id

    def saving(self, pictures: list, name: str) -> dict:
        """A prompt of what it takes to save these pictures, and nothing else."""
        saver = self.add("SaveImage", images=pictures, filename_prefix=f"csd/{name}")
        return {id: self.prompt[id] for id in upstream(self.prompt, saver)}


def upstream(prompt: dict, id: str) -> list[str]:
    """The node and all that it gets its inputs from, in the prompt's order."""
    found, todo = set(), [id]
    while todo:
        found.add(node := todo.pop())
        todo += [v[0] for v in prompt[node]["inputs"].values() if isinstance(v, list) and v[0] not in found]
    return [node for node in prompt if node in found]


def with_options(edit: Edit, options: dict[str, tuple[str, dict]], **sampler) -> Builder:
    """The edit with option nodes of its own at CSDEditSampler, {input: (type, inputs)}, and other inputs there."""
    nodes = Builder(edit.prompt)
    wires = {name: [nodes.add(kind, **inputs), 0] for name, (kind, inputs) in options.items()}
    nodes.prompt[edit.id("CSDEditSampler")]["inputs"] |= sampler | wires
    return nodes


def sample(nodes: Builder, edit: Edit, model: list, pictures: list, steps: int) -> list:
    """Latents of an InstructPix2Pix edit by core nodes: Euler (DDIM) steps with dual guidance."""
    sampler, demo = edit.inputs("CSDEditSampler"), edit.id("CSDDemoModel")
    positive, negative = [edit.id("CLIPTextEncode", "Instruction"), 0], [edit.id("CLIPTextEncode", "No text"), 0]
    conditioned = nodes.add(
        "InstructPixToPixConditioning", positive=positive, negative=negative, vae=[demo, 2], pixels=pictures
    )
    guider = nodes.add(
        "DualCFGGuider",
        model=model,
        cond1=[conditioned, 0],
        cond2=[conditioned, 1],
        negative=negative,
        cfg_conds=sampler["guidance"],
        cfg_cond2_negative=sampler["image_guidance"],
        style="regular",
    )
    sampled = nodes.add(
        "SamplerCustomAdvanced",
        noise=[nodes.add("RandomNoise", noise_seed=sampler["seed"]), 0],
        guider=[guider, 0],
        sampler=[nodes.add("KSamplerSelect", sampler_name="euler"), 0],
        sigmas=[nodes.add("BasicScheduler", model=model, scheduler="normal", steps=steps, denoise=1.0), 0],
        latent_image=[conditioned, 2],
    )
    return [sampled, 0]


def window_by_window(edit: Edit, size: tuple[int, int], evaluations: int) -> tuple[dict, int]:
    """Windows that do not overlap, each edited by itself. Returns the prompt and its evaluations."""
    count = edit.layout(size, overlap=0).windows.count
    steps = max(round(evaluations / (EULER_EVALUATIONS * count)), 1)
    nodes, demo = Builder(edit.prompt), edit.id("CSDDemoModel")
    split = nodes.add("CSDParticleSplit", **{**edit.inputs("CSDParticleSplit"), "overlap": 0})
    latents = sample(nodes, edit, [demo, 0], [split, 0], steps)
    decoded = nodes.add("VAEDecode", samples=latents, vae=[demo, 2])
    merged = nodes.add("CSDParticleMerge", particles=[decoded, 0], layout=[split, 1], blend="uniform")
    return nodes.saving([merged, 0], "window_by_window"), steps * EULER_EVALUATIONS * count


def multidiffusion(edit: Edit, size: tuple[int, int], evaluations: int) -> tuple[dict, int]:
    """The windows of CSD, their predictions averaged at every step. Returns the prompt and its evaluations."""
    count = edit.layout(size).windows.count
    steps = max(round(evaluations / (EULER_EVALUATIONS * count)), 1)
    nodes, demo, split = Builder(edit.prompt), edit.id("CSDDemoModel"), edit.id("CSDParticleSplit")
    at_once = edit.inputs("CSDEditSampler")["particles_at_once"]
    patched = nodes.add("CSDMultiDiffusion", model=[demo, 0], layout=[split, 1], particles_at_once=at_once)
    padded = nodes.add("CSDParticleMerge", particles=[split, 0], layout=[split, 1], blend="uniform")
    latents = sample(nodes, edit, [patched, 0], [padded, 0], steps)
    decoded = nodes.add("VAEDecode", samples=latents, vae=[demo, 2])
    return nodes.saving([decoded, 0], "multidiffusion"), steps * EULER_EVALUATIONS * count


def through_vae(edit: Edit, look: str) -> dict:
    """The painted truth encoded and decoded: what no edit on this model can beat."""
    nodes, demo = Builder(edit.prompt), edit.id("CSDDemoModel")
    truth = nodes.add("CSDDemoScene", **{**edit.prompt[edit.source[0]]["inputs"], "look": look})
    encoded = nodes.add("VAEEncode", pixels=[truth, 0], vae=[demo, 2])
    decoded = nodes.add("VAEDecode", samples=[encoded, 0], vae=[demo, 2])
    return nodes.saving([decoded, 0], "ceiling")


def picture_of_source(edit: Edit) -> dict:
    nodes = Builder(edit.prompt)
    return nodes.saving(edit.source, "source")
