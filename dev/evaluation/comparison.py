"""One edit and its contenders, run in the host, with what each cost and how it measures."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from ..environment.client import Client, ProgressBar, Run
from . import contenders
from .contenders import Edit
from .metrics import drift, psnr, seam
from .sheet import to_array

CSD, WINDOWS, MULTIDIFFUSION = "CSD-Edit", "window by window", "MultiDiffusion"


def saved(client: Client, prompt: dict, workflow: dict | None, watch: Callable) -> tuple[list[bytes], Run, float]:
    """The files that the prompt's one SaveImage node saves, the run, and its seconds."""
    begun = time.monotonic()
    run = client.run(prompt, workflow, watch(prompt))
    seconds = time.monotonic() - begun
    saver = next(id for id, node in prompt.items() if node["class_type"] == "SaveImage")
    return [client.fetch(file) for file in run.files[saver]], run, seconds


def decoded(file: bytes) -> np.ndarray:
    """A picture [H, W, 3] in 0 ... 1."""
    return to_array(Image.open(io.BytesIO(file)))


def cost(edit: Edit, run: Run) -> dict:
    """What CSDEditSampler said of a run: evaluations, seconds, steps."""
    return run.history["outputs"][edit.id("CSDEditSampler")]["csd"][0]


@dataclass(frozen=True)
class Result:
    """A picture [H, W, 3], its file as the host saved it, and its cost."""

    picture: np.ndarray
    file: bytes
    evaluations: int = 0
    seconds: float = 0.0


@dataclass
class Comparison:
    """Runs prompts one after the other; the host keeps the loaded model between them."""

    client: Client
    edit: Edit
    workflow: dict | None = None
    watch: Callable[[dict], Callable] = ProgressBar
    results: dict[str, Result] = field(default_factory=dict)

    def picture(self, prompt: dict, workflow: dict | None = None) -> tuple[Result, Run]:
        """The picture that the prompt's one SaveImage node saves."""
        (file, *_), run, seconds = saved(self.client, prompt, workflow, self.watch)
        return Result(decoded(file), file, seconds=seconds), run

    def run(self) -> dict[str, Result]:
        """The source, CSD-Edit, and what the same evaluations give by other means."""
        self.results["source"], _ = self.picture(contenders.picture_of_source(self.edit))
        size = self.results["source"].picture.shape[:2]
        edited, run = self.picture(self.edit.prompt, self.workflow)
        evaluations = cost(self.edit, run)["evaluations"]
        self.results[CSD] = Result(edited.picture, edited.file, evaluations, edited.seconds)
        for name, make in ((WINDOWS, contenders.window_by_window), (MULTIDIFFUSION, contenders.multidiffusion)):
            prompt, used = make(self.edit, size, evaluations)
            result, _ = self.picture(prompt)
            self.results[name] = Result(result.picture, result.file, used, result.seconds)
        return self.results


def measure(picture: np.ndarray, truth: np.ndarray, edges: list[int]) -> dict[str, float]:
    """PSNR (dB), drift along x, and the seam at the windows' edges, all against the truth."""
    return {
        "psnr": round(psnr(picture, truth), 3),
        "drift": round(drift(picture, truth), 5),
        "seam": round(seam(picture, truth, edges), 3),
    }


def window_edges(edit: Edit, size: tuple[int, int]) -> list[int]:
    """Columns at which windows that do not overlap meet, inside the picture."""
    origins = edit.layout(size, overlap=0).windows.origins
    return sorted({x for _, x in origins if 0 < x < size[1]})
