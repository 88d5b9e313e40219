import math

import pytest
import torch

from collaborative_score_distillation.csd.baseline import DrawnNoise, ImageConditional, SourcePrompt
from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.guidance import SOURCE, TARGET, Call, Guidance, Guided, Interval
from collaborative_score_distillation.csd.level import Level
from collaborative_score_distillation.csd.score import (
    AveragedScore,
    PromptOfEach,
    PromptScore,
    RegionScore,
    region_weights,
)

LEVEL = Level.variance_preserving(0.4, 0.4)
INDEX = [4, 0, 2]
CALL = Call(LEVEL, INDEX, Frames(5), Draws(0, 0))


def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def x():
    return normal(0, 3, 4, 5, 5)


@pytest.fixture
def source():
    return normal(1, 3, 4, 5, 5)


@pytest.fixture
def eps():
    return normal(2, 3, 4, 5, 5)


@pytest.fixture
def model(predictor):
    """A predictor for five particles, of which INDEX names three."""
    return predictor(normal(3, 5, 4, 5, 5))


def prompt_score(model, baseline, guidance=None):
    return PromptScore(Guided(model), guidance or Guidance(7.5, 1.5), baseline)


def test_drawn_noise_is_subtracted(model, x, source, eps):
    x_t, residual = prompt_score(model, DrawnNoise(), Guidance(1.0))(x, source, eps, CALL)
    assert torch.equal(x_t, LEVEL.alpha * x + LEVEL.sigma * eps)
    assert torch.equal(residual, model(x_t, TARGET, CALL) - eps)


def test_the_source_prompt_is_asked_on_the_noised_source(model, x, source, eps):
    _, residual = prompt_score(model, SourcePrompt(), Guidance(1.0))(x, source, eps, CALL)
    target = model(LEVEL.noise(x, eps), TARGET, CALL)
    assert torch.equal(residual, target - model(LEVEL.noise(source, eps), SOURCE, CALL))


@pytest.mark.parametrize("baseline", [ImageConditional(True), ImageConditional(False)], ids=["guided", "plain"])
def test_the_image_conditional_baseline_sees_no_text(model, x, source, eps, baseline):
    model.calls.clear()
    prompt_score(model, baseline)(x, source, eps, CALL)
    assert model.calls.count(TARGET) == 1 and SOURCE not in model.calls


@pytest.mark.parametrize("make", [ImageConditional, SourcePrompt])
@pytest.mark.parametrize("drawn", [0.0, 0.3, 1.0])
def test_drawn_noise_is_mixed_into_the_baseline(model, x, source, eps, make, drawn):
    parts = [prompt_score(model, baseline)(x, source, eps, CALL)[1] for baseline in (make(), DrawnNoise())]
    model.calls.clear()
    _, residual = prompt_score(model, make(drawn=drawn))(x, source, eps, CALL)
    assert torch.allclose(residual, (1 - drawn) * parts[0] + drawn * parts[1], atol=1e-5)
    assert len(model.calls) == (3 if drawn == 1 else {ImageConditional: 5, SourcePrompt: 6}[make])


@pytest.mark.parametrize("drawn", [-0.1, 1.1, math.nan])
def test_shares_of_drawn_noise_outside_of_one_are_refused(drawn):
    for make in (ImageConditional, SourcePrompt):
        with pytest.raises(ValueError, match=f"got a share of {drawn} for the drawn noise, expected 0 to 1"):
            make(drawn=drawn)


def test_an_image_that_needs_no_edit_has_no_residual(model, x, eps):
    """x is its own source and the source prompt is the target prompt: not a bit is left."""
    _, residual = prompt_score(model, SourcePrompt(TARGET))(x, x, eps, CALL)
    assert torch.equal(residual, torch.zeros_like(x))


def test_another_prompt_leaves_a_residual(model, x, eps):
    _, residual = prompt_score(model, SourcePrompt())(x, x, eps, CALL)
    assert residual.abs().mean() > 0.1


