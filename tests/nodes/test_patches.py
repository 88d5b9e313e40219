"""LoRA, hooks and patches on MODEL have the effect that they have in the host, and nothing that is given changes."""

import copy
import importlib

import pytest
import torch


def lora(model) -> dict:
    """A LoRA of rank two for the first cross-attention, under the names that the host's loader knows."""
    generator = torch.Generator().manual_seed(5)
    weights = model.model.state_dict()
    name = next(name for name in weights if name.endswith("attn2.to_v.weight"))
    (rows, columns), layer = weights[name].shape, name.removesuffix(".weight")
    up, down = (torch.randn(shape, generator=generator) for shape in ((rows, 2), (2, columns)))
    return {f"{layer}.lora_up.weight": up, f"{layer}.lora_down.weight": down}


def with_lora(model):
    return importlib.import_module("comfy.sd").load_lora_for_models(model, None, lora(model), 1.0, 0.0)[0]


def with_patched_weights(model):
    patched = model.clone()
    name = next(name for name in model.model.state_dict() if name.endswith("attn1.to_q.weight"))
    assert patched.add_patches({name: (torch.ones_like(model.model.state_dict()[name]),)}, 0.2) == [name]
    return patched


def with_pag(model):
    return importlib.import_module("comfy_extras.nodes_pag").PerturbedAttentionGuidance.execute(model, 2.0).args[0]


def with_rescaled_guidance(model):
    return importlib.import_module("comfy_extras.nodes_model_advanced").RescaleCFG().patch(model, 0.8)[0]


def with_attention_patch(model):
    patched = model.clone()
    patched.set_model_attn2_output_patch(lambda out, extra: out * 0.5)
    return patched


def with_function_wrapper(model):
    patched = model.clone()
    quieter = lambda apply, call: apply(call["input"], call["timestep"], **call["c"]) * 0.9  # noqa: E731
    patched.set_model_unet_function_wrapper(quieter)
    return patched


def with_guidance_before(model):
    patched = model.clone()
    patched.set_model_sampler_pre_cfg_function(lambda call: [call["conds_out"][0] * 1.1, call["conds_out"][1] * 0.9])
    return patched


def with_guidance_after(model):
    patched = model.clone()
    patched.set_model_sampler_post_cfg_function(lambda call: call["denoised"] + 0.1 * call["uncond_denoised"])
    return patched


def with_guidance_of_its_own(model):
    """A function that takes exactly two prompts apart, as the host's skip-layer guidance does."""
    samplers = importlib.import_module("comfy.samplers")

    def batched(call):
        cond, uncond = call["conds"]
        rest = call["model"], call["input"], call["sigma"], call["model_options"]
        parts = [samplers.calc_cond_batch(rest[0], pair, *rest[1:]) for pair in ([cond, None], [None, uncond])]
        return [parts[0][0] * 1.05, parts[1][1]]

    patched = model.clone()
    patched.set_model_sampler_calc_cond_batch_function(batched)
    return patched


def with_wrapped_prediction(model):
    patched, types = model.clone(), importlib.import_module("comfy.patcher_extension").WrappersMP
    patched.add_wrapper_with_key(types.PREDICT_NOISE, "test", lambda executor, *args: 1.1 * executor(*args))
    return patched


PATCHES = [
    with_lora,
    with_patched_weights,
    with_pag,
    with_rescaled_guidance,
    with_attention_patch,
    with_function_wrapper,
    with_guidance_before,
    with_guidance_after,
    with_guidance_of_its_own,
    with_wrapped_prediction,
]
every_patch = pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.__name__)


@pytest.fixture
def x_t(case, level):
    return level.noise(case.latents, torch.randn(case.latents.shape, generator=torch.Generator().manual_seed(9)))


@every_patch
@pytest.mark.parametrize("scale", [3.0, 1.0, 0.0])
def test_a_patch_has_the_hosts_effect(model, case, level, x_t, predict, host_predict, far, patch, scale):
    patched = patch(model)
    ours = predict(patched, case, x_t, level, scale, 1.0)
    assert far(ours, host_predict(patched, case, x_t, level, scale)) < 3e-5
    if scale == 3.0:
        assert far(ours, predict(model, case, x_t, level, scale, 1.0)) > 1e-3


