"""A run taken up from its file ends as if it had never stopped, and no file is taken for another's."""

import importlib
import json
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from collaborative_score_distillation.dev.environment.env import ROOT

STEPS = 4


@pytest.fixture
def folder(host):
    """Where states lie; emptied after each test."""
    found = host.base / "output" / "csd_states"
    yield found
    for path in found.glob("*") if found.exists() else []:
        path.unlink()


@pytest.fixture
def kept(host):
    def choose(name="run", every=1, resume=True, if_different="refuse"):
        return host.run("CSDStateFile", name=name, every=every, resume=resume, if_different=if_different)[0]

    return choose


class Stopped(Exception):
    pass


@pytest.fixture
def calls(model):
    """The batch size of every call of the shared model, noted without a patch: a patched model is another run."""
    noted = []
    handle = model.model.diffusion_model.register_forward_pre_hook(lambda _, inputs: noted.append(len(inputs[0])))
    yield noted
    handle.remove()


@pytest.fixture
def stopping(model, calls):
    """Within it, the shared model fails at a call: in the middle of a step that is not the first."""

    @contextmanager
    def stop(error=Stopped, calls_before=4):
        def fail(*_):
            if len(calls) == calls_before:
                raise error("stopped")

        handle = model.model.diffusion_model.register_forward_pre_hook(fail)
        calls.clear()
        try:
            with pytest.raises(type(error("stopped"))):
                yield
        finally:
            handle.remove()
            calls.clear()

    return stop


def run_in_parts(edit, model, stopping, state, **options):
    """A run that fails in the middle, and is taken up again."""
    with stopping():
        edit(model, steps=STEPS, state=state, **options)
    return edit(model, steps=STEPS, state=state, **options)


def step_of(path):
    with safe_open(path, "pt") as file:
        return int(file.metadata()["step"])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("per_step", [0, 2])
@pytest.mark.parametrize("order", ["descending", "random"])
def test_it_ends_bit_equal(host, model, edit, stopping, kept, folder, optimizer, per_step, order):
    options = {
        "update": host.run("CSDUpdate", optimizer=optimizer, decay=0.9, decay_every=1)[0],
        "timesteps": host.run("CSDTimesteps", order=order)[0],
        "particles_per_step": per_step,
        "step_size": 0.1,
    }
    straight = edit(model, steps=STEPS, **options)
    with stopping():
        edit(model, steps=STEPS, state=kept(), **options)
    assert 0 < step_of(folder / "run.safetensors") < STEPS
    assert torch.equal(edit(model, steps=STEPS, state=kept(), **options), straight)
    assert step_of(folder / "run.safetensors") == STEPS


@pytest.mark.parametrize("layout", [True, False])
def test_a_mask_and_frames(model, case, edit, stopping, kept, folder, layout):
    mask = torch.zeros(1, 8, 20) if layout else torch.zeros(4, 8, 8)
    mask[..., 4:6] = 1
    options = {"latent": {**case.latent, "noise_mask": mask}, "layout": case.layout if layout else None}
    straight = edit(model, steps=STEPS, **options)
    assert torch.equal(run_in_parts(edit, model, stopping, kept(), **options), straight)


@pytest.mark.parametrize("uses", [2, 3])
def test_steps_that_share_predictions(host, model, edit, stopping, kept, folder, uses):
    """They are taken up together: alone, a step would make in a batch of another size what it had been told."""
    savings = host.run("CSDSavings", uses=uses, guidance_low=0.0, guidance_high=1.0)[0]
    straight = edit(model, steps=7, savings=savings)
    with stopping(calls_before=9):
        edit(model, steps=7, savings=savings, state=kept())
    assert step_of(folder / "run.safetensors") in range(uses, 7, uses)
    assert torch.equal(edit(model, steps=7, savings=savings, state=kept()), straight)
    assert step_of(folder / "run.safetensors") == 7


def test_keeping_changes_nothing(model, edit, kept, folder):
    assert torch.equal(edit(model, state=kept()), edit(model))


def test_only_the_missing_steps_are_done(model, edit, stopping, calls, kept, folder):
    edit(model, steps=STEPS)
    whole = sum(calls)
    with stopping():
        edit(model, steps=STEPS, state=kept())
    done = step_of(folder / "run.safetensors")
    edit(model, steps=STEPS, state=kept())
    assert 0 < sum(calls) <= whole * (STEPS - done) / (STEPS - 1)  # the first step takes fewer evaluations