def test_only_what_is_predicted_on_the_source_recurs(x, source, eps):
    """A prediction of a target that moves must never be taken for one made before."""
    asked = []

    def predict(requests, call):
        asked.append(([request.recurs for request in requests], call))
        return [request.x_t for request in requests]

    for baseline in (DrawnNoise(), ImageConditional(), SourcePrompt(drawn=1.0)):
        PromptScore(predict, Guidance(), baseline)(x, source, eps, CALL)
    assert asked == [([False], CALL), ([False, True], CALL), ([False], CALL)]


def test_outside_of_the_interval_scales_are_one(model, x, source, eps):
    inside, outside = (
        PromptScore(Guided(model), Guidance(7.5, 1.5), ImageConditional(), Interval(low, 1.0)) for low in (0.4, 0.5)
    )
    for score, scales in ((inside, Guidance(7.5, 1.5)), (outside, Guidance(1.0, 1.0))):
        expected = prompt_score(model, ImageConditional(), scales)(x, source, eps, CALL)[1]
        assert torch.equal(score(x, source, eps, CALL)[1], expected)


def test_without_a_source_only_drawn_noise_can_be_subtracted(model, x, eps):
    x_t, residual = prompt_score(model, DrawnNoise())(x, None, eps, CALL)
    assert torch.isfinite(residual).all() and x_t.shape == x.shape
    for make in (ImageConditional, SourcePrompt):
        assert torch.equal(prompt_score(model, make(drawn=1.0))(x, None, eps, CALL)[1], residual)
        with pytest.raises(ValueError, match=f"got no source for the baseline {make.__name__}"):
            prompt_score(model, make())(x, None, eps, CALL)


@pytest.fixture
def three(model):
    baselines = DrawnNoise(), ImageConditional(), SourcePrompt()
    return tuple(prompt_score(model, baseline) for baseline in baselines)


WEIGHTS = torch.tensor([[1, 0, 0], [0, 1, 0], [0.2, 0.3, 0.5], [0, 0, 1], [0.5, 0.5, 0]])


def test_regions_blend_residuals_by_the_weights_of_their_particle(three, x, source, eps):
    x_t, residual = RegionScore(three, WEIGHTS)(x, source, eps, CALL)
    parts = [score(x, source, eps, CALL)[1] for score in three]
    assert torch.equal(x_t, LEVEL.noise(x, eps))
    assert torch.allclose(residual[0], (parts[0][0] + parts[1][0]) / 2, atol=1e-6)  # particle 4
    assert torch.allclose(residual[1], parts[0][1], atol=1e-6)  # particle 0
    assert torch.allclose(residual[2], sum(parts[i][2] * WEIGHTS[2, i] for i in range(3)), atol=1e-6)


def test_regions_may_have_draws_of_their_own(three, x, source):
    draws = normal(5, 3, 3, 4, 5, 5)
    x_t, residual = RegionScore(three, WEIGHTS)(x, source, draws, CALL)
    parts = [score(x, source, eps, CALL)[1] for score, eps in zip(three, draws)]
    assert torch.equal(x_t, LEVEL.noise(x, draws[0]))
    assert torch.allclose(residual[2], sum(parts[i][2] * WEIGHTS[2, i] for i in range(3)), atol=1e-6)


def test_one_region_is_one_prompt(three, x, source, eps):
    found = RegionScore(three[:1], torch.ones(5, 1))(x, source, eps, CALL)
    expected = three[0](x, source, eps, CALL)
    assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize(
    "weights",
    [
        torch.ones(5, 2) / 2,
        torch.ones(3),
        torch.ones(5, 3),
        torch.tensor([[1.5, -0.5, 0]]),
        torch.full((5, 3), math.nan),
        torch.tensor([[math.inf, 0, 0]]),
    ],
    ids=["two of three", "one axis", "sum of 3", "negative", "NaN", "infinite"],
)
def test_bad_weights_are_refused(three, weights):
    with pytest.raises(ValueError, match="RegionScore: got weights"):
        RegionScore(three, weights)


def test_region_weights_are_the_shares_that_masks_cover():
    masks = torch.zeros(2, 3, 4, 8)
    masks[0, 0] = 1
    masks[0, 1, :, :2], masks[1, 1, :, 2:] = 1, 1
    masks[0, 2], masks[1, 2] = 1, 0.5
    assert torch.allclose(region_weights(masks), torch.tensor([[1, 0], [0.25, 0.75], [2 / 3, 1 / 3]]))