@every_patch
def test_a_patch_changes_the_edit(model, case, edit, far, patch):
    assert far(edit(patch(model)), edit(model)) > 1e-4


@every_patch
def test_chunks_do_not_matter_to_a_patch(model, case, edit, far, patch):
    patched = patch(model)
    assert far(edit(patched, particles_at_once=1), edit(patched, particles_at_once=4)) < 1e-4


@every_patch
def test_the_residual_of_the_same_prompt_vanishes(host, model, case, edit, far, uncoupled, merged, patch):
    """Delta denoising from a prompt to itself leaves the image where it is, whatever patches are there."""
    baseline = host.run("CSDBaseline", baseline="source prompt", source=case.positive)[0]
    edited = edit(patch(model), baseline=baseline, coupling=uncoupled)
    assert far(merged(edited), merged(case.latents)) < 1e-5


def test_the_image_baseline_vanishes_where_the_prompts_agree(model, case, edit, far, uncoupled, merged):
    edited = edit(model, negative=case.positive, coupling=uncoupled)
    assert far(merged(edited), merged(case.latents)) < 1e-4
    assert far(edit(model, coupling=uncoupled), edited) > 1e-2


def hooked(comfy, model, conditioning, keyframes=()):
    """The conditioning with a weight hook, as the host's Create Hook LoRA and Set CLIP Hooks nodes make it."""
    hooks = comfy.hooks.create_hook_lora(lora(model), 1.0, 0.0)
    if keyframes:
        group = comfy.hooks.HookKeyframeGroup()
        for strength, start in keyframes:
            group.add(comfy.hooks.HookKeyframe(strength=strength, start_percent=start))
        hooks.set_keyframes_on_hooks(group)
    return comfy.hooks.set_hooks_for_conditioning(conditioning, hooks)


def test_a_hook_on_conditioning(comfy, model, case, level, x_t, predict, host_predict, far):
    plain = predict(model, case, x_t, level, 3.0, 1.0)
    case.positive = hooked(comfy, model, case.positive)
    ours = predict(model, case, x_t, level, 3.0, 1.0)
    assert far(ours, host_predict(model, case, x_t, level, 3.0)) < 3e-5
    assert far(ours, plain) > 1e-3


def test_a_hook_leaves_the_model_as_it_was(comfy, model, case, edit, far):
    before = edit(model)
    hooks = edit(model, positive=hooked(comfy, model, case.positive), particles_at_once=1)
    assert far(hooks, edit(model, positive=hooked(comfy, model, case.positive), particles_at_once=4)) < 1e-4
    assert far(before, hooks) > 1e-3
    assert torch.equal(before, edit(model))


def test_keyframed_hooks_need_descending_levels(host, comfy, model, case, edit, far, counted):
    prompt = hooked(comfy, model, case.positive, keyframes=[(1.0, 0.0), (0.2, 0.55)])
    assert far(edit(model, positive=prompt), edit(model, positive=hooked(comfy, model, case.positive))) > 1e-4
    random, (clone, calls) = host.run("CSDTimesteps", order="random")[0], counted(model)
    with pytest.raises(ValueError, match="CSD Edit Sampler: .*hooks with keyframes.*descending"):
        edit(clone, positive=prompt, timesteps=random, steps=4)
    assert not calls


def test_nothing_that_is_given_changes(model, case, edit):
    weights = {name: weight.clone() for name, weight in model.model.state_dict().items()}
    mask = torch.rand(1, 8, 20, generator=torch.Generator().manual_seed(1))
    for prompt in (case.positive, case.negative):
        prompt[0][1]["mask"] = mask.clone()
    latent = {**case.latent, "noise_mask": mask.clone()}
    options, wrappers, patches = map(copy.copy, (model.model_options, model.wrappers, model.patches))
    given = copy.deepcopy((case.positive, case.negative, latent, case.layout))
    edit(model, latent=latent, particles_at_once=1)
    assert model.model_options == options and model.wrappers == wrappers and model.patches == patches
    assert all(torch.equal(weight, weights[name]) for name, weight in model.model.state_dict().items())
    assert same(given, (case.positive, case.negative, latent, case.layout))


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b
