"""Tiny models of the host's own classes, and ways to ask the host and the extension the same question.

Sizes: particles of 8 x 8 latent cells (64 pixels), prompts of 7 tokens of width 16.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from .simple import consistent_edit

WIDTH, TOKENS, CELLS = 16, 7, 8
UNET = {
    "image_size": 32,
    "out_channels": 4,
    "model_channels": 32,
    "num_res_blocks": [1, 1],
    "channel_mult": (1, 2),
    "transformer_depth": [1, 1],
    "transformer_depth_output": [1, 1, 1, 1],
    "transformer_depth_middle": 1,
    "context_dim": WIDTH,
    "use_spatial_transformer": True,
    "num_heads": 2,
    "num_head_channels": -1,
    "use_linear_in_transformer": False,
    "use_temporal_attention": False,
    "legacy": False,
    "dtype": torch.float32,
}
MODULES = {
    "nodes": ("extension", "options", "particles", "samplers", "trio"),
    "media": ("layout", "plots", "report"),
    "host": ("chunking", "control", "distiller", "fit", "guider", "io", "levels", "preview", "refusals", "run"),
}


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def ext(host) -> SimpleNamespace:
    """The extension's modules, as the host imported them: `ext.guider`, `ext.csd.guidance`."""
    modules = {name: host.module(f"{part}.{name}") for part, names in MODULES.items() for name in names}
    names = "baseline distill draws frames guidance kernel level noise scene score stein timesteps update windows"
    csd = SimpleNamespace(**{name: host.module(f"csd.{name}") for name in names.split()})
    return SimpleNamespace(**modules, csd=csd)


@pytest.fixture(scope="session")
def comfy(host):
    """The host's packages by attribute: `comfy.samplers` and so on."""
    for name in ("samplers", "model_base", "supported_models", "controlnet", "cldm.cldm", "hooks", "lora", "conds"):
        importlib.import_module(f"comfy.{name}")
    return importlib.import_module("comfy")


def fill(module: torch.nn.Module, seed: int, gain: float = 0.6) -> None:
    """Weights under which activations keep their size; nothing stays at zero, so every path counts."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in module.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        scale = gain / weight[0].numel() ** 0.5 if weight.ndim > 1 else 0.1
        start = 1.0 if weight.ndim == 1 and name.endswith("weight") else 0.0
        weight.data = start + scale * noise


def own(settings: dict) -> dict:
    """With lists of its own: the host empties them while it builds."""
    return {key: list(value) if isinstance(value, list) else value for key, value in settings.items()}


def rand(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Tiny:
    """Builders. Every model is a ModelPatcher on the CPU in float32."""

    def __init__(self, comfy):
        self.comfy = comfy

    def _patcher(self, model, seed: int):
        fill(model.diffusion_model, seed)
        model.eval().requires_grad_(False)
        cpu = torch.device("cpu")
        return importlib.import_module("comfy.model_patcher").ModelPatcher(model, cpu, cpu)

    def _config(self, config_class, **changes):
        config = config_class({**own(UNET), "adm_in_channels": None, **changes})
        config.unet_config.update(num_heads=UNET["num_heads"], num_head_channels=UNET["num_head_channels"])
        config.set_inference_dtype(torch.float32, None)
        return config

    def pix2pix(self, seed: int = 0):
        """An InstructPix2Pix of the host's SD 1.5 class."""
        config = self._config(self.comfy.supported_models.SD15_instructpix2pix, in_channels=8)
        return self._patcher(config.get_model({}, ""), seed)

    def text_to_image(self, kind: str = "EPS", seed: int = 0):
        """A model of the host's plain class; `kind` names a member of ModelType."""
        config = self._config(self.comfy.supported_models.SD15, in_channels=4)
        if kind in ("FLOW", "FLUX"):
            config.sampling_settings = {"shift": 3.0} if kind == "FLOW" else {}
        model_type = self.comfy.model_base.ModelType[kind]
        return self._patcher(self.comfy.model_base.BaseModel(config, model_type), seed)

    def sdxl_pix2pix(self, seed: int = 0):
        """The host's SDXL InstructPix2Pix class: pooled prompts and sizes go in as `y`."""
        config = self._config(
            self.comfy.supported_models.SDXL, in_channels=8, adm_in_channels=2816, num_classes="sequential"
        )
        return self._patcher(self.comfy.model_base.SDXL_instructpix2pix(config), seed)

    def controlnet(self, seed: int = 0):
        """A ControlNet of the host's class whose output layers are not zero."""
        settings = {
            k: v
            for k, v in UNET.items()
            if k not in ("out_channels", "use_temporal_attention", "transformer_depth_output")
        }
        ops = importlib.import_module("comfy.ops").disable_weight_init
        net = self.comfy.cldm.cldm.ControlNet(**own(settings), in_channels=4, hint_channels=3, operations=ops)
        fill(net, seed, gain=1.4)
        net.eval().requires_grad_(False)
        return self.comfy.controlnet.ControlNet(net, load_device=torch.device("cpu"))

    @staticmethod
    def prompt(seed: int, rows: int = 1, **entries) -> list:
        return [[rand(seed, rows, TOKENS, WIDTH), entries]]


@pytest.fixture(scope="session")
def tiny(comfy) -> Tiny:
    return Tiny(comfy)


@pytest.fixture(scope="session")
def model(tiny):
    """The InstructPix2Pix that most tests share; nothing may change it."""
    return tiny.pix2pix()


