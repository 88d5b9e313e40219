"""Blending along a correspondence: the mean of what shows the same, and nothing else."""

import pytest
import torch

from collaborative_score_distillation.csd.blend import blend
from collaborative_score_distillation.csd.correspondence import Flow, Unrelated, cells


def panned(count=4, shift=2, noise=0.05):
    """Pictures of one wide picture, `shift` pixels apart, with noise of their own, and their true motion."""
    generator = torch.Generator().manual_seed(0)
    wide = torch.rand(3, 8, 16 + shift * count, generator=generator)
    clean = torch.stack([wide[..., i * shift : i * shift + 16] for i in range(count)])
    pairs = torch.tensor([(i, j) for i in range(count) for j in range(count) if i != j])
    offset = (pairs[:, 0] - pairs[:, 1])[:, None, None] * shift
    place = cells((8, 16)).expand(len(pairs), 8, 16, 2).clone()
    place[..., 0] += offset
    valid = ((place[..., 0] >= 0) & (place[..., 0] <= 15)).float()
    pictures = clean + noise * torch.randn(clean.shape, generator=generator)
    return clean, pictures, Flow(count, pairs, place, valid)


def test_the_same_thing_becomes_the_mean_of_what_is_seen_of_it():
    _, pictures, flow = panned()
    blended = blend(pictures, flow, tolerance=1e6)
    columns = [pictures[i][..., 8 - 2 * i] for i in range(4)]  # one column of the wide picture, seen by all
    for i in range(4):
        torch.testing.assert_close(blended[i][..., 8 - 2 * i], torch.stack(columns).mean(0))


def test_noise_goes_down_and_agreement_up():
    clean, pictures, flow = panned()
    blended = blend(pictures, flow)
    assert (blended - clean).square().mean() < 0.6 * (pictures - clean).square().mean()


def test_strength_leads_from_the_picture_to_the_mean():
    _, pictures, flow = panned()
    torch.testing.assert_close(blend(pictures, flow, strength=0.0), pictures)
    halfway = torch.lerp(pictures, blend(pictures, flow), 0.5)
    torch.testing.assert_close(blend(pictures, flow, strength=0.5), halfway)


def test_a_wrong_partner_leaves_no_ghost():
    _, pictures, flow = panned(noise=0.0)
    pictures[1] = 1 - pictures[0].mean() + torch.zeros_like(pictures[1])
    blended = blend(pictures, flow, tolerance=0.02)
    assert (blended[0] - pictures[0]).abs().mean() < 0.02


def test_without_a_partner_nothing_changes():
    pictures = torch.rand(1, 3, 8, 8)
    assert torch.equal(blend(pictures, Unrelated(1)), pictures)


def test_pictures_are_not_changed_in_place():
    _, pictures, flow = panned()
    before = pictures.clone()
    blend(pictures, flow)
    assert torch.equal(pictures, before)


@pytest.mark.parametrize("wrong", [{"strength": 1.5}, {"tolerance": 0.0}, {"strength": float("nan")}])
def test_settings_out_of_range(wrong):
    with pytest.raises(ValueError, match="blend: got"):
        blend(torch.rand(1, 3, 8, 8), Unrelated(1), **wrong)


def test_another_number_of_pictures():
    with pytest.raises(ValueError, match="got 3 pictures and a correspondence of 2"):
        blend(torch.rand(3, 3, 8, 8), Unrelated(2))