def test_a_finished_run_is_taken_as_it_is(model, edit, calls, kept, folder):
    first = edit(model, steps=STEPS, state=kept())
    calls.clear()
    assert torch.equal(edit(model, steps=STEPS, state=kept()), first)
    assert calls == []


def test_afresh(model, edit, calls, kept, folder):
    first = edit(model, steps=STEPS, state=kept())
    calls.clear()
    assert torch.equal(edit(model, steps=STEPS, state=kept(resume=False)), first)
    assert calls != []


def test_the_report_shows_the_whole_run(host, model, case, edit, stopping, kept, folder):
    inputs = {"positive": case.positive, "negative": case.negative, "latent": case.latent, "layout": case.layout}
    numbers = {"seed": 7, "steps": STEPS, "step_size": 1.0, "guidance": 3.0, "image_guidance": 1.5}
    ranges = {"noise_low": 0.1, "noise_high": 0.6, "particles_per_step": 0, "particles_at_once": 3}
    with stopping():
        host.run("CSDEditSampler", model=model, **inputs, **numbers, **ranges, state=kept())
    host.run("CSDEditSampler", model=model, **inputs, **numbers, **ranges, state=kept())
    tensors = load_file(folder / "run.safetensors")
    assert len(tensors["record.residual"]) == len(tensors["record.time"]) == STEPS
    assert tensors["record.kernel"].shape == (4, 4)
    assert (tensors["record.cost"] > 0).all()
    assert tensors["theta"].shape == (1, 4, 8, 20)


def test_the_host_cancels_in_the_middle(comfy, model, edit, stopping, kept, folder):
    management = comfy.model_management
    straight = edit(model, steps=STEPS)
    with stopping(lambda _: management.InterruptProcessingException()):
        edit(model, steps=STEPS, state=kept(every=100))
    assert [path.name for path in folder.iterdir()] == ["run.safetensors"]
    assert step_of(folder / "run.safetensors") > 0
    assert torch.equal(edit(model, steps=STEPS, state=kept(every=100)), straight)


