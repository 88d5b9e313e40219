"""Recorded runs of the authors' code, and runs of every further shape against a second replay written out in loops."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from collaborative_score_distillation.dev.evaluation import golden

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("*.npz"))
IMPORTS = Path(golden.__file__).parents[3]


def recording(name):
    return golden.Recording.load(FOLDER / f"{name}.npz")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recorded_runs_are_replayed(path):
    absolute, relative = golden.errors(golden.Recording.load(path))
    assert relative <= golden.TOLERANCE
    assert math.isfinite(absolute)


def test_every_kind_of_run_is_there():
    kinds = {golden.Recording.load(path).meta.get("kind", "kernel") for path in FILES}
    assert kinds == {"kernel", "video", "image", "region"}


def tampered(tmp_path, name, array, change):
    """A copy of a recorded file in which one array was changed."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        arrays = dict(file)
    arrays[array] = arrays[array].copy()
    change(arrays[array])
    path = tmp_path / f"{name}.npz"
    np.savez(path, **arrays)
    return str(path)


def set_nan(array):
    array.flat[3] = np.nan


def set_infinite(array):
    array.flat[-1] = np.inf


def shift(array):
    array.flat[7] += 1e-3 * np.abs(array).max()


def flip(array):
    array *= -1


TAMPERINGS = [
    ("video", "result", set_nan),
    ("video", "result", set_infinite),
    ("video", "result", shift),
    ("video", "noise", set_nan),
    ("video", "noise", flip),
    ("video_prompts", "source", shift),
    ("kernel_n3", "K", set_nan),
    ("kernel_n3", "dK_dX", flip),
    ("kernel_n3", "direction", shift),
]


