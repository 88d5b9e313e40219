"""An edit of frames or views by other means, as API prompts made from a shipped workflow's.

The contenders get the same frames, model, instruction and guidance: each frame edited by itself, all of
them under the paper's coupling, and the shipped workflow, whose frames are also saved one by one here.
"""

from __future__ import annotations

from .contenders import EULER_EVALUATIONS, Builder, Edit, sample, with_options


def frames_of(edit: Edit) -> list:
    """The output that the edited latents come from, before the VAE."""
    return edit.inputs("VAEEncode")["pixels"]


def source_frames(edit: Edit) -> dict:
    return Builder(edit.prompt).saving(frames_of(edit), "source")


def as_shipped(edit: Edit) -> dict:
    return Builder(edit.prompt).saving([edit.id("CSDBlend"), 0], "edit")


def without_blending(edit: Edit) -> dict:
    return Builder(edit.prompt).saving([edit.id("VAEDecode"), 0], "unblended")


def papers_coupling(edit: Edit) -> dict:
    """The kernel on whole noised frames and noise drawn for each, in place of correspondence; all else as shipped."""
    kernel = {"kernel": "rbf", "bandwidth": "median", "fixed_bandwidth": 1000.0, "normalization": "row"}
    options = {
        "coupling": ("CSDKernel", {**kernel, "repulsion": 1.0}),
        "noise": ("CSDNoiseField", {"field": "independent"}),
    }
    return with_options(edit, options).saving([edit.id("VAEDecode"), 0], "paper")


def one_by_one(edit: Edit, count: int, evaluations: int) -> tuple[dict, int]:
    """Each of `count` frames edited by the host's own sampler. Returns the prompt and its evaluations."""
    steps = max(round(evaluations / (EULER_EVALUATIONS * count)), 1)
    nodes, demo = Builder(edit.prompt), edit.id("CSDDemoModel")
    latents = sample(nodes, edit, [demo, 0], frames_of(edit), steps)
    decoded = nodes.add("VAEDecode", samples=latents, vae=[demo, 2])
    return nodes.saving([decoded, 0], "one_by_one"), steps * EULER_EVALUATIONS * count


def truth_through_vae(edit: Edit, painter: str, look: str) -> dict:
    """The painted truth encoded and decoded, which no edit on this model can beat; `painter` is the painting node."""
    nodes, demo = Builder(edit.prompt), edit.id("CSDDemoModel")
    truth = nodes.add(painter, **{**edit.inputs(painter), "look": look})
    encoded = nodes.add("VAEEncode", pixels=[truth, 0], vae=[demo, 2])
    return nodes.saving([nodes.add("VAEDecode", samples=[encoded, 0], vae=[demo, 2]), 0], "ceiling")
