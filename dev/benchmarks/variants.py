"""Settings of CSD Edit Sampler whose quality is held against their cost, as prompts made from a shipped workflow's."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..evaluation.edit import Edit, with_options
from .authors import EVALUATIONS

AUTHORS, OURS, REUSE, INTERVAL, FEWER, FAST, DRAWN = (
    "authors' schedule",
    "ours",
    "levels and noise used again",
    "guidance on part of the levels",
    "fewer particles a step",
    "fast preset",
    "drawn noise in the baseline",
)
THEIR_STEPS, THEIR_WINDOWS, THEIR_FRAMES = 200, 4, 8
TRAVEL, LONGEST = 12.0, 4.0  # step sizes: together over a run, and at most for one step
STEPS = (2, 4, 6, 8, 12, 16, 24, 40)

_KERNEL = {"kernel": "rbf", "bandwidth": "authors' median", "fixed_bandwidth": 1.0, "normalization": "mean"}
_AUTHORS = {
    "coupling": ("CSDKernel", {**_KERNEL, "repulsion": 1.0}),
    "noise": ("CSDNoiseField", {"field": "independent"}),
    "timesteps": ("CSDTimesteps", {"order": "random"}),
    "update": ("CSDUpdate", {"optimizer": "sgd", "decay": 0.9, "decay_every": 20}),
    "baseline": ("CSDBaseline", {"baseline": "image, guided", "drawn_noise": 0.0}),
}


@dataclass(frozen=True)
class Variant:
    """Changes to the shipped workflow.

    family, label   what it belongs to, and which of them it is
    sampler         inputs of CSD Edit Sampler
    options         option nodes: input of the sampler -> type and inputs
    theirs          evaluations counted as the authors' code would take them
    """

    family: str
    label: str
    sampler: dict = field(default_factory=dict)
    options: dict[str, tuple[str, dict]] = field(default_factory=dict)
    theirs: bool = False

    @property
    def name(self) -> str:
        return f"{self.family}: {self.label}"

    def prompt(self, edit: Edit) -> dict:
        """The workflow with these changes, saving the edited pictures before they are blended."""
        return with_options(edit, self.options, **self.sampler).saving(edit.edited, "variant")

    def evaluations(self, counted: int) -> int:
        taken = self.sampler.get("particles_per_step", 0) * self.sampler.get("steps", 0)
        return EVALUATIONS * taken if self.theirs else counted


def _authors(guidance: float, image_guidance: float, step_size: float, batch: int) -> Variant:
    """Their loop and range of levels; their scales and step size, or others that suit the demo model better."""
    sampler = {"steps": THEIR_STEPS, "step_size": step_size, "noise_high": 0.5, "particles_per_step": batch}
    scales = {"guidance": guidance, "image_guidance": image_guidance}
    label = f"step size {step_size:g}, guidance {guidance:g} and {image_guidance:g}"
    return Variant(AUTHORS, label, sampler | scales, _AUTHORS, theirs=True)


def _steps(steps: int) -> dict:
    """The shorter a run, the larger its steps."""
    return {"steps": steps, "step_size": min(TRAVEL / steps, LONGEST)}


def _saving(family: str, label: str, steps: int, uses: int = 1, low: float = 0.0, high: float = 1.0) -> Variant:
    inputs = {"uses": uses, "guidance_low": low, "guidance_high": high}
    return Variant(family, label, _steps(steps), {"savings": ("CSDSavings", inputs)})


def _drawn(share: float) -> Variant:
    baseline = {"baseline": "image, guided", "drawn_noise": share}
    return Variant(DRAWN, f"12 steps, {share:g}", _steps(12), {"baseline": ("CSDBaseline", baseline)})


FAST_EDIT = _saving(FAST, "8 steps, 2 uses", 8, 2)
PANORAMA = (
    _authors(7.5, 1.5, 2.0, THEIR_WINDOWS),
    _authors(3.0, 1.0, 0.125, THEIR_WINDOWS),
    _authors(1.0, 1.0, 0.125, THEIR_WINDOWS),
    *(Variant(OURS, f"{steps} steps", _steps(steps)) for steps in STEPS),
    FAST_EDIT,
    *(_saving(REUSE, f"{steps} steps, {uses} uses", steps, uses) for steps, uses in ((6, 2), (12, 2), (24, 3))),
    *(
        _saving(INTERVAL, f"12 steps, {low:g} to {high:g}", 12, low=low, high=high)
        for low, high in ((0.1, 1.0), (0.15, 1.0), (0.2, 1.0), (0.0, 0.2))
    ),
    *(Variant(FEWER, f"{steps} steps of 4", {**_steps(steps), "particles_per_step": 4}) for steps in (12, 24)),
    *(_drawn(share) for share in (0.0, 0.25, 0.75, 1.0)),
)
CLIP = (
    _authors(7.5, 1.5, 1.0, THEIR_FRAMES),
    _authors(3.0, 1.0, 0.25, THEIR_FRAMES),
    _authors(1.0, 1.0, 0.5, THEIR_FRAMES),
    *(Variant(OURS, f"{steps} steps", _steps(steps)) for steps in (4, 8, 12, 16, 24)),
    FAST_EDIT,
    _saving(REUSE, "12 steps, 2 uses", 12, 2),
    _saving(INTERVAL, "12 steps, 0.15 to 1", 12, low=0.15),
)
SHORT = (
    Variant(OURS, "2 steps", _steps(2)),
    _saving(REUSE, "2 steps, 2 uses", 2, 2),
    _saving(INTERVAL, "0.5 to 1", 2, low=0.5),
)