OTHERS = {
    "seed": {"seed": 8},
    "steps": {"steps": STEPS + 1},
    "noise levels": {"noise_high": 0.7},
    "update": {"step_size": 0.5},
    "guidance": {"guidance": 4.0},
    "per step": {"particles_per_step": 2},
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("resume", [True, False])
def test_a_file_of_another_run_is_refused(model, edit, calls, kept, folder, name, resume):
    edit(model, steps=STEPS, state=kept())
    before = (folder / "run.safetensors").read_bytes()
    calls.clear()
    with pytest.raises(ValueError, match=rf"CSD Edit Sampler: state file: .*another run; these differ: .*{name}"):
        edit(model, **{"steps": STEPS, **OTHERS[name]}, state=kept(resume=resume))
    assert calls == [] and (folder / "run.safetensors").read_bytes() == before


def test_runs_of_other_settings_get_files_with_numbers(model, edit, calls, kept, folder):
    """Another seed for each run, and then the first one again, which is not repeated."""
    runs = {seed: edit(model, steps=STEPS, seed=seed, state=kept(if_different="keep both")) for seed in (7, 8, 9)}
    assert {path.name for path in folder.iterdir()} == {"run.safetensors", "run_2.safetensors", "run_3.safetensors"}
    calls.clear()
    for seed, edited in runs.items():
        assert torch.equal(edit(model, steps=STEPS, seed=seed, state=kept(if_different="keep both")), edited)
    assert calls == []


def test_a_number_fits_into_the_longest_name(model, edit, kept, folder):
    for seed in (7, 8):
        edit(model, steps=STEPS, seed=seed, state=kept(name="n" * 100, if_different="keep both"))
    assert {path.stem for path in folder.iterdir()} == {"n" * 100, "n" * 98 + "_2"}


def test_the_file_of_another_run_is_replaced_if_wished(model, edit, kept, folder):
    edit(model, steps=STEPS, state=kept())
    edited = edit(model, steps=STEPS, seed=8, state=kept(if_different="replace"))
    assert [path.name for path in folder.iterdir()] == ["run.safetensors"]
    assert torch.equal(edit(model, steps=STEPS, seed=8, state=kept()), edited)


def test_it_says_both_values(model, edit, kept, folder):
    edit(model, steps=STEPS, state=kept())
    with pytest.raises(ValueError, match=r"differ: seed \(7 in the file, 8 now\)\."):
        edit(model, steps=STEPS, seed=8, state=kept())


def other_inputs(tiny, case):
    image = case.positive[0][1]
    return {
        "source latents": {"latent": {"samples": case.latents + 1e-3}},
        "positive prompt": {"positive": tiny.prompt(9, **image)},
        "negative prompt": {"negative": tiny.prompt(2, concat_latent_image=image["concat_latent_image"] * 1.01)},
        "noise mask": {"latent": {**case.latent, "noise_mask": torch.ones(1, 8, 20)}},
        "layout": {"layout": None},
        "model": {"model": tiny.pix2pix(seed=1)},
    }


@pytest.mark.parametrize(
    "name", ["source latents", "positive prompt", "negative prompt", "noise mask", "layout", "model"]
)
def test_other_inputs_are_another_run(tiny, model, case, edit, kept, folder, name):
    edit(model, state=kept())
    changes = other_inputs(tiny, case)[name]
    with pytest.raises(ValueError, match=rf"these differ: .*{name}"):
        edit(changes.pop("model", model), state=kept(), **changes)


def test_a_patched_model_is_another(host, model, edit, kept, folder):
    patched = host.run("RescaleCFG", model=model, multiplier=0.7)[0]
    edit(patched, state=kept())
    assert torch.equal(edit(host.run("RescaleCFG", model=model, multiplier=0.7)[0], state=kept()), edit(patched))
    for other in (model, host.run("RescaleCFG", model=model, multiplier=0.6)[0]):
        with pytest.raises(ValueError, match="these differ: model patches"):
            edit(other, state=kept())


def with_lora(model, seed, strength=1.0):
    """The model with a LoRA of rank two on its first cross-attention, as the host's loader puts it there."""
    layer, (up, down) = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k", ((32, 2), (2, 16))
    numbers = torch.randn(2 * 48, generator=torch.Generator().manual_seed(seed))
    weights = {"up": numbers[: 2 * 32].reshape(up), "down": numbers[2 * 32 :].reshape(down)}
    named = {f"{layer}.lora_{name}.weight": weight for name, weight in weights.items()}
    return importlib.import_module("comfy.sd").load_lora_for_models(model, None, named, strength, 0.0)[0]


def test_a_lora_is_told_from_others(model, edit, kept, folder):
    edit(with_lora(model, 1), state=kept())
    edit(with_lora(model, 1), state=kept())
    for other in (model, with_lora(model, 2), with_lora(model, 1, strength=0.5)):
        with pytest.raises(ValueError, match="these differ: model patches"):
            edit(other, state=kept())


def test_equal_inputs_are_the_same_run(tiny, model, case, edit, calls, kept, folder):
    """Made anew, as after the host was started again: ids, devices and objects do not count."""
    edit(model, state=kept())
    image = case.positive[0][1]["concat_latent_image"].clone()
    prompts = {n: tiny.prompt(i, concat_latent_image=image) for i, n in enumerate(("positive", "negative"), 1)}
    twin = tiny.pix2pix()
    twin.model.diffusion_model.register_forward_pre_hook(lambda _, inputs: calls.append(len(inputs[0])))
    calls.clear()
    edit(twin, **prompts, latent={"samples": case.latents.clone()}, state=kept(), particles_at_once=1)
    assert calls == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "foreign", "empty"])
def test_a_damaged_file_is_refused(model, edit, calls, kept, folder, damage):
    edit(model, state=kept())
    path = folder / "run.safetensors"
    whole = path.read_bytes()
    flipped = whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]
    if damage == "foreign":
        save_file({"theta": torch.zeros(2)}, path)
    else:
        path.write_bytes({"cut": whole[:-9], "flipped": flipped, "text": b"a note", "empty": b""}[damage])
    before = path.read_bytes()
    calls.clear()
    for resume in (True, False):
        with pytest.raises(ValueError, match="CSD Edit Sampler: state file: got run.safetensors, which cannot be read"):
            edit(model, state=kept(resume=resume))
    assert calls == [] and path.read_bytes() == before


def test_runs_under_other_names_live_side_by_side(model, edit, kept, folder):
    edit(model, state=kept("one"))
    edit(model, seed=8, state=kept("two"))
    assert sorted(path.name for path in folder.iterdir()) == ["one.safetensors", "two.safetensors"]


