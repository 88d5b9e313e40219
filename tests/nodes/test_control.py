"""ControlNets on windows: every particle is guided by its own part of the hint, in every chunk."""

import pytest
import torch


def rand(seed, *shape):
    """Patches of 8 x 8 pixels in random colours: a hint shrinks to latent cells on its way."""
    cells = (*shape[:-2], shape[-2] // 8, shape[-1] // 8)
    colours = torch.rand(cells, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(colours, size=shape[-2:], mode="nearest")


def controlled(conditioning, *nets):
    """The conditioning with a chain of ControlNets, as the host's Apply ControlNet nodes build it."""
    chain = None
    for net in nets:
        chain = net.set_previous_controlnet(chain)
    return [[text, {**rest, "control": chain, "control_apply_to_uncond": False}] for text, rest in conditioning]


@pytest.fixture
def hint():
    return rand(1, 1, 3, 64, 160)


@pytest.fixture
def nets(tiny):
    """Fresh ControlNets with a hint each."""

    def make(*hints):
        return [tiny.controlnet(seed).copy().set_cond_hint(h, 1.0, (0.0, 1.0)) for seed, h in enumerate(hints)]

    return make


@pytest.fixture
def guided(model, case, edit, nets):
    """The edit under a chain of ControlNets with these hints, on both prompts."""

    def run(*hints, model=model, **changes):
        chain = nets(*hints)
        positive, negative = (controlled(prompt, *chain) for prompt in (case.positive, case.negative))
        return edit(model, positive=positive, negative=negative, **changes)

    return run


def windows_of(case, tensor):
    return case.layout.windows.split(tensor)


def test_a_hint_counts(guided, edit, model, hint, far):
    assert far(guided(hint), edit(model)) > 1e-3
    assert far(guided(hint), guided(1 - hint)) > 1e-3


def test_a_hint_of_the_canvas_is_split(guided, case, hint, far):
    assert far(guided(hint), guided(windows_of(case, hint))) < 1e-5
    assert far(guided(hint), guided(windows_of(case, hint).flip(0))) > 1e-3


@pytest.mark.parametrize("hints", [1, 2], ids=["one", "chained"])
@pytest.mark.parametrize("size", [1, 3])
def test_chunks_get_their_part(guided, hint, far, hints, size):
    chain = [hint, rand(2, 1, 3, 64, 160)][:hints]
    assert far(guided(*chain, particles_at_once=size), guided(*chain, particles_at_once=4)) < 1e-4


def test_every_link_of_a_chain_counts(guided, hint, far):
    other = rand(2, 1, 3, 64, 160)
    assert far(guided(hint, other), guided(hint)) > 1e-3
    assert far(guided(hint, other), guided(hint, 1 - other)) > 1e-3


def test_a_particle_sees_its_own_hint(model, case, level, nets, hint, predict, host_predict, far):
    """What the host gives for one window with its piece of the hint by itself."""
    plain = case.positive, case.negative
    x_t = torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    case.positive, case.negative = (controlled(prompt, *nets(hint)) for prompt in plain)
    ours = predict(model, case, x_t, level, 3.0, 1.0, at_once=3)
    pieces = windows_of(case, hint)
    for i in range(4):
        alone = [
            [[text, {"concat_latent_image": rest["concat_latent_image"][i : i + 1]}] for text, rest in prompt]
            for prompt in plain
        ]
        alone = [controlled(prompt, *nets(pieces[i : i + 1])) for prompt in alone]
        one = type(case)(None, case.latents[i : i + 1], *alone)
        assert far(ours[i : i + 1], host_predict(model, one, x_t[i : i + 1], level, 3.0)) < 2e-5


def test_a_hint_at_twice_the_size(guided, case, hint, far):
    finer = torch.nn.functional.interpolate(hint, scale_factor=2, mode="nearest")
    assert far(guided(finer), guided(hint)) < 1e-5


def test_a_shared_hint_of_a_particle(guided, case, far):
    one = rand(4, 1, 3, 64, 64)
    assert far(guided(one), guided(one.expand(4, -1, -1, -1))) < 1e-5


def test_clones_on_other_gpus_get_their_part(ext, nets, hint, case):
    """Newer hosts keep a clone of a ControlNet for each further GPU. The CPU stands for one here."""
    net, before = nets(windows_of(case, hint), windows_of(case, hint).flip(0))
    if not hasattr(net, "deepclone_multigpu"):
        pytest.skip("ControlNets of this host have no clones on other GPUs")
    device = torch.device("cpu")
    net.set_previous_controlnet(before)
    clones = [one.deepclone_multigpu(device, autoregister=True) for one in (net, before)]
    clones[0].set_previous_controlnet(clones[1])
    part = ext.control.take(net, [2, 3], 4, {}).get_instance_for_device(device)
    assert part is not clones[0] and part.control_model is clones[0].control_model
    assert torch.equal(part.cond_hint_original, net.cond_hint_original[2:])
    assert torch.equal(part.previous_controlnet.cond_hint_original, before.cond_hint_original[2:])
    assert torch.equal(clones[0].cond_hint_original, net.cond_hint_original)


def test_a_hint_for_the_positive_prompt_alone(model, case, edit, nets, hint, far):
    """The basic Apply ControlNet node marks its prompt, and the host hands the ControlNet to the others."""
    marked = controlled(case.positive, *nets(hint))
    marked[0][1]["control_apply_to_uncond"] = True
    both = [controlled(prompt, *nets(hint)) for prompt in (case.positive, case.negative)]
    expected = edit(model, positive=both[0], negative=both[1])  # of numbers up to 4
    assert far(edit(model, positive=marked), expected) < 2e-5


def test_what_is_given_keeps_its_hint(guided, model, case, edit, nets, hint):
    (net,) = nets(hint)
    positive = controlled(case.positive, net)
    edit(model, positive=positive)
    assert net.cond_hint_original is hint and net.cond_hint is None
    assert torch.equal(edit(model, positive=positive), edit(model, positive=positive))


def test_a_hint_that_fits_nothing_is_refused(guided, model, counted):
    clone, calls = counted(model)
    with pytest.raises(ValueError, match=r"CSD Edit Sampler: positive ControlNet hint: got 1 of 100 x 64.*20 x 8"):
        guided(rand(1, 1, 3, 64, 100), model=clone)
    with pytest.raises(ValueError, match="got a batch of 3 for 4 particles"):
        guided(rand(1, 3, 3, 64, 64), model=clone)
    assert not calls
