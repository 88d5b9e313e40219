"""Edit frames together with a diffusers pipeline, through `csd` alone: `make example`.

    python -m collaborative_score_distillation.dev.examples.edit_frames \\
        --model timbrooks/instruct-pix2pix --frames folder/of/pictures --prompt "make it a watercolour" --steps 40

Without --model, tiny pipeline classes with random weights stand in, to show that it runs; the pictures mean nothing.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from PIL import Image

from ...csd import IMAGE, NONE, TARGET, Frames, Guidance, Guided, ImageConditional, Level, PromptScore, balanced
from . import tiny


class Model:
    """eps of an InstructPix2Pix pipeline for each branch of the guidance, and its noise schedule."""

    def __init__(self, pipe: StableDiffusionInstructPix2PixPipeline, images: torch.Tensor, prompt: str):
        self.pipe, self.images = pipe, images
        self.texts = {TARGET: embedded(pipe, prompt), IMAGE: embedded(pipe, ""), NONE: embedded(pipe, "")}
        self.alpha_bar = pipe.scheduler.alphas_cumprod

    def level(self, time: float) -> Level:
        step = min(round(time * len(self.alpha_bar)), len(self.alpha_bar) - 1)
        return Level.variance_preserving(self.alpha_bar[step].item(), step / len(self.alpha_bar))

    def __call__(self, x_t: torch.Tensor, branch: str, call) -> torch.Tensor:
        """The unguided prediction for particles x_t [n, 4, h, w]."""
        image = self.images[list(call.index)] * (branch != NONE)
        text = self.texts[branch].expand(len(x_t), -1, -1)
        time = round(call.level.time * len(self.alpha_bar))
        return self.pipe.unet(torch.cat([x_t, image], 1), time, encoder_hidden_states=text).sample


def embedded(pipe, text: str) -> torch.Tensor:
    return pipe.text_encoder(pipe.tokenizer(text, padding="max_length", return_tensors="pt").input_ids)[0]


@torch.inference_mode()
def edit(pipe, frames: torch.Tensor, prompt: str, steps: int, at_once: int = 4) -> torch.Tensor:
    """Edited frames [N, 3, H, W] in -1 ... 1."""
    images, scale = pipe.vae.encode(frames).latent_dist.mode(), pipe.vae.config.scaling_factor
    model, scene = Model(pipe, images, prompt), Frames(len(frames))
    score = PromptScore(Guided(model), Guidance(text=7.5, image=1.5), ImageConditional())
    *_, state = balanced(steps=steps).run(scene, images * scale, score, model.level, at_once=at_once)(images * scale)
    return pipe.vae.decode(state.theta / scale).sample.clamp(-1, 1)


def read(folder: Path) -> torch.Tensor:
    """The pictures of a folder, [N, 3, H, W] in -1 ... 1."""
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob("*.[jp][pn]g"))]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 127.5 - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="name or folder of an InstructPix2Pix model")
    parser.add_argument("--frames", type=Path, help="folder of pictures of one size, in multiples of 8 pixels")
    parser.add_argument("--prompt", default="make it a watercolour")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--output", type=Path, default=Path("output/example"))
    asked = parser.parse_args()
    pipe = StableDiffusionInstructPix2PixPipeline.from_pretrained(asked.model) if asked.model else tiny.pipeline()
    edited = edit(pipe, read(asked.frames) if asked.frames else tiny.frames(), asked.prompt, asked.steps)
    asked.output.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(((edited + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()):
        Image.fromarray(frame).save(asked.output / f"{number:05}.png")
    print(f"{len(edited)} edited frames are in {asked.output}.")


if __name__ == "__main__":
    main()