def test_region_weights_fit_a_region_score(three):
    masks = torch.rand(3, 5, 8, 8, generator=torch.Generator().manual_seed(0))
    RegionScore(three, region_weights(masks))


@pytest.mark.parametrize("value", [0.0, math.nan])
def test_a_particle_without_a_region_is_named(value):
    masks = torch.ones(2, 4, 3, 3)
    masks[:, 2] = value
    with pytest.raises(ValueError, match=r"no region covers particles \[2\]"):
        region_weights(masks)


# A prompt for each particle


NAMES = ["front", "back", "front", "side", "side"]


def names(call):
    return [NAMES[i] for i in call.index]


@pytest.fixture
def of_each(three):
    return PromptOfEach(dict(zip(("front", "side", "back"), three)), names)


@pytest.mark.parametrize("index", [[4, 0, 2], [1, 3, 0], [2, 0, 2]], ids=str)
def test_each_particle_is_scored_under_its_own_prompt(of_each, x, source, eps, index):
    """As it is by itself."""
    call = Call(LEVEL, index, Frames(5), Draws(0, 0))
    x_t, residual = of_each(x, source, eps, call)
    for place, i in enumerate(index):
        row = slice(place, place + 1)
        alone = of_each.scores[NAMES[i]](x[row], source[row], eps[row], call.of([place]))
        assert torch.allclose(x_t[row], alone[0], atol=1e-6) and torch.allclose(residual[row], alone[1], atol=1e-6)


def test_particles_of_one_prompt_are_scored_together(model, x, eps):
    """Each prompt is asked once, about its own particles only."""
    asked = []

    def scored(name):
        def score(x, source, eps, call):
            asked.append((name, len(x), call.index))
            return x, eps

        return score

    found = PromptOfEach({name: scored(name) for name in NAMES}, names)(x, None, eps, CALL)
    assert asked == [("side", 1, [4]), ("front", 2, [0, 2])]
    assert torch.equal(found[0], x) and torch.equal(found[1], eps)


def test_a_prompt_may_hang_on_the_scene_as_this_step_sees_it(x, eps):
    """The name of a view is asked for with its call, level and draws included."""
    seen = []

    def side(call):
        seen.append(call)
        return ["front" if call.scene.count == 5 else "back"] * len(call.index)

    PromptOfEach({"front": lambda x, source, eps, call: (x, eps)}, side)(x, None, eps, CALL)
    assert seen == [CALL]


def test_a_prompt_that_is_not_there_is_named(x, eps):
    with pytest.raises(KeyError, match="side"):
        PromptOfEach({"front": lambda x, source, eps, call: (x, eps)}, names)(x, None, eps, CALL)


class TestAveraged:
    def test_the_mean_of_several_draws(self, model, x, source, eps):
        seen = []

        def score(x, source, noise, call):
            seen.append(noise)
            return call.level.noise(x, noise), noise

        x_t, residual = AveragedScore(score, 3)(x, source, eps, CALL)
        assert torch.equal(x_t, LEVEL.noise(x, eps)) and torch.equal(seen[0], eps)
        assert torch.allclose(residual, sum(seen) / 3)
        assert not any(torch.equal(one, other) for one, other in zip(seen, seen[1:]))

    def test_one_draw_is_the_score_itself(self, model, x, source, eps):
        score = prompt_score(model, DrawnNoise(), Guidance(1.0))
        plain, averaged = score(x, source, eps, CALL), AveragedScore(score, 1)(x, source, eps, CALL)
        assert all(torch.equal(one, other) for one, other in zip(plain, averaged))

    def test_draws_belong_to_particles_not_to_their_places(self, x, source, eps):
        """So that the number of particles at once does not count."""
        score = AveragedScore(lambda x, source, noise, call: (x, noise), 4)
        _, whole = score(x, source, eps, CALL)
        _, part = score(x[1:], source[1:], eps[1:], CALL.of([1, 2]))
        assert torch.equal(whole[1:], part)
