import pytest
import torch

from collaborative_score_distillation.csd import noise
from collaborative_score_distillation.csd.batches import RandomBatch
from collaborative_score_distillation.csd.distill import Distillation
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.kernel import RBF, Independent, authors_median, median
from collaborative_score_distillation.csd.level import Level
from collaborative_score_distillation.csd.presets import FAST_STEPS, FAST_USES, balanced, fast, paper
from collaborative_score_distillation.csd.stein import Stein, mean, row
from collaborative_score_distillation.csd.timesteps import Descending, Random


def test_the_paper_preset_is_the_authors_arithmetic():
    settings = paper()
    assert settings["couple"] == Stein(RBF(authors_median), mean, 1.0)
    assert settings["timesteps"] == Random(0.02, 0.5)
    assert settings["noise"] is noise.independent
    assert [settings["update"].size(step) for step in (0, 19, 20, 40)] == pytest.approx([2, 2, 1.8, 1.62])


def test_uncoupled_the_paper_preset_leaves_residuals_as_they_are():
    residual = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    assert paper(coupled=False)["couple"] == Stein(Independent(), row)
    assert torch.equal(paper(coupled=False)["couple"](residual, residual)[0], residual)


def test_the_balanced_preset_does_not_hang_on_the_number_of_particles():
    settings = balanced(step_size=1.5)
    assert settings["couple"] == Stein(RBF(median), row, 1.0)
    assert settings["timesteps"] == Descending(0.02, 0.5)
    assert settings["noise"] is noise.canvas
    assert settings["update"].size(100) == 1.5


@pytest.mark.parametrize("preset", [paper, balanced, fast])
def test_presets_are_settings_of_a_distillation(preset):
    assert preset(size=4)["batches"] == RandomBatch(4)
    source = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0))

    def score(x, source, eps, level, index):
        return x + eps, x

    run = Distillation(Frames(3), score, lambda time: Level.flow(time, time), steps=2, **preset())
    *_, state = run(source)
    assert torch.isfinite(state.theta).all() and not torch.equal(state.theta, source)


def test_the_fast_preset_uses_each_level_and_its_noise_several_times():
    source = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    seen = []

    def score(x, source, eps, level, index):
        seen.append((level, eps))
        return x + eps, x

    run = Distillation(Frames(3), score, lambda time: Level.flow(time, time), steps=FAST_STEPS, **fast())
    list(run(source))
    for (level, eps), (again, same) in zip(seen[::FAST_USES], seen[FAST_USES - 1 :: FAST_USES]):
        assert level == again and torch.equal(eps, same)
    assert len({level for level, _ in seen}) == FAST_STEPS // FAST_USES
