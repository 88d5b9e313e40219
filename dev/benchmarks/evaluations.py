"""`python -m collaborative_score_distillation.dev.benchmarks.evaluations`: how many evaluations an edit takes.

A panorama in twelve windows and a clip of 24 frames under dual guidance: the shipped InstructPix2Pix workflows with
the paper's settings, with the defaults of CSD Edit Sampler, and with its fast settings. Counted by running them in
ComfyUI with the demo model in the checkpoint's place, on pictures of a quarter of the size: evaluations do not depend
on it.
"""

from __future__ import annotations

import sys

from ...csd import presets
from ..environment.client import Client, RunError, quiet
from ..environment.env import ROOT
from ..environment.server import Host, HostError
from ..environment.workflow import load_workflow, to_prompt
from ..evaluation.comparison import cost
from ..evaluation.edit import Builder, Edit, with_options
from ..evaluation.published import parser, publish
from ..evaluation.stand_in import FRAMES, RATE, on_demo_model
from .authors import EVALUATIONS

OUTPUT = ROOT / "output" / "bench"
WORKFLOWS = {"panorama": "panorama_edit_instruct_pix2pix", "clip": "video_edit_instruct_pix2pix"}
STAGES = ("coupling", "noise", "timesteps", "update", "savings")
FEW_STEPS = 2  # for trying out
MEDIAN = {"bandwidth": "authors' median", "fixed_bandwidth": 1e3}
PAPER = {
    "coupling": ("CSDKernel", {"kernel": "rbf", **MEDIAN, "normalization": "mean", "repulsion": 1.0}),
    "noise": ("CSDNoiseField", {"field": "independent"}),
    "timesteps": ("CSDTimesteps", {"order": "random"}),
    "update": ("CSDUpdate", {"optimizer": "sgd", "decay": 0.9, "decay_every": 20}),
}
PAPER_NUMBERS = {
    "panorama": {"steps": presets.PAPER_STEPS, "step_size": 2.0, "particles_per_step": 4},
    "clip": {"steps": 300, "step_size": 1.0, "particles_per_step": 8},
}


def shipped(info: dict, kind: str) -> Edit:
    path = ROOT / "workflows" / f"{WORKFLOWS[kind]}.json"
    edit = Edit(on_demo_model(to_prompt(load_workflow(path), info)))
    return edit.with_inputs({("CSDVideoFrameBatch", None): {"rate": RATE, "count": FRAMES}}) if kind == "clip" else edit


def plain(edit: Edit, info: dict) -> Edit:
    """CSD Edit Sampler as it comes out of the menu."""
    made = Edit(Builder(edit.prompt).prompt)
    sampler = made.inputs("CSDEditSampler")
    for stage in STAGES:
        sampler.pop(stage, None)
    declared = info["CSDEditSampler"]["input"]["required"]
    defaults = {name: spec[1]["default"] for name, spec in declared.items() if "default" in (spec[1:] or [{}])[0]}
    sampler |= {name: value for name, value in defaults.items() if not isinstance(sampler[name], list)}
    return made


def papers(edit: Edit, kind: str) -> Edit:
    """The coupling, the noise and the schedule of the paper."""
    return Edit(with_options(edit, PAPER, **PAPER_NUMBERS[kind]).prompt)


def fast(edit: Edit) -> Edit:
    savings = {"uses": presets.FAST_REUSE, "guidance_low": 0.0, "guidance_high": 1.0}
    steps = {"steps": presets.FAST_STEPS, "step_size": presets.FAST_STEP_SIZE}
    return Edit(with_options(edit, {"savings": ("CSDSavings", savings)}, **steps).prompt)


def counted(client: Client, edit: Edit, short: bool) -> int:
    if short:
        edit = edit.with_inputs({("CSDEditSampler", None): {"steps": FEW_STEPS}})
    prompt = Builder(edit.prompt).saving([edit.id("VAEDecode"), 0], "evaluations")
    return cost(edit, client.run(prompt, None, quiet(prompt)))["evaluations"]


def count(client: Client, info: dict, kind: str, short: bool) -> dict[str, int]:
    """Evaluations of one edit by settings."""
    ours = plain(shipped(info, kind), info)
    paper = papers(ours, kind)
    sampler = paper.inputs("CSDEditSampler")
    theirs = EVALUATIONS * (FEW_STEPS if short else sampler["steps"]) * sampler["particles_per_step"]
    edits = {"the paper's settings": paper, "defaults": ours, "fast": fast(ours)}
    return {"authors' code": theirs} | {name: counted(client, edit, short) for name, edit in edits.items()}


def main() -> None:
    arguments = parser(__doc__).parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        with Host(output=OUTPUT / "comfyui") as host:
            client = Client(host.address)
            info = client.object_info()
            found = {kind: count(client, info, kind, arguments.short) for kind in WORKFLOWS}
    except (HostError, RunError) as error:
        sys.exit(str(error))
    publish(arguments.output, "evaluations", {"counts": found})


if __name__ == "__main__":
    main()
