"""CSD Preset: the settings that fit the model, on one wire."""

import logging
from dataclasses import dataclass
from functools import cached_property

from ..csd.baseline import ImageConditional, SourcePrompt
from ..csd.guidance import Guidance
from ..csd.velocity import Constant
from ..host.io import custom, io, schema
from ..host.node import Node
from ..host.presets import BALANCED, FAST, Dialled, Preset, preset_of
from ..host.residual import Velocity
from .options import BaselineChoice, TimestepsChoice
from .savings import Savings


@dataclass(frozen=True)
class PresetChoice:
    """What CSD Preset chooses for a sampler.

    preset     settings of the model's family
    strength   how much the edit changes, 0 to 1
    quality    name of the pace
    source     conditioning that describes the source, for models that do not see it
    """

    preset: Preset
    strength: float
    quality: str
    source: list | None = None

    @cached_property
    def dialled(self) -> Dialled:
        return self.preset.dialled(self.strength, self.quality)

    @property
    def guidance(self) -> Guidance:
        return Guidance(self.dialled.guidance, self.preset.image_guidance)

    @property
    def baseline(self) -> BaselineChoice:
        preset, drawn = self.preset, self.preset.drawn
        baseline = ImageConditional(drawn=drawn) if preset.edits else SourcePrompt(drawn=drawn)
        if self.dialled.freedom is None:
            return BaselineChoice(baseline, self.source)
        return BaselineChoice(baseline, self.source, Velocity(Constant(self.dialled.freedom), preset.source_guidance))

    @property
    def numbers(self) -> dict:
        """Widgets of a sampler."""
        found, low = self.dialled, self.preset.noise_low
        return {"steps": found.steps, "step_size": found.step_size, "noise_low": low, "noise_high": found.noise_high}

    @property
    def timesteps(self) -> TimestepsChoice:
        return TimestepsChoice(own=self.preset.own_time)

    @property
    def savings(self) -> Savings:
        return Savings(self.dialled.uses)

    @property
    def said(self) -> tuple[str, str]:
        """What was chosen, and why."""
        preset, found = self.preset, self.dialled
        scale = " of the model's own time" if preset.own_time else ""
        image = "" if preset.image_guidance == 1 else f" and {preset.image_guidance:g}"
        chosen = [
            f"{found.steps} steps of {found.step_size:.3g}",
            f"guidance {found.guidance:.3g}{image}",
            f"noise {preset.noise_low:g} to {found.noise_high:g}{scale}",
        ]
        if found.freedom is not None:
            chosen.append(f"freedom {found.freedom:g}")
        why = preset.why if preset.known else "Generic settings: no others are known for this model."
        told = "" if preset.told is None else f"Put FluxGuidance {preset.told:g} behind each prompt. "
        return f"Preset: {preset.label}; {', '.join(chosen)}", told + why


PresetType = custom("CSD_PRESET", PresetChoice)


class PresetOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDPreset",
            "CSD Preset",
            "Looks at the model and chooses the settings of an edit for it: steps, step size, guidance, noise range "
            "and baseline. Connect it to `preset` of CSD Edit Sampler. Start from it where you do not know a model.",
            [
                io.Model.Input("model", tooltip="The model that the sampler gets. It tells its family."),
                io.Float.Input(
                    "strength",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much changes. Higher: a stronger edit, and less of the source. 0.5 is usual. Try 0.3 "
                    "to 0.8. It sets the upper end of the noise range, the size of the steps, the guidance, and the "
                    "freedom of rectified flow models.",
                ),
                io.Combo.Input(
                    "quality",
                    options=[BALANCED, FAST],
                    tooltip="balanced: the best results. fast: half the time or less, a little less even.",
                ),
                io.Conditioning.Input(
                    "source_prompt",
                    optional=True,
                    tooltip="A description of the source image. Only for models that do not see it (SD 1.5, SDXL, "
                    "SD 3, Flux dev, Z-Image). It also tells Flux dev from Flux Kontext, which are built alike.",
                ),
            ],
            [
                PresetType.Output("choice", display_name="preset", tooltip="For `preset` of CSD Edit Sampler."),
                io.String.Output(
                    "chosen", display_name="chosen", tooltip="What was chosen, and why, for Preview as Text."
                ),
            ],
            group="Options",
            search_aliases=["settings", "defaults", "automatic", "model family"],
        )

    @classmethod
    def run(cls, model, strength, quality, source_prompt=None):
        described = source_prompt is not None
        preset = preset_of(model, described)
        preset.ask_for_words(described, "source_prompt")
        choice = PresetChoice(preset, strength, quality, None if preset.edits else source_prompt)
        if not preset.known:
            logging.warning("CSD Preset: %s. %s", *choice.said)
        return io.NodeOutput(choice, ". ".join(choice.said))
