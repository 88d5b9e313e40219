"""CSD Preset: the settings that fit the model, on one wire."""

import logging
from dataclasses import dataclass

from ..csd.baseline import ImageConditional, SourcePrompt
from ..csd.guidance import Guidance
from ..csd.velocity import Constant
from ..host.io import custom, io, schema
from ..host.node import Node
from ..host.presets import BALANCED, FAST, Pace, Preset, preset_of
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

    @property
    def pace(self) -> Pace:
        return self.preset.paces[self.quality]

    @property
    def noise_high(self) -> float:
        return self.preset.noise_high.at(self.strength)

    @property
    def guidance(self) -> Guidance:
        return Guidance(self.preset.guidance, self.preset.image_guidance)

    @property
    def baseline(self) -> BaselineChoice:
        preset, drawn = self.preset, self.preset.drawn
        baseline = ImageConditional(drawn=drawn) if preset.edits else SourcePrompt(drawn=drawn)
        if preset.freedom is None:
            return BaselineChoice(baseline, self.source)
        freedom = Constant(preset.freedom.at(self.strength))
        return BaselineChoice(baseline, self.source, Velocity(freedom, preset.source_guidance))

    @property
    def numbers(self) -> dict:
        """Widgets of a sampler."""
        low, high = self.preset.noise_low, self.noise_high
        return {"steps": self.pace.steps, "step_size": self.pace.step_size, "noise_low": low, "noise_high": high}

    @property
    def timesteps(self) -> TimestepsChoice:
        return TimestepsChoice(own=self.preset.own_time)

    @property
    def savings(self) -> Savings:
        return Savings(self.pace.uses)

    @property
    def said(self) -> tuple[str, str]:
        """What was chosen, and why."""
        preset, pace = self.preset, self.pace
        scale = " of the model's own time" if preset.own_time else ""
        chosen = [
            f"{pace.steps} steps of {pace.step_size:g}",
            f"guidance {preset.guidance:g}" + (f" and {preset.image_guidance:g}" if preset.image_guidance != 1 else ""),
            f"noise {preset.noise_low:g} to {self.noise_high:g}{scale}",
        ]
        if preset.freedom is not None:
            chosen.append(f"freedom {preset.freedom.at(self.strength):g}")
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
                    "to 0.8. It sets the upper end of the noise range, and the freedom of rectified flow models.",
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
        preset = preset_of(model, described=source_prompt is not None)
        if not preset.edits and source_prompt is None:
            raise ValueError(
                f"source_prompt: got none for {preset.label}, which does not see the source image; connect a "
                "description of it, or load an edit model (InstructPix2Pix, CosXL Edit, Flux Kontext, Qwen-Image-Edit)."
            )
        choice = PresetChoice(preset, strength, quality, None if preset.edits else source_prompt)
        if not preset.known:
            logging.warning("CSD Preset: %s. %s", *choice.said)
        return io.NodeOutput(choice, ". ".join(choice.said))
