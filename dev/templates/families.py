"""What a template takes from its model: loaders, prompts that know the source, and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .graph import Graph, Wire

HUB = "https://huggingface.co"
EMPTY = ""


@dataclass(frozen=True)
class Loaded:
    model: Wire
    clip: Wire
    vae: Wire


@dataclass(frozen=True)
class Prompts:
    """What the sampler gets: the prompts, and how the source is compared with."""

    positive: Wire
    negative: Wire
    baseline: Wire | None = None


@dataclass(frozen=True)
class Family:
    """A model that people have.

    label     its name in titles and notes
    load      puts its loaders down
    describe  puts its prompts down: (graph, loaded, pictures, texts) -> prompts
    sampler   widgets of CSD Edit Sampler
    window    side of its windows, pixels
    order     widgets of CSDTimesteps, where the template has one
    texts     "edit": the instruction; "source": what the source shows, for text-to-image models
    memory    what a note says of the memory that it takes
    knobs     what a note says to turn first
    """

    label: str
    load: Callable[[Graph], Loaded]
    describe: Callable[[Graph, Loaded, Wire, Mapping[str, str]], Prompts]
    sampler: Mapping[str, Any]
    window: int
    texts: Mapping[str, str]
    memory: str
    knobs: str
    order: Mapping[str, Any] | None = None


def _file(name: str, place: str, directory: str) -> dict[str, str]:
    return {"name": name, "url": f"{HUB}/{place}/{name}", "directory": directory}


def checkpoint(name: str, place: str) -> Callable[[Graph], Loaded]:
    """One file with everything in it."""

    def load(graph: Graph) -> Loaded:
        models = [_file(name, place, "checkpoints")]
        made = graph.add("CheckpointLoaderSimple", ckpt_name=name, models=models)
        return Loaded(made["MODEL"], made["CLIP"], made["VAE"])

    return load


def parts(
    unet: tuple[str, str], clips: tuple[tuple[str, str], ...], kind: str, vae: tuple[str, str], shift: float = 0.0
) -> Callable[[Graph], Loaded]:
    """Model, text encoders and VAE in files of their own, each (name, place); `shift` adds ModelSamplingAuraFlow."""

    def load(graph: Graph) -> Loaded:
        model = graph.add("UNETLoader", unet_name=unet[0], models=[_file(*unet, "diffusion_models")])["MODEL"]
        files = [_file(*clip, "text_encoders") for clip in clips]
        if len(clips) == 2:
            names: dict[str, Any] = {"clip_name1": clips[0][0], "clip_name2": clips[1][0]}
            clip = graph.add("DualCLIPLoader", **names, type=kind, models=files)["CLIP"]
        else:
            clip = graph.add("CLIPLoader", clip_name=clips[0][0], type=kind, models=files)["CLIP"]
        made = graph.add("VAELoader", vae_name=vae[0], models=[_file(*vae, "vae")])["VAE"]
        if shift:
            model = graph.add("ModelSamplingAuraFlow", model=model, shift=shift)["MODEL"]
        return Loaded(model, clip, made)

    return load


def _text(graph: Graph, loaded: Loaded, title: str, text: str) -> Wire:
    return graph.add("CLIPTextEncode", title=title, clip=loaded.clip, text=text)["CONDITIONING"]


def source_prompt(velocity: Mapping[str, Any] | None = None):
    """A text-to-image model: the source is told in words. `velocity`: widgets of CSD Velocity, for rectified flows."""

    def describe(graph: Graph, loaded: Loaded, pictures: Wire, texts: Mapping[str, str]) -> Prompts:
        positive = _text(graph, loaded, "What it shall show", texts["edit"])
        source = _text(graph, loaded, "What the source shows", texts["source"])
        negative = _text(graph, loaded, "Negative", EMPTY)
        if velocity is None:
            return Prompts(
                positive, negative, graph.add("CSDBaseline", baseline="source prompt", source=source)["baseline"]
            )
        options = graph.add("CSDVelocity", source="prompt", source_prompt=source, **velocity)
        return Prompts(positive, negative, options["baseline"])

    return describe


def instruct_pix2pix(graph: Graph, loaded: Loaded, pictures: Wire, texts: Mapping[str, str]) -> Prompts:
    """An edit model that sees the source beside the noise."""
    positive = _text(graph, loaded, "Instruction", texts["edit"])
    negative = _text(graph, loaded, "No text", EMPTY)
    made = graph.add(
        "InstructPixToPixConditioning", positive=positive, negative=negative, vae=loaded.vae, pixels=pictures
    )
    return Prompts(made["positive"], made["negative"])


def kontext(graph: Graph, loaded: Loaded, pictures: Wire, texts: Mapping[str, str]) -> Prompts:
    """An edit model with the source as a reference latent, and guidance as a number that it was trained with."""
    latent = graph.add("VAEEncode", title="References", pixels=pictures, vae=loaded.vae)["LATENT"]

    def with_reference(title: str, text: str) -> Wire:
        words = _text(graph, loaded, title, text)
        referred = graph.add("ReferenceLatent", conditioning=words, latent=latent)["CONDITIONING"]
        return graph.add("FluxGuidance", conditioning=referred, guidance=2.5)["CONDITIONING"]

    positive, negative = with_reference("Instruction", texts["edit"]), with_reference("No text", EMPTY)
    return Prompts(positive, negative, graph.add("CSDVelocity", source="image")["baseline"])


def qwen_edit(graph: Graph, loaded: Loaded, pictures: Wire, texts: Mapping[str, str]) -> Prompts:
    """An edit model whose text encoder looks at the picture: each window or frame has a prompt of its own."""
    single = graph.add("RebatchImages", images=pictures, batch_size=1)["IMAGE"]

    def of_each(title: str, text: str) -> Wire:
        words = graph.add(
            "TextEncodeQwenImageEditPlus", title=title, clip=loaded.clip, vae=loaded.vae, image1=single, prompt=text
        )
        return graph.add("CSDPromptOfEach", prompts=words["CONDITIONING"])["conditioning"]

    positive, negative = of_each("Instruction", texts["edit"]), of_each("No text", EMPTY)
    return Prompts(positive, negative, graph.add("CSDVelocity", source="image")["baseline"])


INSTRUCTED = {"edit": "make it a winter landscape, everything covered in snow"}
DESCRIBED = {
    "source": "a photograph of a river landscape in summer, green trees",
    "edit": "a photograph of a river landscape in winter, trees covered in snow",
}
WALK = {"steps": 24, "step_size": 1.0, "image_guidance": 1.0, "noise_low": 0.0, "particles_at_once": 1}
OWN_TIME = {"scale": "model's own time"}
T5 = ("t5xxl_fp8_e4m3fn_scaled.safetensors", "comfyanonymous/flux_text_encoders/resolve/main")
CLIP_L = ("clip_l.safetensors", T5[1])

FAMILIES = {
    "qwen_image_edit": Family(
        label="Qwen-Image-Edit",
        load=parts(
            (
                "qwen_image_edit_2509_fp8_e4m3fn.safetensors",
                "Comfy-Org/Qwen-Image-Edit_ComfyUI/resolve/main/split_files/diffusion_models",
            ),
            (
                (
                    "qwen_2.5_vl_7b_fp8_scaled.safetensors",
                    "Comfy-Org/Qwen-Image_ComfyUI/resolve/main/split_files/text_encoders",
                ),
            ),
            "qwen_image",
            ("qwen_image_vae.safetensors", "Comfy-Org/Qwen-Image_ComfyUI/resolve/main/split_files/vae"),
            shift=3.0,
        ),
        describe=qwen_edit,
        sampler={**WALK, "guidance": 2.5, "noise_high": 0.9},
        window=1024,
        texts=INSTRUCTED,
        order=OWN_TIME,
        memory="20 GB of weights; windows go through one at a time",
        knobs="- `guidance` 2 to 4: how strongly the instruction pulls.\n"
        "- `noise_high`: lower it to keep more of the layout, 1 gives the model's own picture.\n",
    ),
    "flux_kontext": Family(
        label="Flux Kontext",
        load=parts(
            (
                "flux1-dev-kontext_fp8_scaled.safetensors",
                "Comfy-Org/flux1-kontext-dev_ComfyUI/resolve/main/split_files/diffusion_models",
            ),
            (CLIP_L, T5),
            "flux",
            ("ae.safetensors", "Comfy-Org/Lumina_Image_2.0_Repackaged/resolve/main/split_files/vae"),
        ),
        describe=kontext,
        sampler={**WALK, "guidance": 1.0, "noise_high": 0.9},
        window=1024,
        texts=INSTRUCTED,
        order=OWN_TIME,
        memory="12 GB of weights; windows go through one at a time",
        knobs="- Flux Guidance, on both prompts alike: 2 to 4.\n"
        "- `guidance` of the sampler stays at 1: the model has its guidance built in.\n"
        "- `noise_high`: lower it to keep more of the layout.\n",
    ),
    "sdxl": Family(
        label="SDXL",
        load=checkpoint("sd_xl_base_1.0.safetensors", "stabilityai/stable-diffusion-xl-base-1.0/resolve/main"),
        describe=source_prompt(),
        sampler={"steps": 40, "step_size": 2.0, "guidance": 7.5, "image_guidance": 1.0, "noise_high": 0.6},
        window=1024,
        texts=DESCRIBED,
        memory="7 GB of weights",
        knobs="- Describe source and edit in the same words but for what shall change.\n"
        "- `guidance` 5 to 12: how strongly the words pull.\n"
        "- `noise_high` 0.4 to 0.8: how large the structures are that may change.\n",
    ),
    "sd35": Family(
        label="SD 3.5",
        load=checkpoint("sd3.5_large_fp8_scaled.safetensors", "Comfy-Org/stable-diffusion-3.5-fp8/resolve/main"),
        describe=source_prompt({"source_guidance": 3.5}),
        sampler={**WALK, "steps": 33, "guidance": 13.5, "noise_high": 0.66},
        window=1024,
        texts=DESCRIBED,
        order=OWN_TIME,
        memory="15 GB of weights; windows go through one at a time",
        knobs="- Describe source and edit in the same words but for what shall change.\n"
        "- Guidance 13.5 on the edit beside 3.5 on the source are FlowEdit's numbers for SD 3.\n"
        "- `noise_high` 0.5 to 0.8: how far the edit may leave the source.\n",
    ),
    "cosxl_edit": Family(
        label="CosXL Edit",
        load=checkpoint("cosxl_edit.safetensors", "stabilityai/cosxl/resolve/main"),
        describe=instruct_pix2pix,
        sampler={"steps": 40, "step_size": 2.0, "guidance": 5.0, "image_guidance": 1.5, "noise_high": 0.5},
        window=1024,
        texts=INSTRUCTED,
        memory="7 GB of weights",
        knobs="- `guidance` 3 to 8: how strongly the instruction pulls.\n"
        "- `image_guidance` 1.2 to 2: how strongly the source holds.\n",
    ),
    "instruct_pix2pix": Family(
        label="InstructPix2Pix",
        load=checkpoint("instruct-pix2pix-00-22000.safetensors", "timbrooks/instruct-pix2pix/resolve/main"),
        describe=instruct_pix2pix,
        sampler={"steps": 40, "step_size": 2.0, "guidance": 7.5, "image_guidance": 1.5, "noise_high": 0.5},
        window=512,
        texts={"edit": "turn it into a painting by Van Gogh"},
        memory="7.7 GB of weights",
        knobs="- `guidance` 3 to 15: how strongly the instruction pulls.\n"
        "- `image_guidance` 1.2 to 2.5: how strongly the source holds.\n"
        "- Faster: 20 steps of `step_size` 3, and CSD Savings with `uses` 2.\n"
        "- The paper's own settings: Consistent Edit with `quality` *paper*.\n",
    ),
    "z_image": Family(
        label="Z-Image Turbo",
        load=parts(
            ("z_image_turbo_bf16.safetensors", "Comfy-Org/z_image_turbo/resolve/main/split_files/diffusion_models"),
            (("qwen_3_4b.safetensors", "Comfy-Org/z_image_turbo/resolve/main/split_files/text_encoders"),),
            "lumina2",
            ("ae.safetensors", "Comfy-Org/z_image_turbo/resolve/main/split_files/vae"),
            shift=3.0,
        ),
        describe=source_prompt({"source_guidance": 1.0}),
        sampler={**WALK, "steps": 9, "guidance": 1.0, "noise_high": 0.8},
        window=1024,
        texts=DESCRIBED,
        order=OWN_TIME,
        memory="12 GB of weights; windows go through one at a time",
        knobs="- Describe source and edit in the same words but for what shall change.\n"
        "- `guidance` stays at 1: the model is distilled to few steps.\n"
        "- `noise_high` 0.6 to 0.9: how far the edit may leave the source.\n",
    ),
}
CLIPS = ("qwen_image_edit", "flux_kontext", "cosxl_edit", "instruct_pix2pix")  # each frame is its own reference
VIEW_SETS = ("instruct_pix2pix",)
SCENES = ("qwen_image_edit", "flux_kontext", "instruct_pix2pix")
FROM_TEXT = ("sdxl", "sd35")  # a 3D scene from words alone
