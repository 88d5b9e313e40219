"""What is subtracted from the prediction: r = eps_hat - baseline.

    drawn noise         eps, the noise that was added: SDS for one particle, CSD for several
    image-conditional   the text-free prediction on the noised source: CSD-Edit
    source prompt       the prediction for a description of the source: delta denoising (DDS)

A baseline gives the guidance for the prediction on the noised source image, or None where it is eps itself.

The last two can be mixed with the first: (1 - drawn) * prediction + drawn * eps. This needs no further evaluation. It
adds drawn * (prediction - eps) to the residual, which is the model's error on the source. With drawn = 0 an edit keeps
the source's own detail, and this error. The nearer drawn is to 1, the more the edit becomes the model's own picture,
as in SDS.
"""

from dataclasses import dataclass, field, replace
from typing import Protocol

from .guidance import IMAGE, SOURCE, Guidance


class Baseline(Protocol):
    """drawn   share of the drawn noise, 0 to 1; at 1 no prediction is made"""

    @property
    def drawn(self) -> float: ...

    def guidance(self, target: Guidance) -> Guidance | None:
        """Guidance of the baseline's prediction, given that of the target; None where it predicts nothing."""
        ...


@dataclass(frozen=True)
class DrawnNoise:
    drawn = 1.0

    def guidance(self, target: Guidance) -> None:
        return None


@dataclass(frozen=True)
class _Mixed:
    drawn: float = field(default=0.0, kw_only=True)

    def __post_init__(self):
        if not 0 <= self.drawn <= 1:
            raise ValueError(f"baseline: got a share of {self.drawn} for the drawn noise, expected 0 to 1.")


@dataclass(frozen=True)
class ImageConditional(_Mixed):
    """eps_image (paper). With `guided`: eps_none + image * (eps_image - eps_none) (the authors' code)."""

    guided: bool = True

    def guidance(self, target: Guidance) -> Guidance:
        return Guidance(text=0.0, image=target.image if self.guided else 1.0, prompt=IMAGE)


@dataclass(frozen=True)
class SourcePrompt(_Mixed):
    """The target's guidance with the source prompt in place of the target prompt (paper, appendix A)."""

    prompt: str = SOURCE

    def guidance(self, target: Guidance) -> Guidance:
        return replace(target, prompt=self.prompt)
