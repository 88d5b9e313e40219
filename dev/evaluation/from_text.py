"""`make demo-from-text`: pictures that the sharp model makes from text alone, against paintings of that look.

Pictures are compared as sets, by the Frechet distance of Gaussians through what the autoencoder makes of them. Three
other sets say what a distance means: other paintings of the look, the same through the autoencoder, and paintings of
another look. Writes output/from-text/sheet.png and report.json.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import torch
from torch import Tensor

from ...demo.instructions import INSTRUCTIONS
from ...demo.painter import LOOKS, paint
from ...demo.patches import CHANNELS, PATCH
from ..environment.env import ROOT
from ..environment.in_process import InProcessHost
from . import results
from .around import COMPONENTS, averaged, frechet
from .sheet import contact_sheet

OUTPUT = ROOT / "output" / "from-text"
SIDE, SHOWN = 128, 8
HELD_OUT_SEED, OTHER_SEED = 1_000_000, 1_100_000
SAMPLING = {"steps": 24, "cfg": 2.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
AT_ONCE = 16
SETS = ("from text alone", "other paintings", "other paintings through the VAE", "paintings of the next look")


def paintings(look: str, first_seed: int, count: int) -> Tensor:
    """Windows of panoramas in lights of their own, [N, H, W, 3]."""
    lights = np.random.default_rng(first_seed).uniform(-1, 1, count)
    pictures = [paint(first_seed + n, look, SIDE, 4 * SIDE, light) for n, light in enumerate(lights)]
    return torch.from_numpy(np.stack([each[:, SIDE : 2 * SIDE] for each in pictures]))


class World:
    """The sharp model in the host."""

    def __init__(self, host: InProcessHost):
        self.host = host
        self.model, self.clip, self.vae = host.run("CSDDemoModel", model="sharp")

    def made(self, look: str, count: int) -> Tensor:
        """Pictures from the instruction of a look, without a source, [N, H, W, 3]."""
        positive, negative = (
            self.host.run("CLIPTextEncode", clip=self.clip, text=text)[0] for text in (INSTRUCTIONS[look][0], "")
        )
        return torch.cat([self._batch(positive, negative, seed) for seed in range(0, count, AT_ONCE)])

    def _batch(self, positive, negative, seed: int) -> Tensor:
        empty = {"samples": torch.zeros(AT_ONCE, CHANNELS, SIDE // PATCH, SIDE // PATCH)}
        wires = {"model": self.model, "positive": positive, "negative": negative, "latent_image": empty}
        (latent,) = self.host.run("KSampler", **wires, seed=seed, **SAMPLING)
        return self.host.run("VAEDecode", samples=latent, vae=self.vae)[0]

    def restored(self, pictures: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.vae.decode(self.vae.encode(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        return averaged(self.vae, pictures, 4).double()


def compared(world: World, look: str, count: int) -> tuple[dict[str, float], np.ndarray]:
    """Frechet distances of four sets to held-out paintings of a look, and a strip of pictures from text alone."""
    truth, other = paintings(look, HELD_OUT_SEED, count), paintings(look, OTHER_SEED, count)
    following = LOOKS[(LOOKS.index(look) + 1) % len(LOOKS)]
    made = world.made(look, count)
    sets = (made, other, world.restored(other), paintings(following, OTHER_SEED, count))
    known = world.features(truth)
    axes = torch.linalg.svd(known - known.mean(0), full_matrices=False).Vh[:COMPONENTS].T
    distances = [frechet(world.features(each) @ axes, known @ axes) for each in sets]
    return dict(zip(SETS, distances)), np.concatenate(list(made[:SHOWN].numpy()), axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=96, help="pictures of each look, a multiple of 16")
    count = parser.parse_args().count
    OUTPUT.mkdir(parents=True, exist_ok=True)
    world, lines, rows = World(InProcessHost(OUTPUT / "comfyui", "--cpu")), {}, []
    for look in LOOKS:
        lines[look], strip = compared(world, look, count)
        rows.append((f"{INSTRUCTIONS[look][0]}   {lines[look][SETS[0]]:.2f}", strip))
        contact_sheet(rows).save(OUTPUT / "sheet.png")
    (OUTPUT / "report.json").write_text(json.dumps(lines, indent=2) + "\n")
    figures = [[look, *(f"{line[name]:.2f}" for name in SETS)] for look, line in lines.items()]
    print(results.table(["look", *SETS], figures))
    print(f"\nFréchet distances, {count} pictures in each set. Pictures are in {OUTPUT.relative_to(ROOT)}/.")


if __name__ == "__main__":
    main()
