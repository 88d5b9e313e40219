"""A scene seen from all around: cameras, words for them, and directions of latents carried back to the splats."""

import pytest
import torch

from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.splats.around import Around, AroundScene, border, cloud
from collaborative_score_distillation.splats.edit import Codec
from collaborative_score_distillation.splats.orbit import SECTORS, all_view_words, orbit, seen_from, view_words
from collaborative_score_distillation.splats.render import render
from collaborative_score_distillation.splats.splats import Splats

SIZE = (32, 32)
HALF = Codec(lambda pictures: pictures.movedim(-1, 1) / 2, lambda latents: latents.movedim(1, -1) * 2)
"""Latents are pictures of half the brightness."""


def scene(**changes) -> AroundScene:
    return AroundScene(Around(SIZE, **changes), HALF)


class TestOrbit:
    @pytest.mark.parametrize(
        ("azimuth", "elevation", "place"),
        [(0, 0, (0, 0, 4)), (90, 0, (4, 0, 0)), (180, 0, (0, 0, -4)), (270, 0, (-4, 0, 0)), (0, 90, (0, 4, 0))],
    )
    def test_where_cameras_stand(self, azimuth, elevation, place):
        cameras = orbit([azimuth], [elevation], SIZE)
        assert torch.allclose(cameras.centres[0], torch.tensor(place, dtype=torch.float32), atol=1e-5)
        assert torch.allclose(cameras.directions[0] * -4, cameras.centres[0], atol=1e-5)

    def test_up_is_up_and_left_is_to_the_right(self):
        """A splat above the middle is in the upper half from the front; one at its left in the right half."""
        cameras = orbit([0.0], [0.0], SIZE)
        for place, rows, columns in (
            ((0, 0.5, 0), slice(0, 16), slice(None)),
            ((0.5, 0, 0), slice(None), slice(16, 32)),
        ):
            one = Splats.of_colours(torch.tensor([place]).float(), torch.tensor([0.1]), torch.ones(1, 3), 0.9)
            alpha = render(one, cameras, [0]).alpha[0]
            assert alpha[rows, columns].sum() > 0.99 * alpha.sum() > 0

    def test_a_ball_of_radius_one_fits_into_the_picture(self):
        cameras = orbit([30.0], [20.0], SIZE)
        _, depth = cameras.project(torch.tensor([0]), torch.tensor([[[[0.0, 0, 4]]]]))
        pixels, _ = cameras.project(torch.tensor([0]), torch.tensor([[[[1.0, 0, 4]]]]))
        assert depth.item() == 4 and 28 < pixels[..., 0].item() < 31.5


class TestWords:
    @pytest.mark.parametrize(
        ("azimuth", "elevation", "words", "said"),
        [
            (0, 0, "four", "front view"),
            (44, 0, "four", "front view"),
            (46, 0, "four", "side view"),
            (359, 0, "four", "front view"),
            (180, 0, "four", "back view"),
            (270, 0, "four", "side view"),
            (10, 60, "four", "from above"),
            (22, 0, "eight", "front view"),
            (23, 0, "eight", "front left view"),
            (90, 0, "eight", "left side view"),
            (270, 0, "eight", "right side view"),
            (180, 60, "eight", "back view, from above"),
            (123, 45, "none", ""),
        ],
    )
    def test_what_a_prompt_says(self, azimuth, elevation, words, said):
        assert view_words(azimuth, elevation, words) == said
        assert said in all_view_words(words)

    def test_how_many_prompts_there_are(self):
        assert {words: len(all_view_words(words)) for words in SECTORS} == {"none": 1, "four": 4, "eight": 16}

    def test_a_prompt(self):
        assert seen_from("a red car", "front view") == "a red car, front view"
        assert seen_from("a red car", "") == "a red car"


class TestAround:
    def test_views_of_a_step_are_evenly_spaced_and_others_in_the_next(self):
        around = Around(SIZE, views=4)
        azimuth, elevation = around.directions(Draws(0, 3))
        gaps = [(b - a) % 360 for a, b in zip(azimuth, azimuth[1:])]
        assert gaps == pytest.approx([90] * 3) and all(-10 <= rise <= 60 for rise in elevation)
        assert around.directions(Draws(0, 3)) == (azimuth, elevation) != around.directions(Draws(0, 4))

    def test_words_belong_to_the_views(self):
        drawn = scene(words="four").at(Draws(1, 0))
        azimuth, elevation = drawn.around.directions(Draws(1, 0))
        assert list(drawn.words) == [view_words(*angles, "four") for angles in zip(azimuth, elevation)]

    def test_a_scene_without_cameras_is_refused(self):
        with pytest.raises(ValueError, match="got no cameras"):
            scene().view(cloud(10, 0).tree, [0])

    def test_a_direction_goes_back_through_decoder_and_renderer(self):
        """With latents at half the brightness, a direction d of a latent is one of 2 d of the picture."""
        drawn, theta = scene().at(Draws(0, 0)), cloud(40, 0).tree
        x, pullback = drawn.view(theta, [1, 2])
        direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
        _, back = drawn.scene.view(theta, [1, 2])
        expected = back(2 * direction)
        assert all(torch.allclose(part, expected[name], atol=1e-5) for name, part in pullback(direction).items())

    def test_wanted_pictures_have_the_background_of_their_view_at_their_border(self):
        """A model that makes the whole picture darker does not ask for a darker object."""
        drawn, theta = scene().at(Draws(0, 0)), cloud(40, 0).tree
        x, _ = drawn.view(theta, range(4))
        tinted = x + 0.03 * torch.tensor([1.0, -1.0, 2.0]).reshape(1, 3, 1, 1)
        assert torch.allclose(drawn.wanted(tinted, range(4)), drawn.wanted(x, range(4)), atol=1e-5)
        assert torch.allclose(border(drawn.wanted(x, range(4)))[..., 0, 0], drawn.scene.background, atol=1e-5)

    def test_steps_toward_wanted_pictures_bring_the_views_nearer(self):
        drawn, theta = scene().at(Draws(0, 0)), cloud(40, 0).tree
        goal = {**theta, "harmonics": theta["harmonics"] + 0.5}
        wanted = drawn.scene.view(goal, [0, 2])[0]
        gradient = drawn.toward(theta, [0, 2], wanted)
        nearer = {**theta, "harmonics": theta["harmonics"] - 0.2 * gradient["harmonics"].sign()}
        far, near = ((drawn.scene.view(t, [0, 2])[0] - wanted).abs().mean() for t in (theta, nearer))
        assert near < 0.9 * far

    def test_views_show_the_splats_over_a_background_of_their_own(self):
        drawn = scene().at(Draws(0, 0))
        x, _ = drawn.view(cloud(1, 0).tree, range(4))
        assert x.shape == (4, 3, *SIZE)
        assert torch.allclose(x[:, :, 0, 0], drawn.scene.background / 2)
        assert len(drawn.scene.background.unique()) == 4


def test_the_cloud_is_grey_and_near_the_middle():
    splats = cloud(500, 3)
    assert len(splats) == 500 and splats.positions.norm(dim=1).max() <= 0.6
    assert torch.equal(splats.positions, cloud(500, 3).positions)
    picture = render(splats, orbit([0.0], [0.0], SIZE), [0])
    assert picture.alpha[0, 16, 16] > 0.6 and picture.alpha[0, 0, 0] == 0
