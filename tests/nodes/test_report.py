"""The card of a run, and its curves."""

import numpy as np
import pytest
import torch

HEIGHT, WIDTH = 960, 640


@pytest.fixture
def reports(host, case, model):
    """Card and curves of the sampler for a number of steps and of particles; with a layout, of a canvas."""

    def run(steps=1, count=4, **inputs):
        prompts = {
            name: [[text, {key: value[:count] for key, value in rest.items()}]]
            for name, ((text, rest),) in (("positive", case.positive), ("negative", case.negative))
        }
        settings = {"seed": 1, "steps": steps, "step_size": 1.0, "guidance": 3.0, "image_guidance": 1.0}
        settings |= {"noise_low": 0.1, "noise_high": 0.6, "particles_per_step": 0, "particles_at_once": 4}
        latent = {"samples": case.latents[:count]}
        return host.run("CSDEditSampler", model=model, **prompts, latent=latent, **{**settings, **inputs})[1:]

    return run


@pytest.fixture
def recorded(host, case, model):
    """The record of a run of the case, with changes of its settings."""

    def run(layout=None, coupling=None):
        samplers, run = host.module("nodes.samplers"), host.module("host.run")
        guidance, baseline = host.module("csd.guidance"), host.module("csd.baseline")
        options = host.module("nodes.options")
        settings = samplers.Settings(1, 2, 1.0, 0.1, 0.6, 0, 4, layout=layout, coupling=coupling)
        choice = options.BaselineChoice(baseline.ImageConditional())
        scales = guidance.Guidance(100.0, 1.0)
        with torch.inference_mode():
            return run.run("x", model, case.positive, case.negative, case.latent, scales, choice, settings)[1]

    return run


@pytest.mark.parametrize("steps, count", [(1, 1), (1, 4), (3, 1), (3, 4)])
def test_shape_and_range(reports, steps, count):
    for picture in reports(steps, count):
        assert picture.shape == (1, HEIGHT, WIDTH, 3) and picture.dtype == torch.float32
        assert picture.min() >= 0 and picture.max() <= 1


def test_a_run_records_what_the_card_shows(recorded):
    record = recorded()
    assert [len(pictures) for pictures in (record.before, record.after)] == [4, 4]
    assert record.before[0].shape == (8, 8, 3) and record.before[0].dtype == np.uint8
    assert record.change > 0 and record.varies[0] == "uneven by"
    assert record.peak > 50 * 2**20  # this process holds torch
    assert "guidance 100 is high" in record.warnings


def test_windows_are_shown_as_their_canvas(recorded, case):
    record = recorded(layout=case.layout)
    assert [picture.shape for picture in record.after] == [(8, 20, 3)]
    assert record.varies[0] == "uneven by" and record.varies[1] > 0


def record(ext, **changes):
    values = {"residual": [3.0, 2.0, 1.0], "step_size": [1.0, 1.0, 1.0], "time": [0.5, 0.3, 0.1], "evaluations": 60}
    return ext.distiller.Record(**{**values, "kernel": torch.eye(4), "seconds": 2.0, **changes})


def picture(colour, shape=(8, 32)):
    return np.full((*shape, 3), colour, np.uint8)


def places(card, colour):
    """Rows and columns of the pixels of one colour."""
    return np.argwhere(((card * 255).round() == np.array(colour)).all(-1))


def test_before_stands_over_after(ext):
    red, blue = (200, 20, 30), (10, 20, 220)
    card = ext.report.card("x", record(ext, before=[picture(red)], after=[picture(blue)]))
    above, below = places(card, red), places(card, blue)
    assert len(above) > 40_000 and len(below) > 40_000
    assert above[:, 0].max() < below[:, 0].min()


@pytest.mark.parametrize("count, shown", [(1, 1), (2, 2), (3, 3), (9, 3)])
def test_of_a_set_first_and_last_are_shown(ext, count, shown):
    """Each picture has a colour of its own."""
    set_of = [picture((20 * number, 100, 7), (8, 8)) for number in range(count)]
    card = ext.report.card("x", record(ext, after=set_of))
    seen = [number for number in range(count) if len(places(card, (20 * number, 100, 7))) > 1000]
    assert len(seen) == shown and {seen[0], seen[-1]} == {0, count - 1}


def test_the_lines_of_the_card(ext):
    shown = record(ext, evaluations=2376, seconds=63.0, peak=3 * 2**29, change=0.213, varies=("flicker", 0.00412))
    cost = ["3 steps", "2,376 evaluations", "63 s, 37.7 a second", "memory 1.5 GiB"]
    assert ext.report.lines(shown) == [*cost, "change 0.21", "flicker 0.0041"]
    assert len(ext.report.lines(record(ext))) == 3


@pytest.mark.parametrize("seconds, said", [(2.0, "2.0 s"), (75, "75 s"), (700, "12 min"), (9000, "2.5 h")])
def test_times_in_words(ext, seconds, said):
    assert ext.report.duration(seconds) == said


def test_a_warning_is_seen_before_what_was_chosen(ext):
    card = ext.report.card("x", record(ext, warnings="too high " * 30), ("chosen",))
    assert len(places(card, ext.report.WARNING)) > 300
    calm = ext.report.card("x", record(ext), ("chosen",))
    assert len(places(calm, ext.report.WARNING)) == 0 and (card != calm).any()


def test_no_words_leave_the_card(ext):
    """The right margin stays empty, whatever is said."""
    long = record(ext, warnings="word " * 200, after=[picture((0, 0, 0))])
    card = ext.report.card("x", long, ("other " * 200,))
    assert (np.abs(card[80:, -8:] * 255 - np.array(ext.report.PAPER)) < 1).all()


def test_curves_go_from_left_to_right_and_fall_with_their_values(ext):
    found = places(ext.plots.plots("x", record(ext))[170:500], ext.plots.RESIDUAL)
    by_column = found[found[:, 1].argsort()]
    assert by_column[-1, 1] - by_column[0, 1] > 500
    assert by_column[-1, 0] - by_column[0, 0] > 100


def test_the_kernel_is_drawn_dark_where_particles_see_each_other(ext):
    lonely, close = (ext.plots.plots("x", record(ext, kernel=K)) for K in (torch.eye(4), torch.ones(4, 4)))
    assert lonely[530:840, 30:330].mean() > close[530:840, 30:330].mean() + 0.5


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [1e-9], [1e9, 1.0]])
def test_any_values(ext, values):
    changes = {"residual": values, "step_size": values, "time": values, "seconds": 0.0, "kernel": None}
    assert ext.plots.plots("x", record(ext, **changes)).shape == (HEIGHT, WIDTH, 3)
    assert ext.report.card("x", record(ext, **changes)).shape == (HEIGHT, WIDTH, 3)
