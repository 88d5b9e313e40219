"""Correspondence in the samplers: the kernel and noise nodes, the count of particles, which particles meet."""

import pytest
import torch

KERNEL = {
    "kernel": "rbf",
    "bandwidth": "median",
    "fixed_bandwidth": 1000.0,
    "normalization": "row",
    "repulsion": 1.0,
}
FRAMES = {"layout": None}


@pytest.fixture(scope="module")
def correspond(host):
    """Frames of a still clip: every cell of a frame is the same cell of its neighbours."""
    module = host.module("csd.correspondence")

    def make(count=4, valid=1.0, anchors=0):
        pairs = module.clip_pairs(count, 1, anchors)
        place = module.cells((8, 8)).expand(len(pairs), -1, -1, -1)
        return module.Flow(count, pairs, place, torch.full((len(pairs), 8, 8), valid))

    return make


@pytest.fixture
def kernel(host):
    return lambda **changes: host.run("CSDKernel", **{**KERNEL, **changes})[0]


@pytest.fixture
def field(host):
    return lambda *args, **inputs: host.run("CSDNoiseField", *args, **inputs)[0]


def test_without_a_correspondence_nothing_has_changed(ext, kernel, field):
    assert kernel() == ext.csd.stein.Stein()
    assert kernel(kernel="independent", normalization="mean") == ext.csd.stein.Stein(
        ext.csd.kernel.Independent(), ext.csd.stein.mean
    )
    assert field(field="shared").make is ext.csd.noise.MAKERS["shared"]


@pytest.mark.parametrize("kind", ["rbf", "uniform"])
def test_the_kernel_node_aligns(host, kernel, correspond, kind):
    aligned, flow = host.module("csd.aligned"), correspond()
    made = kernel(kernel=kind, correspondence=flow, bandwidth="fixed", fixed_bandwidth=7.0, repulsion=0.5)
    weights = {"rbf": aligned.PairRBF(host.module("csd.kernel").Fixed(7.0)), "uniform": aligned.PairUniform()}[kind]
    assert made == aligned.Aligned(flow, weights, 0.5)


def test_independent_stays_independent(ext, kernel, correspond):
    assert isinstance(kernel(kernel="independent", correspondence=correspond()), ext.csd.stein.Stein)


def test_nothing_to_average_or_to_move_along(kernel, field):
    with pytest.raises(ValueError, match="CSD Kernel: got the kernel `uniform` without a correspondence, .*connect"):
        kernel(kernel="uniform")
    with pytest.raises(
        ValueError, match="CSD Noise Field: got the field `carried` without a correspondence, .*connect"
    ):
        field(field="carried")


def test_still_frames_get_the_same_edit(edit, model, kernel, field, correspond, case):
    """Four times the same frame, with the noise and the residuals carried along: no frame differs from another."""
    same = case.latents[:1].expand(4, -1, -1, -1)
    prompts = {
        name: [[getattr(case, name)[0][0], {"concat_latent_image": case.positive[0][1]["concat_latent_image"][:1]}]]
        for name in ("positive", "negative")
    }
    plain = edit(model, latent={"samples": same}, **prompts, **FRAMES)
    flow = correspond()
    edited = edit(
        model,
        latent={"samples": same},
        coupling=kernel(kernel="uniform", correspondence=flow),
        noise=field(field="carried", correspondence=flow),
        **prompts,
        **FRAMES,
    )
    assert (plain - plain[:1]).abs().max() > 0.05
    assert (edited - edited[:1]).abs().max() < 1e-5 < (edited - same).abs().max()


def test_where_nothing_is_valid_every_frame_is_alone(edit, model, kernel, correspond):
    alone = edit(model, coupling=kernel(kernel="independent"), **FRAMES)
    blind = edit(model, coupling=kernel(kernel="uniform", correspondence=correspond(valid=0.0)), **FRAMES)
    assert torch.equal(alone, blind)


def test_a_correspondence_changes_the_result(edit, model, kernel, correspond):
    aligned, plain = (
        edit(model, coupling=kernel(**extra), **FRAMES) for extra in ({"correspondence": correspond()}, {})
    )
    assert (aligned - plain).abs().max() > 1e-3


@pytest.mark.parametrize("stage", ["coupling", "noise"])
def test_another_count_is_refused_before_any_model_runs(edit, model, counted, kernel, field, correspond, stage):
    counting, calls = counted(model)
    made = {
        "coupling": lambda flow: kernel(correspondence=flow),
        "noise": lambda flow: field(field="carried", correspondence=flow),
    }[stage](correspond(5))
    with pytest.raises(ValueError, match=f"CSD Edit Sampler: {stage}: got a correspondence of 5 particles for 4; make"):
        edit(counting, **{stage: made}, **FRAMES)
    assert not calls


@pytest.fixture
def indices(host, monkeypatch):
    """The particles of every step that is recorded from now on."""
    seen = []
    record = host.module("host.record").Record
    add = record.add

    def noted(self, state, size):
        seen.append(list(state.index))
        add(self, state, size)

    monkeypatch.setattr(record, "add", noted)
    return seen


def test_a_step_takes_all_frames_that_are_coupled_in_time(edit, model, kernel, correspond, indices):
    flow = kernel(correspondence=correspond())
    few = edit(model, coupling=flow, particles_per_step=2, steps=3, **FRAMES)
    assert indices == 3 * [[0, 1, 2, 3]]
    assert torch.equal(few, edit(model, coupling=flow, steps=3, **FRAMES))


def test_without_a_coupling_in_time_a_step_takes_the_frames_that_are_drawn(edit, model, indices):
    edit(model, particles_per_step=2, steps=12, **FRAMES)
    assert all(len(index) == 2 for index in indices) and len({tuple(index) for index in indices}) > 3
