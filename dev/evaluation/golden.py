"""Replay recorded runs of the authors' code: `make golden FILES="a.npz b.npz"`.

Prints one line per file, the largest absolute error and max|ours - ref| / max|ref| over its arrays,
and exits with 1 where the latter exceeds 1e-5. The files hold the source, the noise and the result of
a run in which the U-Net is replaced by the closed form of `stand_in`.
"""

import glob
import json
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...csd import presets
from ...csd.baseline import SourcePrompt
from ...csd.batches import ListedBatches
from ...csd.distill import Distillation
from ...csd.frames import Frames
from ...csd.guidance import IMAGE, NONE, SOURCE, TARGET, Guidance, Guided
from ...csd.level import Level
from ...csd.score import PromptScore, RegionScore
from ...csd.stein import Seen
from ...csd.tree import named_leaves
from ...csd.windows import as_size, grid

TOLERANCE = 1e-5
WINDOW = (64, 64)


def stand_in(x_t: Tensor, image: Tensor, text: Tensor, time: float) -> Tensor:
    """The closed form in place of the U-Net; time is the fraction of training time."""
    mixed = 0.6 * x_t - 0.4 * image + 0.5 * text[:, None, None]
    return torch.tanh(mixed) * (0.8 + 0.4 * time)


@dataclass(frozen=True)
class Recording:
    """A golden file: its arrays as tensors, and its settings."""

    arrays: dict[str, Tensor]
    meta: dict

    @classmethod
    def load(cls, path: Path) -> "Recording":
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: torch.from_numpy(file[name]) for name in file.files if name != "meta"}
            return cls(arrays, json.loads(str(file["meta"])) if "meta" in file.files else {})

    def text(self, prompt: str) -> Tensor:
        return torch.tensor(self.meta["prompts"][prompt]) if prompt else torch.zeros(4)

    @property
    def prompts(self) -> list[str]:
        target = self.meta["opt"]["tgt_prompt"]
        return [target] if isinstance(target, str) else target

    @property
    def scene(self):
        source = self.arrays["source"]
        if self.meta["kind"] == "video":
            return Frames(len(source))
        stride = self.meta["opt"]["stride"]
        return grid(as_size(source.shape[-2:]), WINDOW, (stride, stride))


@dataclass
class RecordedNoise:
    """Hands the recorded draws [S * n, R, C, h, w] out in their order.

    What comes out is [n, C, h, w] for one prompt and [R, n, C, h, w] for R prompts.
    """

    draws: Tensor
    used: int = 0

    def __call__(self, draws, index, like) -> Tensor:
        rows = self.draws[self.used : self.used + len(index)].transpose(0, 1)
        self.used += len(index)
        return rows if rows.shape[0] > 1 else rows[0]


def score(recording: Recording, images: Tensor, prompt: str) -> PromptScore:
    """Score of one target prompt with the authors' baseline, on the given image conditions [N, 4, h, w]."""
    opt, meta = recording.meta["opt"], recording.meta
    texts = {TARGET: prompt, SOURCE: opt["src_prompt"], IMAGE: opt["neg_prompt"], NONE: opt["neg_prompt"]}

    def evaluate(x_t, branch, call):
        image = torch.zeros_like(x_t) if branch == NONE else images[list(call.index)]
        return stand_in(x_t, image, recording.text(texts[branch]), call.level.time)

    guidance = Guidance(meta["guidance"], meta["image_guidance"])
    return PromptScore(Guided(evaluate), guidance, SourcePrompt())


def distillation(recording: Recording) -> Distillation:
    opt, arrays, scene = recording.meta["opt"], recording.arrays, recording.scene
    if opt.get("wd"):
        raise ValueError(f"golden: got weight decay {opt['wd']}, expected 0; the update has none.")
    images = scene.split(arrays["source"])
    scores = [score(recording, images, prompt) for prompt in recording.prompts]
    blended = RegionScore(tuple(scores), arrays["region_weights"]) if len(scores) > 1 else scores[0]
    settings = presets.paper(opt["lr"], opt["decay_rate"], opt["decay_iter"], opt["svgd"])
    noise = arrays["noise"].flatten(0, 1)[:, None] if recording.meta["kind"] == "video" else arrays["noise"]
    changes = {}
    if not opt["svgd"] and recording.meta["kind"] != "video":
        changes["weight"] = lambda level: 1.0  # the authors drop w(t) here together with the kernel
    return Distillation(
        scene,
        blended,
        levels(arrays),
        couple=settings.couple,
        update=settings.update,
        noise=RecordedNoise(noise),
        batch=ListedBatches(tuple(batches(recording, scene.count))),
        **changes,
    )


def levels(arrays: dict[str, Tensor]) -> list[Level]:
    """The level of every step."""
    alpha_bar = arrays["alphas_cumprod"].double()
    return [Level.variance_preserving(alpha_bar[t].item(), t / len(alpha_bar)) for t in arrays["timesteps"].tolist()]


def batches(recording: Recording, count: int) -> list[tuple[int, ...]]:
    steps = recording.meta["opt"]["num_steps"]
    if "permutations" not in recording.arrays:
        return [tuple(range(count))] * steps
    size = recording.meta["opt"]["batch"]
    kept = count if size < 1 else size
    return [tuple(row[:kept]) for row in recording.arrays["permutations"].tolist()]


def replay_kernel(recording: Recording) -> dict[str, Tensor]:
    x, residual = recording.arrays["x"], recording.arrays["noise_residual"]
    direction, gram = presets.paper().couple(Seen(x, x), residual)
    return {"K": gram.K, "dK_dX": gram.repulsion, "direction": direction}


def replay(recording: Recording) -> dict[str, Tensor]:
    """Our values of the arrays that the file records as outcomes."""
    if "K" in recording.arrays:
        return replay_kernel(recording)
    last = deque(distillation(recording)(recording.arrays["source"]), maxlen=1).pop()
    return dict(named_leaves({"result": last.theta}))


def errors(recording: Recording) -> tuple[float, float]:
    """Largest absolute error and largest max|ours - ref| / max|ref| over the recorded outcomes."""
    found = []
    for name, ours in replay(recording).items():
        reference = recording.arrays[name].double()
        error = (ours.double() - reference).abs().max()
        found.append(torch.stack([error, error / reference.abs().max()]))
    absolute, relative = torch.stack(found).amax(0).tolist()  # amax keeps NaN, Python's max may lose it
    return absolute, relative


def main(arguments: list[str]) -> int:
    paths = [Path(path) for argument in arguments for path in sorted(glob.glob(argument)) or [argument]]
    if not paths:
        sys.exit('golden: got no files. Run `make golden FILES="a.npz b.npz"`.')
    failed = 0
    for path in paths:
        absolute, relative = errors(Recording.load(path))
        good = relative <= TOLERANCE  # False for NaN as well
        failed += not good
        verdict = "ok" if good else "FAILED"
        print(f"{path.name:28s} max abs {absolute:.3e}   max|ours - ref| / max|ref| {relative:.3e}   {verdict}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
