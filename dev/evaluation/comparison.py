"""Edits run in the host one after the other: what each gives and what it costs."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..environment.client import Client, ProgressBar, Run
from .contenders import Contender, Coupled, Matched, Shape
from .edit import Edit
from .sheet import to_array


@dataclass(frozen=True)
class Result:
    """What a prompt gave.

    pictures      [N, H, W, 3] in 0 ... 1; a panorama is a set of one
    files         the same as the host saved them
    evaluations   U-Net sample evaluations; 0 where there were none
    seconds       what it took
    """

    pictures: np.ndarray
    files: list[bytes]
    evaluations: int = 0
    seconds: float = 0.0


def decoded(file: bytes) -> np.ndarray:
    """A picture [H, W, 3] in 0 ... 1."""
    return to_array(Image.open(io.BytesIO(file)))


def cost(edit: Edit, run: Run) -> dict:
    """What CSD Edit Sampler said of a run: evaluations, seconds, steps."""
    return run.history["outputs"][edit.id("CSDEditSampler")]["csd"][0]


@dataclass
class Comparison:
    """Runs prompts one after the other; the host keeps the loaded model between them.

    workflow   the edit as the page saves it; pictures of the whole edit carry it
    watch      makes a follower of the events of a prompt
    """

    client: Client
    edit: Edit
    watch: Callable[[dict], Callable] = ProgressBar
    workflow: dict | None = None

    def saved(self, prompt: dict) -> tuple[Result, Run]:
        """The pictures that the prompt's one SaveImage node saves, with the seconds of the whole run."""
        begun = time.monotonic()
        run = self.client.run(prompt, self.workflow if prompt is self.edit.prompt else None, self.watch(prompt))
        seconds = time.monotonic() - begun
        saver = next(id for id, node in prompt.items() if node["class_type"] == "SaveImage")
        files = [self.client.fetch(file) for file in run.files[saver]]
        return Result(np.stack([decoded(file) for file in files]), files, seconds=seconds), run

    def pictures(self, prompt: dict) -> Result:
        """A result whose evaluations do not matter, such as the source."""
        return self.saved(prompt)[0]

    def coupled(self, contender: Coupled) -> Result:
        result, run = self.saved(contender.prompt(self.edit))
        told = cost(self.edit, run)
        seconds = told["seconds"] if contender.sampler_only else result.seconds
        return replace(result, evaluations=told["evaluations"], seconds=seconds)

    def continued(self, contender: Coupled, before: Result) -> Result:
        """A result made of latents that the host still has of the one before."""
        result = self.pictures(contender.prompt(self.edit))
        return replace(result, evaluations=before.evaluations, seconds=before.seconds + result.seconds)

    def matched(self, contender: Matched, shape: Shape, evaluations: int) -> Result:
        prompt, used = contender.prompt(self.edit, shape, evaluations)
        return replace(self.pictures(prompt), evaluations=used)

    def run(self, contenders: Sequence[Contender], shipped: str) -> dict[str, Result]:
        """Results by name, in the order of the contenders; `shipped` names the one whose evaluations all others get."""
        found: dict[str, Result] = {}
        for contender in contenders:
            if isinstance(contender, Coupled):
                before = found.get(contender.after)
                found[contender.name] = self.continued(contender, before) if before else self.coupled(contender)
        shape, evaluations = found[shipped].pictures.shape, found[shipped].evaluations
        for contender in contenders:
            if isinstance(contender, Matched):
                found[contender.name] = self.matched(contender, shape, evaluations)
        return {contender.name: found[contender.name] for contender in contenders}
