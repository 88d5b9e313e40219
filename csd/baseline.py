"""What is subtracted from the prediction: r = eps_hat - baseline.

    drawn noise         eps, the noise that was added: SDS for one particle, CSD for several
    image-conditional   the text-free prediction on the noised source: CSD-Edit
    source prompt       the prediction for a description of the source: delta denoising (DDS)

A baseline names the guidance of the prediction on the noised source image, or None for eps itself.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from .guidance import IMAGE, SOURCE, Guidance


class Baseline(Protocol):
    def guidance(self, target: Guidance) -> Guidance | None:
        """Guidance of the baseline's prediction, given the target's; None: subtract the drawn noise."""
        ...


@dataclass(frozen=True)
class DrawnNoise:
    def guidance(self, target: Guidance) -> None:
        return None


@dataclass(frozen=True)
class ImageConditional:
    """eps_image (the paper), or with `guided` eps_none + image * (eps_image - eps_none) (the authors' code)."""

    guided: bool = True

    def guidance(self, target: Guidance) -> Guidance:
        return Guidance(text=0.0, image=target.image if self.guided else 1.0, prompt=IMAGE)


@dataclass(frozen=True)
class SourcePrompt:
    """The target's guidance with the source prompt in place of the target prompt (paper, appendix A)."""

    prompt: str = SOURCE

    def guidance(self, target: Guidance) -> Guidance:
        return replace(target, prompt=self.prompt)