@dataclass
class Case:
    """Particles on a canvas, with their conditioning."""

    layout: object
    latents: torch.Tensor
    positive: list
    negative: list

    @property
    def latent(self) -> dict:
        return {"samples": self.latents}


@pytest.fixture
def case(ext, tiny) -> Case:
    """Four windows of 8 x 8 cells on a canvas of 8 x 20."""
    layout = ext.layout.plan((64, 160), (64, 64), 32, (False, False), 8, 1)
    image = rand(3, 4, 4, CELLS, CELLS)
    prompts = [tiny.prompt(seed, concat_latent_image=image) for seed in (1, 2)]
    return Case(layout, rand(4, 4, 4, CELLS, CELLS), *prompts)


SETTINGS = {
    "seed": 7,
    "steps": 2,
    "step_size": 1.0,
    "guidance": 3.0,
    "image_guidance": 1.5,
    "noise_low": 0.1,
    "noise_high": 0.6,
    "particles_per_step": 0,
    "particles_at_once": 3,
}


@pytest.fixture
def edit(host, case):
    """Run CSD Edit Sampler on the case, with changes: edited latents [N, C, h, w]."""

    def run(model, case=case, **changes) -> torch.Tensor:
        inputs = {"positive": case.positive, "negative": case.negative, "latent": case.latent, "layout": case.layout}
        return host.run("CSDEditSampler", model=model, **{**inputs, **SETTINGS, **changes})[0]["samples"]

    return run


@pytest.fixture
def ask(comfy):
    """`ask(guider, latents, question)`: what `question(guider, extra_args)` answers inside the host's sampling."""

    def inside(guider, latents, question):
        class Probe(comfy.samplers.Sampler):
            def sample(self, guider, sigmas, extra_args, callback, noise, latent_image=None, *args, **kwargs):
                self.answer = question(guider, extra_args)
                return latent_image

        probe = Probe()
        with torch.inference_mode():
            guider.sample(torch.zeros_like(latents), latents, probe, torch.tensor([1.0, 0.0]), seed=1)
        return probe.answer

    return inside


@pytest.fixture
def predict(ext, ask):
    """eps_hat of the particles by our guider, for given scales of guidance."""

    def ours(model, case, x_t, level, text, image, at_once=3, prompt="target", baseline=None, index=None, source=None):
        guidance = ext.csd.guidance.Guidance(text, image, prompt)
        baseline = baseline or ext.csd.baseline.DrawnNoise()
        guider = ext.guider.CSDGuider(model, guidance, baseline, case.layout, at_once)
        guider.set_conds(case.positive, case.negative, source)
        index = list(range(len(x_t))) if index is None else index
        request = ext.csd.guidance.Request(x_t, guidance)

        def question(guider, extra):
            guider.start(len(case.latents))
            call = ext.csd.guidance.Call(level, index, guider.scene(case.latents), ext.csd.draws.Draws(0, 0))
            return guider.predict([request], call, **extra)[0]

        answer = ask(guider, case.latents, question)
        ours.evaluations = guider.evaluations
        return answer

    return ours


@pytest.fixture
def host_predict(comfy, ext, ask):
    """eps_hat by the host alone: its CFGGuider, so its `sampling_function`, over all particles at once."""

    def theirs(model, case, x_t, level, cfg, positive=None, negative=None):
        levels = ext.levels.Levels(model.get_model_object("model_sampling"))
        guider = comfy.samplers.CFGGuider(model)
        guider.set_conds(positive or case.positive, negative or case.negative)
        guider.set_cfg(cfg)
        x = levels.host_x(x_t, level)
        sigma = torch.full((len(x),), levels.host_sigma(level))
        denoised = ask(guider, case.latents, lambda guider, extra: guider(x, sigma, **extra))
        return level.eps_from_denoised(x_t, denoised)

    return theirs


@pytest.fixture
def level(ext, model):
    levels = ext.levels.Levels(model.get_model_object("model_sampling"))
    return levels.level(levels.sigma(0.4))


@pytest.fixture
def counted(comfy):
    """`counted(model)`: a clone, and a list that gets the batch size of every U-Net call."""
    extension = importlib.import_module("comfy.patcher_extension")

    def clone(model):
        calls, copy = [], model.clone()

        def count(executor, x, *args, **kwargs):
            calls.append(x.shape[0])
            return executor(x, *args, **kwargs)

        copy.add_wrapper_with_key(extension.WrappersMP.APPLY_MODEL, "test", count)
        return copy, calls

    return clone


@pytest.fixture
def uncoupled(host):
    """A coupling that leaves every particle alone: residuals as they are."""
    settings = {"bandwidth": "median", "fixed_bandwidth": 1.0, "normalization": "row", "repulsion": 0.0}
    return host.run("CSDKernel", kernel="independent", **settings)[0]


@pytest.fixture
def merged(host, case):
    """The canvas [1, C, H, W] of particles on the case's layout."""

    def whole(particles):
        inputs = {"particles": {"samples": particles}, "layout": case.layout, "blend": "uniform"}
        return host.run("CSDParticleMerge", **inputs)[0]["samples"]

    return whole


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    return (a - b).abs().max().item()


@pytest.fixture(scope="session")
def far():
    """The largest difference of two tensors."""
    return difference


@pytest.fixture
def consistent(host, monkeypatch):
    """A simple node, run; see `consistent_edit`."""
    return partial(consistent_edit, host, monkeypatch)
