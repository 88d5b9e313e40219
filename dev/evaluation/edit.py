"""An edit: a shipped workflow as an API prompt, and prompts made from it."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from ...media.layout import Layout, plan


@dataclass(frozen=True)
class Edit:
    """The API prompt of a shipped workflow, or of one like it, with its nodes by type."""

    prompt: dict

    def has(self, kind: str) -> bool:
        return any(node["class_type"] == kind for node in self.prompt.values())

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
        """The output with the pictures that are edited: before they are split, if they are, and before the VAE."""
        if self.has("CSDParticleSplit"):
            return self.inputs("CSDParticleSplit")["whole"]
        return self.inputs("VAEEncode")["pixels"]

    @property
    def edited(self) -> list:
        """The output with the edited pictures: merged where they were split, not blended."""
        return [self.id("CSDParticleMerge" if self.has("CSDParticleMerge") else "VAEDecode"), 0]

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
        """The windows that CSD Particle Split will make of a picture of `size` (height, width)."""
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
    """The edit with option nodes of its own at CSD Edit Sampler, {input: (type, inputs)}, and other inputs there."""
    nodes = Builder(edit.prompt)
    wires = {name: [nodes.add(kind, **inputs), 0] for name, (kind, inputs) in options.items()}
    nodes.prompt[edit.id("CSDEditSampler")]["inputs"] |= sampler | wires
    return nodes
