"""Settings by family of models: what an edit with this model starts from.

A family is told by the names of the classes that the model is made of. So nothing of the host is imported here.

Edit models see the source image, as channels beside the noise (InstructPix2Pix) or as a reference (Flux Kontext,
Qwen-Image-Edit). Text-to-image models need it described in words. Some families have the same classes for both kinds
(Flux dev and Flux Kontext). They have two rows in the table, and who asks says whether the source is described.
"""

from dataclasses import dataclass, replace

CHANNELS, REFERENCE, WORDS = "channels", "reference", "words"
FAST, BALANCED, PAPER = "fast", "balanced", "paper"
QUALITIES = (FAST, BALANCED, PAPER)


@dataclass(frozen=True)
class Dial:
    """A setting that follows the strength of an edit, from `weak` over `usual` to `strong` in straight lines."""

    weak: float
    usual: float
    strong: float

    def at(self, strength: float) -> float:
        """The setting at a strength of 0 (weak) to 1 (strong). One half is `usual`."""
        if not 0 <= strength <= 1:
            raise ValueError(f"strength: got {strength}, expected 0 to 1.")
        low, high = (self.weak, self.usual) if strength <= 0.5 else (self.usual, self.strong)
        share = 2 * strength if strength <= 0.5 else 2 * strength - 1
        return round(low + share * (high - low), 6)


@dataclass(frozen=True)
class Pace:
    """How many steps a run takes, how large they are, and how many in a row share their noise."""

    steps: int
    step_size: float
    uses: int = 1


@dataclass(frozen=True)
class Preset:
    """Settings for edits with one family of models.

    label            name of the family
    marks            names of classes; a model of the family is made of all of them
    sees             how the model learns of the source: CHANNELS, REFERENCE or WORDS
    looks            whether its text encoder looks at the source as well (Qwen-Image-Edit)
    window           side of a window in pixels, as the model was trained
    multiple         sides of a picture have to be multiples of this many pixels
    guidance         text guidance of the edit
    image_guidance   how strongly the source image holds; 1: no more than in training
    source_guidance  text guidance of the described source
    told             the guidance scale that the model takes as an input (Flux); None: it takes none
    noise_low        least noise, a time in 0 ... 1
    noise_high       most noise by strength, a time in 0 ... 1
    bend             how fast steps shrink with the strength below one half, see `_reach`; 0: not at all
    pull             factor of the guidance by strength
    own_time         whether these times are fractions of the model's own schedule
    freedom          eta of the velocity residual by strength; None: the residual is in noise
    drawn            share of the drawn noise in the baseline, 0 ... 1
    paces            by quality
    tones            whether places of a panorama that look alike change alike (CSD Tones)
    at_once          how many windows or frames go through the model together
    most_guidance    guidance above which pictures were seen, or are known, to break
    most_step        step size above which they break
    why              where the settings come from, in a sentence
    known            False where the model belongs to no family of the table
    """

    label: str
    marks: frozenset[str]
    sees: str
    window: int
    multiple: int
    guidance: float
    noise_high: Dial
    paces: dict[str, Pace]
    why: str
    image_guidance: float = 1.0
    source_guidance: float = 1.0
    told: float | None = None
    noise_low: float = 0.0
    own_time: bool = False
    freedom: Dial | None = None
    bend: float = 0.0
    pull: Dial = Dial(1.0, 1.0, 1.0)
    drawn: float = 0.0
    looks: bool = False
    tones: bool = False
    at_once: int = 4
    most_guidance: float = 15.0
    most_step: float = 4.0
    known: bool = True

    @property
    def edits(self) -> bool:
        """Whether the model sees the source image, so that an instruction is enough."""
        return self.sees != WORDS

    def ask_for_words(self, described: bool, name: str) -> None:
        """ValueError where the model needs a description of the source, and there is none.

        name   of the input that takes the description
        """
        if not self.edits and not described:
            raise ValueError(
                f"{name}: got no description of the source for {self.label}, which does not see the picture; say in "
                f"`{name}` what the picture shows now. Or load an edit model (InstructPix2Pix, CosXL Edit, Flux "
                "Kontext, Qwen-Image-Edit)."
            )

    def dialled(self, strength: float, quality: str) -> "Dialled":
        """The settings of an edit.

        strength   how much it changes, 0 ... 1; one half is usual
        quality    one of `QUALITIES`
        """
        pace, freedom = self.paces[quality], self.freedom
        return Dialled(
            steps=pace.steps,
            step_size=pace.step_size * self._reach(strength),
            uses=pace.uses,
            guidance=self.guidance * self.pull.at(strength),
            noise_high=self.noise_high.at(strength),
            freedom=None if freedom is None else freedom.at(strength),
        )

    def _reach(self, strength: float) -> float:
        """Factor of the step size, 0 ... 1.

        A picture nears its edit as 1 - exp(-sum of the steps), and with the usual steps it gets there. So steps that
        shrink in proportion to the strength would hardly weaken the edit.
        """
        return min(2 * strength, 1.0) ** self.bend if self.bend else 1.0


