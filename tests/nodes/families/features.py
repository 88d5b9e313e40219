"""What a workflow may add to an edit, for a whole set and for each of its particles alone."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from ..conftest import Tiny, rand
from .by_hand import SEED, STEPS, TIMES, Prompts
from .models import CONTROLNETS, FAMILIES, Family, controlnet, image_vae, video_vae

COUNT = 2


@dataclass(frozen=True)
class Setup:
    """An edit of two particles.

    models    the model for the whole set, and of particle i
    prompts   the same of the prompts
    layout    of windows, for the sampler and for the loop by hand
    mask      where the latents may change, [COUNT, h, w]
    """

    name: str
    latents: Tensor
    models: tuple[object, Callable[[int], object]]
    prompts: tuple[Prompts, Callable[[int], Prompts]]
    layout: object = None
    mask: Tensor | None = None

    @property
    def family(self) -> Family:
        return FAMILIES[self.name]

    @property
    def model(self):
        return self.models[0]


@dataclass(frozen=True)
class Tools:
    """The host and the extension, as the fixtures give them."""

    host: object
    comfy: object
    ext: object


def prompts_of(family: Family, of_set: dict, of_each: Callable[[int], dict], rows: int = 1) -> tuple:
    """Prompts with these entries. Edit models are compared with the image alone, others with a source prompt."""
    texts = {seed: family.prompt(seed, rows) for seed in (1, 2, 3)}

    def made(entries: dict, row: slice) -> Prompts:
        parts = [[[tokens[row], {**rest, **entries}]] for ((tokens, rest),) in texts.values()]
        return Prompts(*(parts[:2] if family.reference else parts))

    return made(of_set, slice(None)), lambda i: made(of_each(i), slice(i, i + 1) if rows > 1 else slice(None))


def frames(tools: Tools, name: str) -> Setup:
    family = FAMILIES[name]
    model, images = family.model(tools.comfy), family.latents(6, COUNT)
    prompts = prompts_of(family, family.image(images), lambda i: family.image(images[i : i + 1]))
    return Setup(name, family.latents(5, COUNT), (model, lambda i: model), prompts)


def windows(tools: Tools, name: str) -> Setup:
    """The source image is given as the canvas."""
    setup, family = frames(tools, name), FAMILIES[name]
    layout = tools.ext.layout.plan((64, 96), (64, 64), 32, (False, False), 8, 1)
    crops, picture = layout.windows.rescaled((8, 8)), family.latents(8, 1, (8, 12))
    images = crops.split(picture)
    prompts = prompts_of(family, family.image(picture), lambda i: family.image(images[i : i + 1]))
    return replace(setup, latents=crops.split(family.latents(7, 1, (8, 12))), prompts=prompts, layout=layout)


def prompt_of_each(tools: Tools, name: str) -> Setup:
    setup, family = frames(tools, name), FAMILIES[name]
    images = family.latents(6, COUNT)
    prompts = prompts_of(family, family.image(images), lambda i: family.image(images[i : i + 1]), rows=COUNT)
    return replace(setup, prompts=prompts)


def _with_second_prompt(setup: Setup, of_set: dict, of_each: Callable[[int], dict], first: dict | None = None) -> Setup:
    """A further positive prompt with these entries; `first` changes the other one."""
    text = setup.family.prompt(4)[0][0]

    def more(prompts: Prompts, entries: dict) -> Prompts:
        ((tokens, rest),) = prompts.positive
        return replace(prompts, positive=[[tokens, {**rest, **(first or {})}], [text, {**rest, **entries}]])

    whole, one = setup.prompts
    return replace(setup, prompts=(more(whole, of_set), lambda i: more(one(i), of_each(i))))


def region(tools: Tools, name: str) -> Setup:
    masks = rand(7, COUNT, 8, 8).sigmoid()
    return _with_second_prompt(frames(tools, name), {"mask": masks}, lambda i: {"mask": masks[i : i + 1]})


def time_range(tools: Tools, name: str) -> Setup:
    """One prompt for the first step, another one for the second."""
    setup = frames(tools, name)
    sampling = setup.model.get_model_object("model_sampling")
    levels = tools.ext.levels.Levels(sampling)
    high, low, _ = levels.sigmas(tools.ext.csd.timesteps.Descending(*TIMES), STEPS, SEED).tolist()
    shares = [share / 1000 for share in range(1, 1000)]
    between = next(share for share in shares if low < sampling.percent_to_sigma(share) < high)
    late = {"start_percent": between, "end_percent": 1.0}
    return _with_second_prompt(setup, late, lambda i: late, {"start_percent": 0.0, "end_percent": between})


def noise_mask(tools: Tools, name: str) -> Setup:
    return replace(frames(tools, name), mask=(rand(9, COUNT, 8, 8) > 0).float())


def lora(tools: Tools, name: str) -> Setup:
    """Of rank two, on every matrix of the network."""
    setup = frames(tools, name)
    up_and_down = {}
    for number, (layer, weight) in enumerate(setup.model.model.state_dict().items()):
        if layer.startswith("diffusion_model.") and layer.endswith(".weight") and weight.ndim == 2:
            (rows, columns), stem = weight.shape, layer.removesuffix(".weight")
            up_and_down[f"{stem}.lora_up.weight"] = rand(number, rows, 2) / rows**0.5
            up_and_down[f"{stem}.lora_down.weight"] = rand(number + 1, 2, columns) / columns**0.5
    loaded = importlib.import_module("comfy.sd").load_lora_for_models(setup.model, None, up_and_down, 0.3, 0.0)[0]
    return replace(setup, models=(loaded, lambda i: loaded))


def guidance(tools: Tools, name: str) -> Setup:
    """RescaleCFG, a guidance patch of the host."""
    setup = frames(tools, name)
    patch = importlib.import_module("comfy_extras.nodes_model_advanced").RescaleCFG()
    patched = patch.patch(setup.model, 0.8)[0]
    return replace(setup, models=(patched, lambda i: patched))


_UNETS = ("SD 1.5", "SD 2 v", "SD 1.5 inpaint", "InstructPix2Pix")
_LIKE = {"Flux Kontext": "Flux dev", "Qwen-Image-Edit": "Qwen-Image"}


def control(tools: Tools, name: str) -> Setup | None:
    """A ControlNet: one that takes pixels on U-Nets, one that takes latents on transformers that have such."""
    made = _controlnet(tools, _LIKE.get(name, name))
    if made is None:
        return None
    (net, vae), setup = made, frames(tools, name)
    hints = rand(11, COUNT, 1, 1, 3).sigmoid().repeat(1, 64, 64, 1)

    def controlled(prompts: Prompts, hint: Tensor) -> Prompts:
        inputs = {"control_net": net, "image": hint, "strength": 1.0, "vae": vae}
        pair = {"positive": prompts.positive, "negative": prompts.negative, "start_percent": 0.0, "end_percent": 1.0}
        return Prompts(*tools.host.run("ControlNetApplyAdvanced", **pair, **inputs), prompts.source)

    whole, one = setup.prompts
    return replace(setup, prompts=(controlled(whole, hints), lambda i: controlled(one(i), hints[i : i + 1])))


def _controlnet(tools: Tools, name: str) -> tuple | None:
    """A ControlNet and the VAE for its hints, where it wants one."""
    if name in _UNETS:
        return Tiny(tools.comfy).controlnet(), None
    if name not in CONTROLNETS:
        return None
    return controlnet(tools.comfy, name), video_vae() if FAMILIES[name].moments else image_vae()


def _fails_at_references(model) -> bool:
    """Whether the host itself fails: newer ones hand references to Lumina 2, which lacks Z-Image's tokens for them."""
    taken = "ref_latents" in getattr(model, "memory_usage_factor_conds", ())
    return taken and getattr(model.diffusion_model, "pad_tokens_multiple", 0) is None


def reference(tools: Tools, name: str) -> Setup | None:
    """A reference latent, for a model that need not know of any: it is looked at, or refused."""
    family = FAMILIES[name]
    if family.reference == "concat_latent_image" or "concat_latent_image" in family.entries(1):
        return None
    setup, images = frames(tools, name), family.latents(6, COUNT)
    if _fails_at_references(setup.model.model):
        return None
    edits = replace(family, reference="reference_latents")
    prompts = prompts_of(edits, edits.image(images), lambda i: edits.image(images[i : i + 1]))
    return replace(setup, prompts=prompts)


FEATURES: dict[str, Callable[[Tools, str], Setup | None]] = {
    "frames": frames,
    "windows": windows,
    "a prompt for each": prompt_of_each,
    "regional mask": region,
    "time range": time_range,
    "noise mask": noise_mask,
    "LoRA": lora,
    "RescaleCFG": guidance,
    "ControlNet": control,
    "reference latents": reference,
}
