"""How many particles go through the model at once changes nothing but memory."""

import importlib

import pytest
import torch

SIZES = [1, 3, 4, 100]


def rand(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def agree(edit, far, model, **inputs):
    """The edit, which has to be the same for every number of particles at once."""
    all_of_them = edit(model, **inputs, particles_at_once=4)
    for size in (1, 3):
        assert far(edit(model, **inputs, particles_at_once=size), all_of_them) < 1e-4
    return all_of_them


def test_particles_at_once(model, edit, far):
    assert far(agree(edit, far, model), edit(model, seed=8)) > 1e-2


def test_one_prompt_for_each_particle(model, tiny, case, edit, far):
    image = case.positive[0][1]
    mine = tiny.prompt(20, rows=4, **image)
    edited = agree(edit, far, model, positive=mine)
    swapped = [[mine[0][0].flip(0), image]]
    assert far(agree(edit, far, model, positive=swapped), edited) > 1e-3


def test_every_particle_sees_its_own_row(model, case, level, predict, tiny, far):
    """The third particle with its own prompt, image and mask is what it is among the others."""
    rows = {"concat_latent_image": rand(30, 4, 4, 8, 8)}
    case.positive = [[rand(31, 4, 7, 16), {**rows, "mask": rand(32, 4, 8, 8).sigmoid()}], *tiny.prompt(33, **rows)]
    x_t = rand(34, 4, 4, 8, 8)
    everyone = predict(model, case, x_t, level, 3.0, 1.5, at_once=4)
    for size in (1, 3):
        assert far(predict(model, case, x_t, level, 3.0, 1.5, at_once=size), everyone) < 1e-5
    some = predict(model, case, x_t[[2, 0]], level, 3.0, 1.5, at_once=4, index=[2, 0])
    assert far(some, everyone[[2, 0]]) < 1e-5
    assert far(everyone[2:3], predict(model, case, x_t[[2]], level, 3.0, 1.5, index=[1])) > 1e-3


def test_a_mask_for_each_particle(model, tiny, case, edit, far):
    left = rand(41, 4, 8, 8).sigmoid()
    image = case.positive[0][1]
    prompts = [*tiny.prompt(1, **image, mask=left), *tiny.prompt(40, **image, mask=1 - left)]
    assert far(agree(edit, far, model, positive=prompts), edit(model)) > 1e-3


def test_pooled_prompts_and_sizes(tiny, case, edit, far):
    """SDXL's pooled prompts come one for each particle as well."""
    big, image = tiny.sdxl_pix2pix(), case.positive[0][1]
    case.positive, case.negative = (tiny.prompt(seed, **image, pooled_output=rand(seed, 4, 1280)) for seed in (50, 51))
    edited = agree(edit, far, big, positive=case.positive, negative=case.negative)
    flipped = [[case.positive[0][0], {**image, "pooled_output": case.positive[0][1]["pooled_output"].flip(0)}]]
    assert far(edit(big, positive=flipped, negative=case.negative), edited) > 1e-4


def test_lists_of_tensors_are_cut_like_tensors(comfy, ext):
    """Reference latents travel as a list: each member has a row for each particle, or one for all."""
    conditioning = importlib.import_module(ext.control.__name__.replace("control", "conditioning"))
    references = comfy.conds.CONDList([rand(1, 4, 4, 8, 8), rand(2, 1, 4, 8, 8)])
    conds = [{"model_conds": {"ref_latents": references, "steps": comfy.conds.CONDConstant([1, 2, 3, 4])}}]
    (taken,) = conditioning.take(conds, [3, 1], 4, {})
    first, second = taken["model_conds"]["ref_latents"].cond
    assert torch.equal(first, references.cond[0][[3, 1]]) and torch.equal(second, references.cond[1])
    assert taken["model_conds"]["steps"].cond == [1, 2, 3, 4]
    assert len(references.cond[0]) == 4


def limited(model, most: int, error: type):
    """The model, with room for `most` rows; and the batches that it was asked for."""
    batches, copy = [], model.clone()

    def run(apply, call):
        batches.append(call["input"].shape[0])
        if call["input"].shape[0] > most:
            raise error("out of memory")
        return apply(call["input"], call["timestep"], **call["c"])

    copy.set_model_unet_function_wrapper(run)
    return copy, batches


@pytest.fixture
def management(comfy):
    return comfy.model_management


def test_out_of_memory_halves_predictions_then_particles(model, edit, far, management):
    """Five predictions of four particles, two of four, one of four, one of two."""
    small, batches = limited(model, 2, management.OOM_EXCEPTION)
    assert far(edit(small, particles_at_once=4), edit(model)) < 1e-4
    assert batches[:3] == [20, 8, 4] and set(batches[3:]) == {2}


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError], ids=lambda kind: kind.__name__)
def test_out_of_memory_of_any_kind_is_halved(model, edit, far, error):
    """A CPU says `MemoryError`, or has an allocator that says it in words."""
    small, batches = limited(model, 2, error)
    assert far(edit(small, particles_at_once=4), edit(model)) < 1e-4
    assert max(batches[3:]) == 2


