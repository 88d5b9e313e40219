"""The contender of the benchmarks computes what the recorded runs of the authors' code computed."""

from itertools import repeat
from pathlib import Path

import pytest
import torch

from collaborative_score_distillation.dev.benchmarks.authors import (
    EVALUATIONS,
    Authors,
    Prompts,
    coupled,
    frames,
    windows,
)
from collaborative_score_distillation.dev.evaluation.golden import Recording, stand_in

FILES = sorted((Path(__file__).parents[1] / "golden").glob("*.npz"))
RUNS = [path for path in FILES if not path.stem.startswith("kernel")]
TOLERANCE = 1e-5


def far(ours, reference):
    return ((ours - reference).abs().max() / reference.abs().max()).item()


class Counted:
    """The closed form of the recordings as a U-Net that counts."""

    def __init__(self, recording):
        self.recording, self.batches = recording, []

    def __call__(self, x, image, texts, t):
        self.batches.append(len(x))
        rows = [
            stand_in(*pair, self.recording.text(words), t / 1000)
            for words, *pair in zip(texts, x.split(1), image.split(1))
        ]
        return torch.cat(rows)


def replay(recording):
    opt, arrays, meta = recording.meta["opt"], recording.arrays, recording.meta
    video, source = meta["kind"] == "video", arrays["source"]
    places = frames(len(source)) if video else windows(*source.shape[-2:], 64, opt["stride"])
    chosen = repeat(range(len(places)))
    if "permutations" in arrays:
        chosen = [row[: opt["batch"]] for row in arrays["permutations"].tolist()]
    unet = Counted(recording)
    run = Authors(
        unet,
        arrays["alphas_cumprod"],
        Prompts(tuple(recording.prompts), opt["src_prompt"], opt["neg_prompt"]),
        meta["guidance"],
        meta["image_guidance"],
        opt["lr"],
        opt["decay_rate"],
        opt["decay_iter"],
        coupled=opt["svgd"],
        weighted=opt["svgd"] or video,
        regions=arrays.get("region_weights"),
    )
    noise = arrays["noise"].flatten(0, 1)[:, None] if video else arrays["noise"]
    *_, last = run.run(source, places, arrays["timesteps"].tolist(), iter(noise), chosen)
    return last, unet.batches


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_recorded_runs_are_replayed(path):
    recording = Recording.load(path)
    result, batches = replay(recording)
    assert far(result, recording.arrays["result"]) <= TOLERANCE
    assert batches == [EVALUATIONS] * len(recording.arrays["noise"].flatten(0, -4))


@pytest.mark.parametrize("path", sorted(set(FILES) - set(RUNS)), ids=lambda path: path.stem)
def test_the_recorded_kernels_are_replayed(path):
    arrays = Recording.load(path).arrays
    assert far(coupled(arrays["x"], arrays["noise_residual"]), arrays["direction"]) <= TOLERANCE


def test_a_replay_that_is_off_is_seen():
    recording = Recording.load(RUNS[0])
    recording.arrays["noise"] = recording.arrays["noise"].flip(0)
    assert far(replay(recording)[0], recording.arrays["result"]) > 1e-2
