"""What a run will take is told before it starts, and comes true."""

import logging
import re

import pytest
import torch


@pytest.fixture
def foretold(host, case, caplog):
    """`foretold(model)`: evaluations that the log foretells, evaluations that were made, and the log."""

    def run(model, guidance=(7.5, 1.5), per_step=0, at_once=3, steps=4, baseline=None, positive=None, **stages):
        samplers, options = host.module("nodes.samplers"), host.module("nodes.options")
        scales = host.module("csd.guidance").Guidance(*guidance)
        choice = baseline or options.BaselineChoice(host.module("csd.baseline").ImageConditional())
        settings = samplers.Settings(1, steps, 0.1, 0.1, 0.6, per_step, at_once, layout=case.layout, **stages)
        caplog.clear()
        with torch.inference_mode(), caplog.at_level(logging.INFO):
            wires = model, positive or case.positive, case.negative, case.latent
            made = host.module("host.run").run("CSD Edit Sampler", *wires, scales, choice, settings)[1].evaluations
        (said,) = re.findall(r"CSD Edit Sampler: ([\d,]+) evaluations", caplog.text)
        return int(said.replace(",", "")), made, caplog.text

    return run


@pytest.fixture
def forgetful(host):
    """No rate is known of an earlier run."""
    host.module("host.forecast")._RATES.clear()


@pytest.mark.parametrize("guidance", [(7.5, 1.5), (7.5, 1.0), (1.0, 1.5), (1.0, 1.0)])
@pytest.mark.parametrize("per_step", [0, 3])
def test_evaluations(foretold, model, guidance, per_step):
    said, made, _ = foretold(model, guidance, per_step)
    assert said == made > 0


@pytest.mark.parametrize("uses", [2, 3])
@pytest.mark.parametrize("per_step", [0, 2])
def test_evaluations_with_savings(host, foretold, model, uses, per_step):
    (savings,) = host.run("CSDSavings", uses=uses, guidance_low=0.2, guidance_high=0.4)
    said, made, _ = foretold(model, per_step=per_step, savings=savings)
    assert said == made < foretold(model, per_step=per_step)[1]


@pytest.mark.parametrize("baseline", ["drawn noise", "image"])
def test_evaluations_by_baseline(host, foretold, model, baseline):
    said, made, _ = foretold(model, baseline=host.run("CSDBaseline", baseline=baseline)[0])
    assert said == made


@pytest.mark.parametrize("kind", ["FLOW", "EPS"])
def test_evaluations_of_a_described_source(host, foretold, tiny, kind):
    source, plain = tiny.prompt(9), {"rising": False, "anchor": 0.0, "along_levels": True, "source_guidance": 2.0}
    made_of = {
        "FLOW": ("CSDVelocity", {"freedom": 0.5, "source": "prompt", "source_prompt": source, **plain}),
        "EPS": ("CSDBaseline", {"baseline": "source prompt", "source": source}),
    }
    node, inputs = made_of[kind]
    (baseline,) = host.run(node, **inputs)
    said, made, _ = foretold(tiny.text_to_image(kind), (5.0, 1.0), baseline=baseline)
    assert said == made


def test_evaluations_of_two_prompts_on_one_picture(foretold, model, case):
    """Each prompt of a combined conditioning is an evaluation of its own."""
    said, made, _ = foretold(model, positive=[*case.positive, *case.positive])
    assert said == made > foretold(model)[1]


def test_the_time_is_known_from_an_earlier_run(foretold, forgetful, model):
    assert "time known after the first ones" in foretold(model)[2]
    assert re.search(r"evaluations, about [\d.]+ m?s", foretold(model)[2])
    assert "time known after the first ones" in foretold(model, at_once=2)[2]


def test_the_time_is_told_within_the_first_step(host, foretold, forgetful, model, monkeypatch):
    """Only once, and only if no earlier run has told it."""
    said = []
    monkeypatch.setattr(host.module("host.loop"), "say", said.append)
    foretold(model)
    assert re.search(r"evaluations, about [\d.]+ s in all", said[1])
    assert len([text for text in said if "in all" in text]) == 1
    said.clear()
    foretold(model)
    assert not [text for text in said if "in all" in text]


def test_memory_grows_with_what_goes_through_the_model_at_once(foretold, model):
    def memory(log):
        number, unit = re.search(r"([\d.,]+) (KiB|MiB|GiB) of memory", log).groups()
        return float(number.replace(",", "")) * {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit]

    small, large = (memory(foretold(model, at_once=count)[2]) for count in (1, 4))
    assert small > model.model_size() and large > small


def test_a_run_that_goes_on_counts_what_is_left(foretold, host, model):
    """A run that was finished before has nothing left."""
    name = {"name": "foretold", "every": 1, "if_different": "refuse"}
    whole = foretold(model, state=host.run("CSDStateFile", **name, resume=False)[0])[1]
    said, made, _ = foretold(model, state=host.run("CSDStateFile", **name, resume=True)[0])
    assert said == 0 and made == whole