def test_a_folder_that_takes_no_file_any_more(model, edit, calls, kept, folder, caplog):
    """It turns into a file in the middle of the run; the result comes all the same."""
    straight = edit(model, steps=STEPS)

    def spoil(*_):
        if len(calls) == 4:
            shutil.rmtree(folder)
            folder.write_text("in the way")

    calls.clear()
    handle = model.model.diffusion_model.register_forward_pre_hook(spoil)
    try:
        assert torch.equal(edit(model, steps=STEPS, state=kept()), straight)
        assert "was not kept" in caplog.text
        handle.remove()
        calls.clear()
        with pytest.raises(ValueError, match="CSD Edit Sampler: state file: could not write run.safetensors"):
            edit(model, steps=STEPS, state=kept())
        assert calls == []
    finally:
        handle.remove()
        folder.unlink()


WRITE_WITHOUT_ROOM = """
import resource, sys, torch
from pathlib import Path
from collaborative_score_distillation.media.state_file import Saved, read, write

path = Path(sys.argv[1])
record = {"residual": torch.ones(1), "step_size": torch.ones(1), "time": torch.ones(1), "cost": torch.ones(2)}
write(path, Saved(1, torch.ones(8), {}, record, {"seed": "1"}))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write(path, Saved(2, torch.ones(100_000), {}, record, {"seed": "1"}))
except OSError as error:
    print("refused:", error)
print(read(path).step, [p.name for p in path.parent.iterdir()])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
def test_a_disk_without_room_leaves_the_last_file(tmp_path):
    """A real write that the system breaks off in the middle."""
    command = [sys.executable, "-c", WRITE_WITHOUT_ROOM, str(tmp_path / "run.safetensors")]
    result = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / ".import")})
    refused, left = result.stdout.splitlines()
    assert refused.startswith("refused:") and left == "1 ['run.safetensors']", result.stderr


@pytest.mark.parametrize(
    "name", ["../run", "a/b", "a\\b", "/run", "", ".", "..", ".run", "run ", "c:run", "nul", "a\0b", 200 * "a"]
)
def test_only_plain_names(host, name):
    with pytest.raises(ValueError, match=r"CSD State File: state file: got the name .* expected a plain file name"):
        host.run("CSDStateFile", name=name, every=1, resume=True)


@pytest.mark.parametrize("name", ["run", "Küste 2", "a.b-c_d", "7"])
def test_plain_names(host, kept, name):
    assert kept(name).path == host.base / "output" / "csd_states" / f"{name}.safetensors"


def test_a_link_is_not_followed(model, edit, kept, folder, tmp_path):
    folder.mkdir(exist_ok=True)
    (folder / "run.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(ValueError, match="which is a link"):
        edit(model, state=kept())
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_a_blown_up_run_is_kept(model, edit, kept, folder, case):
    case.latents.mul_(1e37)
    with pytest.raises(ValueError, match="grew without bound"):
        edit(model, step_size=1000.0, steps=3, state=kept())
    assert torch.isfinite(load_file(folder / "run.safetensors")["theta"]).all()


def test_the_trio_keeps_its_state_too(host, model, case, kept, folder):
    prompts = {"positive": case.positive, "negative": case.negative, "layout": case.layout}
    guider = host.run("CSDGuider", model=model, **prompts, guidance=3.0, image_guidance=1.5, particles_at_once=3)[0]
    sigmas = host.run("CSDSigmas", model=model, steps=2, noise_low=0.1, noise_high=0.6, seed=7)[0]
    noise = host.run("RandomNoise", noise_seed=7)[0]

    def run(**options):
        sampler = host.run("CSDDistillation", step_size=1.0, particles_per_step=3, **options)[0]
        inputs = {"noise": noise, "guider": guider, "sampler": sampler, "sigmas": sigmas, "latent_image": case.latent}
        return host.run("SamplerCustomAdvanced", **inputs)[0]["samples"]

    straight = run()
    assert torch.equal(run(state=kept()), straight) and torch.equal(run(state=kept()), straight)
    assert step_of(folder / "run.safetensors") == 2


def test_what_the_file_says_of_itself(model, edit, kept, folder):
    edit(model, steps=STEPS, state=kept())
    with safe_open(folder / "run.safetensors", "pt") as file:
        about = file.metadata()
    settings = json.loads(about["settings"])
    assert about["step"] == str(STEPS) and settings["seed"] == "7" and settings["steps"] == str(STEPS)
    assert "particles at once" not in settings
