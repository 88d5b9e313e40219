"""The picture of a run."""

import pytest
import torch


@pytest.fixture
def report(host, case, model):
    """The sampler's second output for a number of steps and of particles."""

    def run(steps, count):
        prompts = {
            name: [[text, {key: value[:count] for key, value in rest.items()}]]
            for name, ((text, rest),) in (("positive", case.positive), ("negative", case.negative))
        }
        settings = {"seed": 1, "steps": steps, "step_size": 1.0, "guidance": 3.0, "image_guidance": 1.0}
        settings |= {"noise_low": 0.1, "noise_high": 0.6, "particles_per_step": 0, "particles_at_once": 4}
        latent = {"samples": case.latents[:count]}
        return host.run("CSDEditSampler", model=model, **prompts, latent=latent, **settings)[1]

    return run


@pytest.mark.parametrize("steps, count", [(1, 1), (1, 4), (3, 1), (3, 4)])
def test_shape_and_range(report, steps, count):
    picture = report(steps, count)
    assert picture.shape == (1, 288, 768, 3) and picture.dtype == torch.float32
    assert picture.min() >= 0 and picture.max() == 1


def record(ext, **changes):
    values = {"residual": [3.0, 2.0, 1.0], "step_size": [1.0, 1.0, 1.0], "time": [0.5, 0.3, 0.1], "evaluations": 60}
    return ext.distiller.Record(**{**values, "kernel": torch.eye(4), "seconds": 2.0, **changes})


def coloured(picture, colour):
    """Rows and columns of the pixels of one colour, within the plot of the curves."""
    plot = torch.from_numpy(picture)[50:262, :500]
    return ((plot * 255).round() == torch.tensor(colour)).all(-1).nonzero()


def test_curves_go_from_left_to_right_and_fall_with_their_values(ext):
    picture = ext.report.picture("CSDEditSampler", record(ext))
    places = coloured(picture, ext.report.RESIDUAL)
    by_column = places[places[:, 1].argsort()]
    assert by_column[-1, 1] - by_column[0, 1] > 400
    assert by_column[-1, 0] - by_column[0, 0] > 100


def test_the_kernel_is_drawn_dark_where_particles_see_each_other(ext):
    lonely, close = (ext.report.picture("x", record(ext, kernel=K)) for K in (torch.eye(4), torch.ones(4, 4)))
    assert lonely[48:264, 528:744].mean() > close[48:264, 528:744].mean() + 0.5


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [1e-9], [1e9, 1.0]])
def test_any_values(ext, values):
    changes = {"residual": values, "step_size": values, "time": values, "seconds": 0.0}
    assert ext.report.picture("x", record(ext, **changes)).shape == (288, 768, 3)
