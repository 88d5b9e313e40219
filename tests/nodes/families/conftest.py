"""What the tests of the families ask."""

import pytest
import torch

from .by_hand import SETTINGS, ByHand


@pytest.fixture
def by_hand(ext, comfy, ask) -> ByHand:
    return ByHand(ext, comfy, ask)


@pytest.fixture
def family_edit(host, uncoupled):
    """CSD Edit Sampler with the settings of the loop by hand: edited latents."""

    def run(model, latents, prompts, layout=None, at_once=4, **changes) -> torch.Tensor:
        """prompts: `Prompts` of the whole set."""
        inputs = {"positive": prompts.positive, "negative": prompts.negative, "layout": layout, "coupling": uncoupled}
        if prompts.source is not None:
            (inputs["baseline"],) = host.run("CSDBaseline", baseline="source prompt", source=prompts.source)
        latent = {"samples": latents, **changes.pop("latent", {})}
        settings = {**inputs, **SETTINGS, "particles_at_once": at_once, **changes}
        return host.run("CSDEditSampler", model=model, latent=latent, **settings)[0]["samples"]

    return run


@pytest.fixture
def row():
    """A conditioning's row i: of its tokens, and of every tensor or list of tensors with a row for each particle."""

    def of(conditioning: list, i: int, count: int) -> list:
        def part(value):
            if isinstance(value, list):
                return [part(member) for member in value]
            has_rows = isinstance(value, torch.Tensor) and value.ndim > 1 and len(value) == count
            return value[i : i + 1] if has_rows else value

        return [[part(tokens), {key: part(value) for key, value in rest.items()}] for tokens, rest in conditioning]

    return of
