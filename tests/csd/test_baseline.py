from collaborative_score_distillation.csd.baseline import DrawnNoise, ImageConditional, SourcePrompt
from collaborative_score_distillation.csd.guidance import IMAGE, NONE, SOURCE, Guidance

TARGET_GUIDANCE = Guidance(7.5, 1.5)


def test_drawn_noise_needs_no_prediction():
    assert DrawnNoise().guidance(TARGET_GUIDANCE) is None


def test_the_papers_image_conditional_baseline_is_one_plain_prediction():
    assert ImageConditional(guided=False).guidance(TARGET_GUIDANCE).coefficients() == {IMAGE: 1.0}


def test_the_authors_image_conditional_baseline_is_guided_by_the_image():
    coefficients = ImageConditional(guided=True).guidance(TARGET_GUIDANCE).coefficients()
    assert coefficients == {IMAGE: 1.5, NONE: -0.5}


def test_the_guided_baseline_is_the_source_prompt_baseline_without_text():
    """Where the source prompt says nothing, the six evaluations of the authors' code are these five."""
    mute = SourcePrompt(IMAGE).guidance(TARGET_GUIDANCE).coefficients()
    assert mute == ImageConditional().guidance(TARGET_GUIDANCE).coefficients()


def test_the_source_prompt_is_guided_as_the_target():
    assert SourcePrompt().guidance(TARGET_GUIDANCE) == Guidance(7.5, 1.5, SOURCE)
    assert SourcePrompt("other").guidance(TARGET_GUIDANCE) == Guidance(7.5, 1.5, "other")