@dataclass(frozen=True)
class Dialled:
    """What of a preset follows strength and quality: steps as in `Pace`, the rest as in `Preset`."""

    steps: int
    step_size: float
    uses: int
    guidance: float
    noise_high: float
    freedom: float | None


def preset_of(model, described: bool = False) -> Preset:
    """The settings for a ModelPatcher.

    described   whether the source is described in words, which families of both kinds are asked

    A model of no family gets generic settings for its kind of prediction, and `known` is False.
    """
    names = _names(model)
    first = next((row for row in TABLE if row.marks <= names), None)
    if first is None:
        return _generic(names)
    kinds = [row for row in TABLE if row.marks == first.marks]
    return next((row for row in kinds if row.edits != described), first)


def _names(model) -> set[str]:
    """Names of the classes that a model is made of: itself, its description, its latents, its noise schedule."""
    inner = model.model
    parts = inner, inner.model_config, model.get_model_object("model_sampling")
    latents = {f"{kind.__name__} latents" for kind in type(inner.latent_format).__mro__}  # some are named as models are
    return latents | {kind.__name__ for part in parts for kind in type(part).__mro__}


def _generic(names: set[str]) -> Preset:
    kind, what = (FLOW, "rectified flow") if "CONST" in names else (NOISE, "noise prediction")
    return replace(kind, label=f"unknown family ({what})", marks=frozenset(), known=False)


_UNTRIED = "Starting points; not yet tried with the real weights."
_PAPER = Pace(200, 2.0)
_DIFFUSION = {FAST: Pace(20, 3.0, 2), BALANCED: Pace(40, 2.0), PAPER: _PAPER}
_FLOW = {FAST: Pace(16, 1.0), BALANCED: Pace(24, 1.0), PAPER: Pace(50, 1.0)}


def _marks(*names: str) -> frozenset[str]:
    return frozenset(names)


NOISE = Preset(
    label="Stable Diffusion 1.5",
    marks=_marks("SD15"),
    sees=WORDS,
    window=512,
    multiple=8,
    guidance=7.5,
    source_guidance=7.5,
    noise_low=0.02,
    noise_high=Dial(0.2, 0.6, 0.9),
    bend=3.0,
    pull=Dial(1.0, 1.0, 1.6),
    paces=_DIFFUSION,
    why="Delta denoising with the step sizes of the paper. " + _UNTRIED,
)
FLOW = Preset(
    label="a rectified flow model",
    marks=_marks("CONST"),
    sees=WORDS,
    window=1024,
    multiple=16,
    guidance=5.5,
    source_guidance=1.5,
    noise_high=Dial(0.05, 0.7, 0.95),
    own_time=True,
    freedom=Dial(1.0, 1.0, 1.0),
    paces=_FLOW,
    at_once=1,
    most_step=2.0,
    why="The numbers of FlowEdit for Flux. " + _UNTRIED,
)
PIX2PIX = replace(
    NOISE,
    label="InstructPix2Pix",
    marks=_marks("SD15_instructpix2pix"),
    sees=CHANNELS,
    image_guidance=1.5,
    source_guidance=1.0,
    noise_high=Dial(0.2, 0.5, 0.8),
    why="The paper's guidance and noise range. " + _UNTRIED,
)
REFERRING = replace(FLOW, sees=REFERENCE, source_guidance=1.0, noise_high=Dial(0.1, 0.9, 1.0))

