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
    assert field(field="shared") is ext.csd.noise.shared


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
    with pytest.raises(ValueError, match=f"CSDEditSampler: {stage}: got a correspondence of 5 particles for 4; make"):
        edit(counting, **{stage: made}, **FRAMES)
    assert not calls


def test_neighbours_meet_where_not_all_particles_take_part(host, edit, model, kernel, correspond, monkeypatch):
    """Two of four frames a step: side by side (the ends count as neighbours) with flow, drawn at random without."""
    seen = []
    record = host.module("host.record").Record
    add = record.add
    monkeypatch.setattr(record, "add", lambda self, state, size: (seen.append(state.index), add(self, state, size)))
    edit(model, coupling=kernel(correspondence=correspond()), particles_per_step=2, steps=12, **FRAMES)
    assert {tuple(index) for index in seen} == {(0, 1), (1, 2), (2, 3), (0, 3)}
    seen.clear()
    edit(model, particles_per_step=2, steps=12, **FRAMES)
    assert any((b - a) % 4 == 2 for a, b in seen)


def test_anchors_are_heard_in_every_part_of_a_clip(host, edit, model, kernel, correspond, monkeypatch):
    """Frame 2 is the anchor of four, and theta moves when all have had their turn."""
    seen = []
    record = host.module("host.record").Record
    add = record.add
    monkeypatch.setattr(record, "add", lambda self, state, size: (seen.append(state), add(self, state, size)))
    edit(model, coupling=kernel(correspondence=correspond(anchors=1)), particles_per_step=2, steps=8, **FRAMES)
    assert all(2 in state.index and len(state.index) <= 2 for state in seen)
    assert {i for state in seen[:4] for i in state.index} == {0, 1, 2, 3}
    moved = [not torch.equal(a.theta, b.theta) for a, b in zip(seen, seen[1:])]
    assert moved == [False, False, True, False, False, False, True]
    assert len({state.level for state in seen}) == 2


def test_windows_of_a_canvas(host, edit, model, case, kernel):
    """Overlapping windows that correspond by their place; results stay finite and differ from the plain kernel's."""
    (canvas,) = host.run("CSDCanvasCorrespondence", layout=case.layout)
    aligned, plain = edit(model, coupling=kernel(correspondence=canvas)), edit(model, coupling=kernel())
    assert torch.isfinite(aligned).all() and (aligned - plain).abs().max() > 1e-3


def test_the_result_does_not_depend_on_chunks(edit, model, kernel, field, correspond):
    flow = correspond()
    stages = {"coupling": kernel(correspondence=flow), "noise": field(field="carried", correspondence=flow)}
    one, many = (edit(model, particles_at_once=size, **stages, **FRAMES) for size in (1, 4))
    assert (one - many).abs().max() < 1e-4
