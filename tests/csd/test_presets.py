from dataclasses import replace

import pytest
import torch

from collaborative_score_distillation.csd.batches import RandomBatch
from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.kernel import RBF, Independent, authors_median, median
from collaborative_score_distillation.csd.level import Level
from collaborative_score_distillation.csd.noise import Independent as IndependentNoise
from collaborative_score_distillation.csd.noise import OnCanvas
from collaborative_score_distillation.csd.presets import FAST_REUSE, FAST_STEPS, balanced, fast, paper
from collaborative_score_distillation.csd.stein import Seen, Stein, mean, row
from collaborative_score_distillation.csd.timesteps import Descending, Random, schedule
from collaborative_score_distillation.csd.update import SGD
from collaborative_score_distillation.csd.windows import cover

SOURCE = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0))
WINDOWS = cover((8, 30), (8, 8), (8, 5))


def level(time):
    return Level.flow(time, time)


def score(x, source, eps, call):
    return x + eps, x


def test_the_paper_preset_is_the_authors_arithmetic():
    preset = paper()
    assert preset.couple == Stein(RBF(authors_median), mean, 1.0)
    assert preset.order == Random(0.02, 0.5)
    assert isinstance(preset.noise(Frames(3), SOURCE), IndependentNoise)
    assert [preset.update.size(step) for step in (0, 19, 20, 40)] == pytest.approx([2, 2, 1.8, 1.62])
    assert (preset.steps, preset.reuse) == (200, 1)


def test_uncoupled_the_paper_preset_leaves_residuals_as_they_are():
    residual = SOURCE
    assert paper(coupled=False).couple == Stein(Independent(), row)
    assert torch.equal(paper(coupled=False).couple(Seen(residual, residual), residual)[0], residual)


def test_the_balanced_preset_does_not_hang_on_the_number_of_particles():
    preset = balanced(step_size=1.5)
    assert preset.couple == Stein(RBF(median), row, 1.0)
    assert preset.order == Descending(0.02, 0.5)
    noise = preset.noise(WINDOWS, torch.zeros(1, 4, 8, 30))
    assert isinstance(noise, OnCanvas) and tuple(noise.row) == (4, 8, 30)
    assert preset.update.size(100) == 1.5


@pytest.mark.parametrize("make", [paper, balanced, fast])
def test_presets_make_runs(make):
    assert make(size=4).batch == RandomBatch(4)
    *_, state = make(steps=2).run(Frames(3), SOURCE, score, level)(SOURCE)
    assert state.step == 2
    assert torch.isfinite(state.theta).all() and not torch.equal(state.theta, SOURCE)


@pytest.mark.parametrize("make", [paper, balanced, fast])
@pytest.mark.parametrize("steps", [1, 5, 6])
def test_a_run_of_a_preset_has_its_settings(make, steps):
    preset = make(steps=steps, size=2)
    run = preset.run(Frames(3), SOURCE, score, level, seed=5)
    for name in ("steps", "couple", "update", "batch", "reuse"):
        assert getattr(run, name) == getattr(preset, name)
    assert run.levels == schedule(level, preset.order, -(-steps // preset.reuse), 5) and run.seed == 5


def test_a_run_of_a_preset_may_be_changed():
    run = balanced().run(Frames(3), SOURCE, score, level, update=SGD(), at_once=2)
    assert run.update == SGD() and run.at_once == 2
    same = replace(run, update=balanced().update, at_once=None)
    assert same == balanced().run(Frames(3), SOURCE, score, level, noise=same.noise, weight=same.weight)


def test_the_fast_preset_uses_each_level_and_its_noise_several_times():
    seen = []

    def score(x, source, eps, call):
        seen.append((call.level, eps))
        return x + eps, x

    list(fast().run(Frames(3), SOURCE, score, level)(SOURCE))
    assert len(seen) == FAST_STEPS
    for (first, eps), (again, same) in zip(seen[::FAST_REUSE], seen[FAST_REUSE - 1 :: FAST_REUSE], strict=True):
        assert first == again and torch.equal(eps, same)
    assert len({first for first, _ in seen}) == FAST_STEPS // FAST_REUSE