TABLE = (
    replace(
        PIX2PIX,
        label="first demo model",
        marks=_marks("DemoLatentFormat latents"),
        window=128,
        guidance=1.5,
        image_guidance=1.0,
        noise_high=Dial(0.2, 0.4, 0.6),
        drawn=0.6,
        paces={FAST: Pace(8, 1.5, 2), BALANCED: Pace(12, 1.0), PAPER: Pace(200, 0.125)},
        at_once=8,
        most_guidance=4.0,
        most_step=2.0,
        why="Measured on painted panoramas.",
    ),
    replace(
        REFERRING,
        label="sharp demo model",
        marks=_marks("FlowEditModel"),
        sees=CHANNELS,
        window=256,
        multiple=8,
        guidance=1.0,
        noise_high=Dial(0.05, 0.85, 1.0),
        own_time=False,
        freedom=Dial(0.0, 0.0, 0.5),
        bend=2.0,
        pull=Dial(1.0, 1.0, 1.6),
        tones=True,
        paces={FAST: Pace(2, 1.0), BALANCED: Pace(3, 1.0), PAPER: Pace(24, 1.0)},
        at_once=8,
        most_guidance=3.0,
        why="Measured on painted scenes.",
    ),
    replace(
        PIX2PIX,
        label="CosXL Edit",
        marks=_marks("SDXL_instructpix2pix", "ModelSamplingContinuousEDM"),
        window=1024,
        guidance=5.0,
    ),
    replace(PIX2PIX, label="SDXL edit", marks=_marks("SDXL_instructpix2pix"), window=1024, guidance=5.0),
    PIX2PIX,
    replace(NOISE, label="CosXL", marks=_marks("SDXL", "ModelSamplingContinuousEDM"), window=1024),
    replace(NOISE, label="SDXL", marks=_marks("SDXL"), window=1024),
    replace(NOISE, label="Stable Diffusion 2", marks=_marks("SD20"), window=768),
    NOISE,
    replace(
        FLOW,
        label="Stable Diffusion 3",
        marks=_marks("SD3"),
        guidance=13.5,
        source_guidance=3.5,
        noise_high=Dial(0.05, 0.66, 0.9),
        paces={FAST: Pace(20, 1.0), BALANCED: Pace(33, 1.0), PAPER: Pace(50, 1.0)},
        most_guidance=20.0,
        why="FlowEdit's numbers for SD 3. " + _UNTRIED,
    ),
    replace(REFERRING, label="Flux.2", marks=_marks("Flux2"), guidance=1.0, told=2.5, most_guidance=4.0),
    replace(FLOW, label="Flux.2, described", marks=_marks("Flux2"), guidance=1.0, source_guidance=1.0, told=3.5),
    replace(
        FLOW,
        label="Flux schnell",
        marks=_marks("FluxSchnell"),
        guidance=1.0,
        source_guidance=1.0,
        paces={FAST: Pace(4, 1.0), BALANCED: Pace(6, 1.0), PAPER: Pace(12, 1.0)},
        most_guidance=1.5,
        why="Distilled to few steps, so without guidance. " + _UNTRIED,
    ),
    replace(FLOW, label="Chroma", marks=_marks("Chroma"), guidance=5.0),
    replace(
        REFERRING,
        label="Flux Kontext",
        marks=_marks("Flux"),
        guidance=1.0,
        told=2.5,
        most_guidance=4.0,
        why="The guidance that Kontext was trained with; the noise range of FlowEdit. " + _UNTRIED,
    ),
    replace(
        FLOW,
        label="Flux dev",
        marks=_marks("Flux"),
        guidance=1.0,
        source_guidance=1.0,
        told=3.5,
        noise_high=Dial(0.05, 0.85, 1.0),
        most_guidance=4.0,
    ),
    replace(
        REFERRING,
        label="Qwen-Image-Edit",
        marks=_marks("QwenImage"),
        looks=True,
        guidance=2.5,
        most_guidance=6.0,
        why="The guidance of the model's own examples; the noise range of FlowEdit. " + _UNTRIED,
    ),
    replace(FLOW, label="Qwen-Image", marks=_marks("QwenImage"), guidance=4.0, most_guidance=8.0),
    replace(REFERRING, label="Omnigen2", marks=_marks("Omnigen2"), guidance=5.0),
    replace(
        FLOW,
        label="Z-Image Turbo",
        marks=_marks("ZImage"),
        guidance=1.0,
        source_guidance=1.0,
        noise_high=Dial(0.1, 0.8, 1.0),
        paces={FAST: Pace(6, 1.0), BALANCED: Pace(9, 1.0), PAPER: Pace(18, 1.0)},
        most_guidance=2.0,
        why="Distilled to few steps, so without guidance. " + _UNTRIED,
    ),
    replace(FLOW, label="Lumina 2", marks=_marks("Lumina2")),
    replace(FLOW, label="AuraFlow", marks=_marks("AuraFlow")),
    replace(FLOW, label="HiDream", marks=_marks("HiDream")),
    replace(FLOW, label="HunyuanImage", marks=_marks("HunyuanImage21"), multiple=32),
    replace(FLOW, label="Wan 2.2 5B", marks=_marks("WAN22"), window=704, multiple=32),
    replace(FLOW, label="Wan 2.1", marks=_marks("WAN21"), window=480),
    replace(FLOW, label="LTXV", marks=_marks("LTXV"), window=512, multiple=32),
)
