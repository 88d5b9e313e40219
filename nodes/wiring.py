"""The single nodes that a simple node turns into.

A simple node runs no model. It asks the model what it is, and answers with a graph of the nodes that a user would have
wired: ComfyUI runs them, shows their progress on the simple node, and can cancel them. So the simple and the long way
are the same code.
"""

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..host.io import GraphBuilder
from ..host.presets import CHANNELS, PAPER, WORDS, Preset, preset_of
from ..host.states import StateFile
from .options import OWN_TIME, SIGNAL_TO_NOISE

Wire = list  # [id of a node, number of its output], as the host writes it
_IMAGES_AT_ONCE = 4
_PAPER_PARTICLES = 4  # of twelve windows, in each step


@dataclass(frozen=True)
class Wish:
    """What a user has set on a simple node. An empty or zero setting leaves the choice to the model's preset."""

    model: Any
    clip: Any
    vae: Any
    instruction: str
    strength: float
    quality: str
    seed: int
    source: str = ""
    guidance: float = 0.0
    particles_at_once: int = 0
    mask: Tensor | None = None
    state: StateFile | None = None

    def preset(self) -> Preset:
        """The settings for the model. ValueError where it cannot edit with what it was given."""
        if not self.instruction.strip():
            raise ValueError("instruction: got no text, expected what to do, such as `make it winter`; write it.")
        described = bool(self.source.strip())
        preset = preset_of(self.model, described)
        preset.ask_for_words(described, "source")
        return preset


