"""Painted scenes: deterministic, any size, the same geometry in every look, worth comparing with."""

import itertools

import numpy as np
import pytest

from collaborative_score_distillation.demo.painter import LOOKS, SOURCE, make_scene, nearest, paint, render


def edges(picture: np.ndarray) -> np.ndarray:
    """Where brightness changes from one column to the next, without its size."""
    change = np.abs(np.diff(picture.mean(axis=-1), axis=1))
    return change > np.quantile(change, 0.9)


@pytest.mark.parametrize("look", LOOKS)
def test_the_same_seed_paints_the_same_picture(look):
    first, second = paint(7, look, 64, 96), paint(7, look, 64, 96)
    assert np.array_equal(first, second)
    assert first.dtype == np.float32 and first.shape == (64, 96, 3)
    assert first.min() >= 0 and first.max() <= 1


def test_seeds_and_looks_differ():
    assert np.abs(paint(1, SOURCE) - paint(2, SOURCE)).mean() > 0.03
    for one, other in itertools.combinations(LOOKS, 2):
        assert np.abs(paint(1, one) - paint(1, other)).mean() > 0.03, (one, other)


@pytest.mark.parametrize("look", [look for look in LOOKS if look != SOURCE])
def test_looks_share_their_geometry(look):
    """Edges of one look lie where the source's are, far more often than another scene's do."""
    scene, source, stranger = paint(5, look), paint(5, SOURCE), paint(6, SOURCE)
    same = (edges(scene) & edges(source)).mean()
    assert same > 2 * (edges(scene) & edges(stranger)).mean()


@pytest.mark.parametrize("size", [(8, 8), (33, 57), (128, 128), (192, 640), (100, 2000)])
def test_any_size(size):
    picture = paint(3, "night", *size)
    assert picture.shape == (*size, 3)
    assert np.isfinite(picture).all()


def test_painting_leaves_the_scene_alone():
    scene = make_scene(4, 64, 128)
    first = render(scene, "winter")
    render(scene, "night")
    assert np.array_equal(first, render(scene, "winter"))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="spring"):
        paint(1, "spring")
    with pytest.raises(ValueError, match="-1"):
        paint(-1, SOURCE)
    with pytest.raises(ValueError, match="4 x 512"):
        paint(1, SOURCE, 4, 512)


@pytest.mark.parametrize("light", [-1.0, -0.35, 0.0, 0.6])
def test_the_nearest_light_is_found_through_noise(light):
    picture = paint(7, "sunset", 32, 64, light) + np.random.default_rng(0).normal(0, 0.05, (32, 64, 3))
    assert nearest(picture, paint(7, "sunset", 32, 64), "sunset") == pytest.approx(light)