@pytest.mark.parametrize("name, array, change", TAMPERINGS)
def test_tampered_files_fail(tmp_path, capsys, name, array, change):
    path = tampered(tmp_path, name, array, change)
    assert golden.main([path]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_one_bad_file_fails_them_all_but_each_has_its_line(tmp_path, capsys):
    bad = tampered(tmp_path, "video", "result", set_nan)
    good = str(FOLDER / "kernel_*.npz")
    assert golden.main([good]) == 0
    assert golden.main([bad, good]) == golden.main([good, bad]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["ok"] * 2 + ["FAILED"] + ["ok"] * 4 + ["FAILED"]


def test_no_files_is_no_success():
    with pytest.raises(SystemExit, match="got no files"):
        golden.main([])


def test_an_unknown_prompt_is_not_taken_for_an_empty_one():
    with pytest.raises(KeyError):
        recording("video").text("a prompt without a vector")


def test_the_exit_code_reaches_the_shell(tmp_path):
    command = [sys.executable, "-m", "collaborative_score_distillation.dev.evaluation.golden"]
    environment = {**os.environ, "PYTHONPATH": str(IMPORTS)}
    paths = [tampered(tmp_path, "video", "result", set_nan), str(FOLDER / "kernel_n3.npz")]
    run = subprocess.run([*command, *paths], env=environment, capture_output=True, text=True)
    assert run.returncode == 1, run.stderr
    assert [line.split()[-1] for line in run.stdout.splitlines()] == ["FAILED", "ok"]


# A second replay: the arithmetic of one step as the authors' code does it, with nothing shared with `csd`.


def slow_direction(x_t, residual):
    """The kernel in its n x n x D form, the gradient by autograd, everything over n."""
    n = len(x_t)
    distances = torch.stack([torch.stack([(a - b).square().sum() for b in x_t]) for a in x_t])
    h = distances.median() / math.log(n + 1)
    moving = x_t.clone().requires_grad_()
    K = torch.exp(-(x_t[:, None] - moving[None]).flatten(2).square().sum(2) / h)
    (gradient,) = torch.autograd.grad(K.sum(), moving)
    return (torch.einsum("ij,jchw->ichw", K.detach(), residual) + gradient) / n


def slow_residual(x_t, source_t, image, meta, prompt, time):
    def predict(noised, condition, words):
        text = torch.tensor(meta["prompts"].get(words, [0.0] * 4), dtype=noised.dtype)[:, None, None]
        return torch.tanh(0.6 * noised - 0.4 * condition + 0.5 * text) * (0.8 + 0.4 * time / 1000)

    def guided(noised, words):
        negative = meta["opt"]["neg_prompt"]
        full, picture = predict(noised, image, words), predict(noised, image, negative)
        none = predict(noised, torch.zeros_like(image), negative)
        return none + meta["guidance"] * (full - picture) + meta["image_guidance"] * (picture - none)

    return guided(x_t, prompt) - guided(source_t, meta["opt"]["src_prompt"])


def places(meta, shape):
    """Slices of every particle: rows of a video, windows of a canvas."""
    if meta["kind"] == "video":
        return [(slice(i, i + 1), ...) for i in range(shape[0])]
    stride = meta["opt"]["stride"]
    rows, columns = (range(0, length - 63, stride) for length in shape[-2:])
    return [(slice(0, 1), slice(None), slice(y, y + 64), slice(x, x + 64)) for y in rows for x in columns]


def slow_replay(arrays, meta):
    source, theta, noise = arrays["source"].double(), arrays["source"].double(), arrays["noise"].double()
    where, opt, used = places(meta, source.shape), meta["opt"], 0
    prompts = [opt["tgt_prompt"]] if isinstance(opt["tgt_prompt"], str) else opt["tgt_prompt"]
    noise = noise.reshape(-1, len(prompts), *noise.shape[2:])
    for step, time in enumerate(arrays["timesteps"].tolist()):
        chosen = arrays["permutations"][step][: opt["batch"]].tolist() if opt["batch"] > 0 else range(len(where))
        alpha_bar = arrays["alphas_cumprod"][time].double()
        noised, residuals = [], []
        for particle in chosen:
            crop, image, blended = theta[where[particle]], source[where[particle]], 0
            for r, prompt in enumerate(prompts):
                eps = noise[used, r][None]
                x_t = alpha_bar.sqrt() * crop + (1 - alpha_bar).sqrt() * eps
                source_t = alpha_bar.sqrt() * image + (1 - alpha_bar).sqrt() * eps
                share = arrays["region_weights"][particle, r] if len(prompts) > 1 else 1
                blended = blended + share * slow_residual(x_t, source_t, image, meta, prompt, time)
                noised += [x_t] if r == 0 else []
            residuals.append(blended)
            used += 1
        noised, directions = torch.cat(noised), torch.cat(residuals)
        if opt["svgd"]:
            directions = slow_direction(noised, directions)
        if opt["svgd"] or meta["kind"] == "video":
            directions = (1 - alpha_bar) * directions
        gradient, count = torch.zeros_like(theta), torch.zeros_like(theta)
        for particle, direction in zip(chosen, directions):
            gradient[where[particle]] += direction
            count[where[particle]] += 1
        theta = theta - opt["lr"] * opt["decay_rate"] ** (step // opt["decay_iter"]) * gradient / count.clamp(min=1)
    return theta


def made_up(kind, shape, prompts=1, batch=-1, svgd=True, stride=16, seed=0, source_prompt="", negative=""):
    """A recording of any settings, its result by the second replay."""

    def normal(*size):
        return torch.randn(size, generator=generator)

    generator, steps = torch.Generator().manual_seed(seed), 5
    targets = [f"prompt {r}" for r in range(prompts)]
    opt = {"src_prompt": source_prompt, "neg_prompt": negative, "lr": 1.5, "num_steps": steps, "decay_iter": 2}
    opt |= {"decay_rate": 0.9, "svgd": svgd, "stride": stride, "batch": batch, "wd": 0.0}
    opt |= {"tgt_prompt": targets if kind == "region" else targets[0]}
    vectors = {words: normal(4).tolist() for words in [*targets, source_prompt, negative] if words}
    meta = {"kind": kind, "opt": opt, "guidance": 7.5, "image_guidance": 1.5, "prompts": vectors}
    particles = len(places(meta, shape))
    taken = batch if batch > 0 else particles
    draws = (steps, particles, *shape[1:]) if kind == "video" else (steps * taken, prompts, 4, 64, 64)
    arrays = {
        "source": normal(*shape),
        "noise": normal(*draws),
        "timesteps": torch.randint(20, 500, (steps,), generator=generator),
        "alphas_cumprod": torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0),
        "permutations": torch.stack([torch.randperm(particles, generator=generator) for _ in range(steps)]),
    }
    if prompts > 1:
        arrays["region_weights"] = torch.softmax(3 * normal(particles, prompts), 1)
    if batch < 1:
        del arrays["permutations"]
    return golden.Recording({**arrays, "result": slow_replay(arrays, meta)}, meta)


MADE_UP = {
    "more frames": {"kind": "video", "shape": (9, 4, 6, 10), "seed": 1},
    "three frames with prompts": {
        "kind": "video",
        "shape": (3, 4, 16, 8),
        "source_prompt": "a hill",
        "negative": "fog",
    },
    "frames uncoupled": {"kind": "video", "shape": (4, 4, 8, 8), "svgd": False},
    "canvas with a border": {"kind": "image", "shape": (1, 4, 70, 115)},
    "canvas in strides of 24": {"kind": "image", "shape": (1, 4, 64, 160), "stride": 24},
    "canvas uncoupled": {"kind": "image", "shape": (1, 4, 64, 112), "svgd": False},
    "one window uncoupled": {"kind": "image", "shape": (1, 4, 64, 64), "svgd": False},
    "canvas in batches of 3": {"kind": "image", "shape": (1, 4, 96, 96), "batch": 3, "negative": "fog"},
    "canvas uncoupled in batches of 1": {"kind": "image", "shape": (1, 4, 64, 112), "batch": 1, "svgd": False},
    "two regions, batches of 3": {"kind": "region", "shape": (1, 4, 64, 128), "prompts": 2, "batch": 3},
    "three regions, batches of 3": {"kind": "region", "shape": (1, 4, 64, 144), "prompts": 3, "batch": 3},
    "four regions, batches of 4": {"kind": "region", "shape": (1, 4, 80, 112), "prompts": 4, "batch": 4},
    "two regions, every window": {"kind": "region", "shape": (1, 4, 64, 112), "prompts": 2, "source_prompt": "a hill"},
}


@pytest.mark.parametrize("name", MADE_UP)
def test_runs_of_other_shapes_agree_with_the_second_replay(name):
    assert golden.errors(made_up(**MADE_UP[name]))[1] <= 1e-5


@pytest.mark.parametrize("name", ["video", "video_no_svgd", "video_prompts"])
def test_the_second_replay_agrees_with_the_recorded_runs(name):
    recorded = recording(name)
    reference = recorded.arrays["result"].double()
    error = (slow_replay(recorded.arrays, recorded.meta) - reference).abs().max() / reference.abs().max()
    assert error <= 1e-5


def test_made_up_files_are_read_as_recorded_ones_are(tmp_path):
    made = made_up(**MADE_UP["three regions, batches of 3"])
    arrays = {name: tensor.numpy() for name, tensor in made.arrays.items()}
    np.savez(tmp_path / "made.npz", meta=json.dumps(made.meta), **arrays)
    assert golden.main([str(tmp_path / "made.npz")]) == 0
