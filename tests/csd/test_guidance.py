import math

import pytest
import torch

from collaborative_score_distillation.csd.baseline import ImageConditional, SourcePrompt
from collaborative_score_distillation.csd.draws import Draws
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.guidance import (
    IMAGE,
    NONE,
    SOURCE,
    TARGET,
    Call,
    Guidance,
    Guided,
    Interval,
    Request,
)
from collaborative_score_distillation.csd.level import Level

CALL = Call(Level.variance_preserving(0.5, 0.3), [4, 1, 3], Frames(5), Draws(0, 0))
BRANCHES = {
    branch: torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(i), dtype=torch.float64)
    for i, branch in enumerate([TARGET, SOURCE, IMAGE, NONE])
}


class Fixed:
    """Predicts BRANCHES, whatever x_t, and counts."""

    def __init__(self):
        self.calls = []

    def __call__(self, x_t, branch, call):
        self.calls.append(branch)
        return BRANCHES[branch]


def guided(*guidances):
    evaluate = Fixed()
    requests = [Request(torch.full((3, 4, 2, 2), float(i)), guidance) for i, guidance in enumerate(guidances)]
    return Guided(evaluate)(requests, CALL), evaluate.calls


@pytest.mark.parametrize("prompt", [TARGET, SOURCE, IMAGE, NONE])
@pytest.mark.parametrize("text, image", [(7.5, 1.5), (3, 1), (1, 1), (0, 1.5), (2, 2), (1, 0), (0, 0), (-1, 3)])
def test_dual_guidance(text, image, prompt):
    (found,), _ = guided(Guidance(text, image, prompt))
    words, picture, none = BRANCHES[prompt], BRANCHES[IMAGE], BRANCHES[NONE]
    assert torch.allclose(found, none + image * (picture - none) + text * (words - picture), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "guidance, expected",
    [
        (Guidance(7.5, 1.5), {TARGET: 7.5, IMAGE: -6.0, NONE: -0.5}),
        (Guidance(7.5, 1.0), {TARGET: 7.5, IMAGE: -6.5}),
        (Guidance(1.0, 1.0), {TARGET: 1.0}),
        (Guidance(0.0, 1.0), {IMAGE: 1.0}),
        (Guidance(0.0, 0.0), {NONE: 1.0}),
        (Guidance(2.0, 2.0), {TARGET: 2.0, NONE: -1.0}),
        (Guidance(7.5, 1.5, IMAGE), {IMAGE: 1.5, NONE: -0.5}),
    ],
)
def test_branches_that_do_not_count_are_dropped(guidance, expected):
    assert guidance.coefficients() == expected
    assert sorted(guided(guidance)[1]) == sorted(expected)


TEXT_AND_IMAGE = Guidance(7.5, 1.5)


@pytest.mark.parametrize(
    "target, baseline, count",
    [
        (TEXT_AND_IMAGE, ImageConditional(guided=True), 5),
        (TEXT_AND_IMAGE, ImageConditional(guided=False), 4),
        (TEXT_AND_IMAGE, SourcePrompt(), 6),
        (Guidance(7.5, 1.0), SourcePrompt(), 4),
        (Guidance(7.5, 1.0), ImageConditional(), 3),
    ],
)
def test_evaluations_for_target_and_baseline(target, baseline, count):
    assert len(guided(target, baseline.guidance(target))[1]) == count


def test_plain_classifier_free_guidance_takes_two_evaluations():
    assert guided(Guidance(7.5, 1.0))[1] == [TARGET, IMAGE]


def test_each_request_is_noised_by_itself(predictor):
    x_t = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    requests = [Request(x_t, Guidance(2.0)), Request(-x_t, Guidance(2.0))]
    predict = Guided(predictor(torch.zeros(5, 4, 3, 3)))
    together = predict(requests, CALL.of([0, 1]))
    apart = [predict([request], CALL.of([0, 1]))[0] for request in requests]
    assert all(map(torch.equal, together, apart))
    assert not torch.allclose(together[0], together[1])


@pytest.mark.parametrize("text, image", [(math.nan, 1), (math.inf, 1), (1, math.nan), (1, -math.inf)])
def test_scales_that_are_no_numbers_are_refused(text, image):
    with pytest.raises(ValueError, match="expected finite numbers"):
        Guidance(text, image)


@pytest.mark.parametrize(
    "guidance, same, expected",
    [
        (Guidance(7.5, 1.5, SOURCE), {SOURCE: IMAGE}, {IMAGE: 1.5, NONE: -0.5}),
        (Guidance(7.5, 1.5, SOURCE), {NONE: IMAGE}, {SOURCE: 7.5, IMAGE: -6.5}),
        (Guidance(7.5, 1.5, SOURCE), {SOURCE: IMAGE, NONE: IMAGE}, {IMAGE: 1.0}),
        (Guidance(1.0, 0.3, SOURCE), {NONE: IMAGE}, {SOURCE: 1.0}),
        (Guidance(7.5, 0.0, SOURCE), {SOURCE: IMAGE}, {NONE: 1.0}),
        (Guidance(7.5, 1.5, SOURCE), {TARGET: IMAGE}, {SOURCE: 7.5, IMAGE: -6.0, NONE: -0.5}),
    ],
)
def test_branches_with_equal_conditioning_are_one(guidance, same, expected):
    assert guidance.coefficients(same) == expected


def test_the_papers_six_evaluations_are_five():
    """Where source prompt and negative prompt are the same words."""
    target = Guidance(7.5, 1.5)
    requests = [
        Request(torch.full((3, 4, 2, 2), float(i)), g) for i, g in enumerate([target, Guidance(7.5, 1.5, SOURCE)])
    ]
    for same, count in ({}, 6), ({SOURCE: IMAGE}, 5):
        evaluate = Fixed()
        Guided(evaluate, same)(requests, CALL)
        assert len(evaluate.calls) == count


def test_a_call_of_some_of_the_particles_names_them_by_their_places():
    some = CALL.of([2, 0])
    assert some.index == [3, 4] and CALL.index == [4, 1, 3]
    assert some == Call(CALL.level, [3, 4], CALL.scene, CALL.draws)
    assert some.of([1]).index == [4] and CALL.of([]).index == []


@pytest.mark.parametrize(
    "low, high, guided", [(0.0, 1.0, True), (0.3, 0.3, True), (0.31, 1.0, False), (0.0, 0.29, False)]
)
def test_guidance_acts_within_an_interval(low, high, guided):
    guidance = Guidance(7.5, 1.5, SOURCE)
    assert Interval(low, high).scales(guidance, CALL.level) == (guidance if guided else Guidance(1.0, 1.0, SOURCE))


@pytest.mark.parametrize("low, high", [(0.5, 0.2), (-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5)])
def test_intervals_upside_down_are_refused(low, high):
    with pytest.raises(ValueError, match=f"Interval: got {low} ... {high}"):
        Interval(low, high)
