"""The network of patches beside the sharp model's U-Net."""

import pytest
import torch

from collaborative_score_distillation.demo.patch_edit import PatchEdit
from collaborative_score_distillation.demo.patches import CHANNELS


def rand(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def network() -> PatchEdit:
    torch.manual_seed(0)
    return PatchEdit().requires_grad_(False)


def inputs(seed: int = 1, count: int = 2, cells: int = 8) -> tuple[torch.Tensor, ...]:
    noisy, source, change = (rand(seed + number, count, CHANNELS, cells, cells) for number in range(3))
    return noisy, source, change, rand(seed + 3, count, 64), torch.linspace(0.2, 0.8, count)


def test_with_its_last_layers_at_zero_it_adds_nothing(network):
    for layer in (network.colours, network.outward):
        for parameter in layer.parameters():
            parameter.zero_()
    _, _, change, *_ = given = inputs()
    assert torch.equal(network(*given), change)


def test_a_part_of_a_window_changes_as_the_whole(network):
    """A patch sees its neighbours and nothing else: only cells at the new border differ."""
    *maps, text, level = inputs()
    whole = network(*maps, text, level)
    part = network(*(each[..., 2:, 2:] for each in maps), text, level)
    assert torch.allclose(part[..., 1:, 1:], whole[..., 3:, 3:], atol=1e-5)


@pytest.mark.parametrize("which", [3, 4], ids=["text", "level"])
def test_it_is_told_text_and_level(network, which):
    given = list(inputs())
    before = network(*given)
    given[which] = given[which].flip(0)
    assert (network(*given) - before).abs().max() > 1e-3


def test_colours_are_an_affine_map_of_the_source(network):
    for parameter in network.outward.parameters():
        parameter.zero_()
    noisy, source, change, text, level = inputs()
    at = [network(noisy, source * factor, change, text, level) - change for factor in (0.0, 1.0, 2.0)]
    assert torch.allclose(at[2] - at[1], at[1] - at[0], atol=1e-5) and at[0].abs().max() > 1e-3
