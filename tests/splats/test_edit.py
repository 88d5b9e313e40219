"""Scenes edited in the loop, with a VAE and a model of a line each."""

from collections import deque

import pytest
import torch

from collaborative_score_distillation.splats.edit import Codec, edits, shown
from collaborative_score_distillation.splats.fit import Fitting, fitted
from collaborative_score_distillation.splats.scene import RATES, SplatScene
from collaborative_score_distillation.splats.splats import Splats
from collaborative_score_distillation.splats.unproject import Sampling, unprojected
from collaborative_score_distillation.tests.splats.dioramas import Painted

GEOMETRY = ("positions", "log_scales", "rotations", "logits")
FITTING = Fitting(steps=30, fixed=GEOMETRY)


def edited(*inputs, **further) -> Splats:
    """The scene after the last round."""
    return deque(edits(*inputs, **further), maxlen=1).pop().splats


@pytest.fixture(scope="module")
def painted() -> Painted:
    return Painted()


@pytest.fixture(scope="module")
def scene(painted) -> SplatScene:
    return SplatScene(painted.views().cameras, painted.views().names)


@pytest.fixture(scope="module")
def start(painted, scene) -> Splats:
    splats = unprojected(painted.images, painted.views(), Sampling(2))
    return fitted(splats, scene, painted.images, None, Fitting(steps=30))


EXACT = Codec(lambda x: x.clone(), lambda x: x.clone())


def test_views_that_stay_leave_the_scene_as_it_is(scene, start):
    found = edited(start, scene, EXACT, lambda source, latents, number: latents, 3, FITTING)
    assert (shown(found, scene) - shown(start, scene)).abs().max() < 0.01


@pytest.mark.parametrize("rounds", [1, 3])
def test_the_scene_follows_its_views(painted, scene, start, rounds):
    night = torch.stack([*Painted(look="night").images])

    def move(source, latents, number):
        return torch.lerp(latents, night, (number + 1) / rounds)

    found = edited(start, scene, EXACT, move, rounds, FITTING)
    error, before = ((shown(some, scene) - night).abs().mean() for some in (found, start))
    assert error < 0.4 * before
    assert all(torch.equal(found.tree[name], start.tree[name]) for name in GEOMETRY)


def test_the_source_is_that_of_the_first_round(scene, start):
    seen = []

    def move(source, latents, number):
        seen.append((source.clone(), latents.clone(), number))
        return latents + 0.2

    edited(start, scene, EXACT, move, 2, FITTING)
    (first, begin, _), (second, later, number) = seen
    assert torch.equal(first, second) and torch.equal(first, begin) and number == 1
    assert (later - begin).mean() > 0.05


def test_what_views_do_not_agree_on_stays_out(scene, start):
    """Each view wants another light: they end up with one."""
    lights = torch.tensor([-0.3, -0.1, 0.1, 0.3]).reshape(4, 1, 1, 1)
    found = edited(start, scene, EXACT, lambda source, latents, number: source + lights, 2, FITTING)
    moved = (shown(found, scene) - shown(start, scene)).mean((1, 2, 3))
    assert moved.std() < 0.25 * lights.std()


def test_a_vae_that_changes_the_size(scene, start):
    smaller = Codec(lambda x: x, lambda x: x[:, :40, :64])
    with pytest.raises(ValueError, match="views: got 72 x 48 pixels, of which the VAE makes 64 x 40; expected sides"):
        edited(start, scene, smaller, lambda source, latents, number: latents, 1, FITTING)


def test_nothing_handed_over_changes_and_it_can_be_left(scene, start):
    before = {name: part.clone() for name, part in start.tree.items()}
    edited(start, scene, EXACT, lambda source, latents, number: latents + 0.1, 1, Fitting(steps=2))
    assert all(torch.equal(start.tree[name], before[name]) for name in RATES)

    def stop(parts):
        raise KeyboardInterrupt
        yield from parts

    with pytest.raises(KeyboardInterrupt):
        edited(start, scene, EXACT, lambda source, latents, number: latents, 1, FITTING, follow=stop)


def test_what_the_vae_loses_is_lost_once(scene, start):
    """A VAE that takes a tenth of the contrast: after three rounds as much is gone as after one."""
    dull = Codec(lambda x: 0.9 * (x - 0.5) + 0.5, lambda x: x.clone())
    stay = [edited(start, scene, dull, lambda source, latents, number: latents, rounds, FITTING) for rounds in (1, 3)]
    once, thrice = ((shown(some, scene) - shown(start, scene)).abs().mean() for some in stay)
    assert thrice < 1.3 * once