def test_other_errors_pass_as_they_are(model, edit):
    broken, batches = limited(model, 0, KeyError)
    with pytest.raises(KeyError):
        edit(broken)
    assert len(batches) == 1


def test_out_of_memory_with_a_single_particle_says_what_to_do(model, edit, far, management):
    none, batches = limited(model, 0, management.OOM_EXCEPTION)
    with pytest.raises(ValueError, match="CSD Edit Sampler: memory: it ran out with a single particle .* smaller"):
        edit(none, particles_at_once=4)
    assert batches == [20, 8, 4, 2, 1]
    assert far(edit(model), edit(model)) == 0


@pytest.mark.parametrize("oom", ["the host's", "any error"])
def test_an_interrupt_is_never_taken_for_a_lack_of_memory(model, edit, management, monkeypatch, oom):
    if oom == "any error":
        monkeypatch.setattr(management, "OOM_EXCEPTION", Exception)
    stopped, batches = limited(model, 0, management.InterruptProcessingException)
    with pytest.raises(management.InterruptProcessingException):
        edit(stopped)
    assert len(batches) == 1


@pytest.mark.parametrize("oom", ["the host's", "any error"])
def test_cancelling_stops_at_the_next_call(model, edit, counted, management, monkeypatch, oom):
    if oom == "any error":
        monkeypatch.setattr(management, "OOM_EXCEPTION", Exception)
    clone, calls = counted(model)

    def cancel(apply, call):
        management.interrupt_current_processing()
        return apply(call["input"], call["timestep"], **call["c"])

    clone.set_model_unet_function_wrapper(cancel)
    with pytest.raises(management.InterruptProcessingException):
        edit(clone, image_guidance=1.0, particles_at_once=1, steps=5)
    assert calls == [3]
    management.throw_exception_if_processing_interrupted()  # the flag is taken down


@pytest.mark.parametrize("size", SIZES)
def test_memory_is_reserved_for_a_chunk(model, edit, monkeypatch, size):
    shapes = []
    estimate = importlib.import_module("comfy.sampler_helpers").estimate_memory
    watched = lambda model, shape, conds: shapes.append(list(shape)) or estimate(model, shape, conds)  # noqa: E731
    monkeypatch.setattr("comfy.sampler_helpers.estimate_memory", watched)
    edit(model, particles_at_once=size)
    assert shapes == [[min(size, 4), 4, 8, 8]]


def test_the_model_never_gets_more(model, edit, counted):
    clone, calls = counted(model)
    edit(clone, particles_at_once=3)
    assert max(calls) == 5 * 3  # a chunk with three predictions of the target and two of the source


def test_a_halved_chunk_lasts_for_one_run(ext, model, case, ask, management):
    """A guider that the host keeps starts afresh: memory may be free again."""
    small, batches = limited(model, 2, management.OOM_EXCEPTION)
    guider = ext.guider.CSDGuider(small, ext.csd.guidance.Guidance(3.0), ext.csd.baseline.DrawnNoise(), case.layout, 4)
    guider.set_conds(case.positive, case.negative)
    request = ext.csd.guidance.Request(case.latents, guider.guidance)
    scene, draws = guider.scene(case.latents), ext.csd.draws.Draws(0, 0)
    call = ext.csd.guidance.Call(guider.levels.level(1.0), range(4), scene, draws)

    def question(guider, extra):
        guider.start(4)
        guider.predict([request], call, **extra)
        return guider.chunks.size

    assert [ask(guider, case.latents, question) for _ in range(2)] == [2, 2]
    assert batches == 2 * [8, 4, 2, 2, 2, 2]


def test_no_particle_at_once(ext):
    with pytest.raises(ValueError, match="particles at once: got 0, expected at least 1"):
        ext.chunking.Chunks(0)