class Wiring:
    """A graph of single nodes for one wish. Every method adds nodes, and returns wires."""

    def __init__(self, wish: Wish):
        self.wish, self.preset, self.graph = wish, wish.preset(), GraphBuilder()
        self.dialled = self.preset.dialled(wish.strength, wish.quality)
        (self.vae,) = self.add("CSDVAEBatch", 1, vae=wish.vae, images_at_once=_IMAGES_AT_ONCE)

    @property
    def multiple(self) -> int:
        """What sides have to be a multiple of, in pixels."""
        return math.lcm(self.preset.multiple, int(self.wish.vae.spacial_compression_encode()))

    def add(self, kind: str, outputs: int = 1, **inputs) -> list[Wire]:
        """A node. Inputs that are None stay unconnected."""
        node = self.graph.node(kind, **{name: value for name, value in inputs.items() if value is not None})
        return [node.out(number) for number in range(outputs)]

    def edited(self, pictures: Wire | Tensor, layout: Wire | None = None, **stages) -> list[Wire]:
        """Pictures that are edited together, the card of the run and its curves."""
        (latent,) = self.add("VAEEncode", pixels=pictures, vae=self.vae)
        if self.wish.mask is not None:
            (latent,) = self.add("SetLatentNoiseMask", samples=latent, mask=self.wish.mask)
        positive, negative = self._prompts(pictures, latent)
        if self.wish.quality == PAPER:
            stages |= self._papers_stages()
        latent, *reports = self.add(
            "CSDEditSampler",
            3,
            **{"model": self.wish.model, "positive": positive, "negative": negative, "latent": latent},
            **self._numbers(),
            **{"layout": layout, "timesteps": self._timesteps(), "baseline": self._baseline()},
            **{"savings": self._savings(), "state": self.wish.state},
            **stages,
        )
        (decoded,) = self.add("VAEDecode", samples=latent, vae=self.vae)
        return [decoded, *reports]

    def coupled(self, correspondence: Wire) -> dict[str, Wire]:
        """Stages that couple images where they show the same thing."""
        (kernel,) = self.add("CSDKernel", **_kernel("uniform", repulsion=0.0), correspondence=correspondence)
        (noise,) = self.add("CSDNoiseField", field="carried", correspondence=correspondence)
        return {"coupling": kernel, "noise": noise}

    def even(self) -> dict[str, Wire]:
        """Stages by which places that look alike change alike, for models that gain by it."""
        if not self.preset.tones:
            return {}
        (coupling,) = self.add("CSDTones", strength=1.0, spread=0.15, block=1)
        return {"coupling": coupling}

    def _numbers(self) -> dict:
        wish, preset = self.wish, self.preset
        return {
            "seed": wish.seed,
            "steps": self.dialled.steps,
            "step_size": self.dialled.step_size,
            "guidance": wish.guidance or self.dialled.guidance,
            "image_guidance": preset.image_guidance,
            "noise_low": preset.noise_low,
            "noise_high": self.dialled.noise_high,
            "particles_per_step": _PAPER_PARTICLES if self._as_printed else 0,
            "particles_at_once": wish.particles_at_once or preset.at_once,
        }

    @property
    def _as_printed(self) -> bool:
        """Whether all settings are the paper's. It has none for rectified flow models."""
        return self.wish.quality == PAPER and self.preset.freedom is None

    def _prompts(self, pictures: Wire | Tensor, latent: Wire) -> list[Wire]:
        """The instruction and the empty text, both with the source image where the model sees it."""
        wish, preset = self.wish, self.preset
        if preset.looks and preset.edits:
            (single,) = self.add("RebatchImages", images=pictures, batch_size=1)
            return [self._looked(text, single) for text in (wish.instruction, "")]
        texts = [self._text(text) for text in (wish.instruction, "")]
        if preset.sees == CHANNELS:
            pair = dict(zip(("positive", "negative"), texts))
            return self.add("InstructPixToPixConditioning", 2, **pair, vae=self.vae, pixels=pictures)
        if preset.sees == WORDS:
            return texts
        return [self.add("ReferenceLatent", conditioning=text, latent=latent)[0] for text in texts]

    def _looked(self, text: str, single: Wire) -> Wire:
        """A prompt of each picture, by a text encoder that looks at it."""
        (words,) = self.add(
            "TextEncodeQwenImageEditPlus", clip=self.wish.clip, vae=self.vae, image1=single, prompt=text
        )
        return self.add("CSDPromptOfEach", prompts=words)[0]

    def _text(self, text: str) -> Wire:
        (words,) = self.add("CLIPTextEncode", clip=self.wish.clip, text=text)
        if self.preset.told is None:
            return words
        return self.add("FluxGuidance", conditioning=words, guidance=self.preset.told)[0]

    def _baseline(self) -> Wire:
        preset = self.preset
        source = None if preset.edits else self._text(self.wish.source)
        if self.dialled.freedom is None:
            kind = "image, guided" if preset.edits else "source prompt"
            return self.add("CSDBaseline", baseline=kind, source=source, drawn_noise=preset.drawn)[0]
        return self.add(
            "CSDVelocity",
            **{"freedom": self.dialled.freedom, "rising": False, "anchor": 0.0, "along_levels": True},
            **{"source": "image" if preset.edits else "prompt", "source_guidance": preset.source_guidance},
            source_prompt=source,
        )[0]

    def _timesteps(self) -> Wire:
        scale = OWN_TIME if self.preset.own_time else SIGNAL_TO_NOISE
        return self.add("CSDTimesteps", order="random" if self._as_printed else "descending", scale=scale)[0]

    def _savings(self) -> Wire | None:
        if self.dialled.uses == 1:
            return None
        return self.add("CSDSavings", uses=self.dialled.uses, guidance_low=0.0, guidance_high=1.0)[0]

    def _papers_stages(self) -> dict[str, Wire]:
        """The paper's coupling of whole images, and its noise. Its schedule too, where it has one for the model."""
        printed = {"bandwidth": "authors' median", "normalization": "mean"} if self._as_printed else {}
        (kernel,) = self.add("CSDKernel", **_kernel("rbf", **printed))
        (noise,) = self.add("CSDNoiseField", field="independent")
        stages = {"coupling": kernel, "noise": noise}
        if self._as_printed:
            (stages["update"],) = self.add("CSDUpdate", optimizer="sgd", decay=0.9, decay_every=20)
        return stages


def _kernel(kernel: str, **changes) -> dict:
    """Widgets of CSD Kernel."""
    usual = {"bandwidth": "median", "fixed_bandwidth": 1000.0, "normalization": "row", "repulsion": 1.0}
    return {"kernel": kernel, **usual, **changes}
