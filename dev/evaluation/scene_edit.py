"""`make demo-scene`: a painted scene of splats edited by several means, judged at cameras that no edit has seen.

A diorama is painted from an arc of cameras. Every second view is fitted and edited, the others are held out. Each
contender gives a scene of splats; it is rendered from the held-out cameras and compared with the painted edit there.
Beside it stands the strength of the edit. A scene that was not edited is consistent, too.

Each result is kept as it comes, so a run that was stopped goes on. Results of other weights or other code are kept in
files of their own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ...demo.painter import EDITED
from ..environment.env import ROOT
from ..environment.in_process import InProcessHost
from .kinds import held_out
from .results import edit_version, keep, known, means, missing, table
from .scene_contenders import CONTENDERS, OURS, Scene, contend, figures
from .scene_world import EDITS, World
from .sheet import chosen, contact_sheet, to_image

OUTPUT = ROOT / "output" / "demo-scene"
FRAMES, PAUSE = 24, 80  # of a turntable, and milliseconds between them
COLUMNS = {
    "psnr": ("PSNR at held-out cameras", "{:.2f} dB"),
    "nearest": ("in its nearest light", "{:.2f} dB"),
    "ssim": ("SSIM", "{:.3f}"),
    "tone": ("mean colour off by", "{:.3f}"),
    "reprojection": ("reprojection error", "{:.4f}"),
    "strength": ("strength of the edit", "{:.3f}"),
    "evaluations": ("evaluations", "{:.0f}"),
    "seconds": ("seconds", "{:.0f}"),
}


def shown(lines: dict[str, dict[str, float]]) -> str:
    """Markdown: one contender a line."""
    heads, forms = zip(*COLUMNS.values())
    rows = [[name, *(form.format(line[key]) for key, form in zip(COLUMNS, forms))] for name, line in lines.items()]
    return table(["scene", *heads], rows)


def write_pictures(world: World, scenes: dict[str, Scene], lines: dict, name: str) -> None:
    """A sheet of the held-out views of every contender, and turntables before and after."""
    rows = [(f"{name}   {lines[name]['psnr']:.1f} dB", scene.splat) for name, scene in scenes.items()]
    sheets = [(label, chosen(world.render(splat, world.others).numpy())) for label, splat in rows]
    contact_sheet([*sheets, ("painted", chosen(world.truth[world.held_out].numpy()))]).save(OUTPUT / f"{name}.png")
    for when, splat in (("before", world.splat), ("after", scenes[OURS].splat)):
        turntable(world.render(splat, world.views, FRAMES).numpy(), OUTPUT / f"{name}_{when}.webp")


def turntable(frames: np.ndarray, path: Path) -> None:
    """An animated picture of frames [N, H, W, 3], there and back again."""
    first, *rest = [to_image(frame) for frame in (*frames, *frames[-2:0:-1])]
    first.save(path, save_all=True, append_images=rest, duration=PAUSE, loop=0, quality=90)


def measured(host: InProcessHost, seed: int, look: str, model: str) -> dict[str, dict[str, float]]:
    """The figures of every contender on one scene; its pictures are written."""
    world = World(host, seed, look, model)
    print(f"scene {seed}, {look}: {world.made}", flush=True)
    scenes, lines = {}, {}
    for name in CONTENDERS:
        scenes[name] = contend(world, name)
        lines[name] = figures(world, scenes[name])
        print(shown({name: lines[name]}).splitlines()[-1], flush=True)
    write_pictures(world, scenes, lines, f"{model}_{seed}_{look}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1, help="scenes")
    parser.add_argument("--every-look", action="store_true", help="each scene in every look, not in the next one")
    parser.add_argument("--model", choices=list(EDITS), default="sharp")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    scenes = held_out(arguments.count, EDITED, arguments.every_look)
    path = OUTPUT / f"{arguments.model}_{edit_version(Path(__file__).with_name('scene_contenders.py'))}.jsonl"
    todo = missing(scenes, path)
    if todo:
        host = InProcessHost(OUTPUT / "comfyui", "--cpu")
        for seed, look in todo:
            keep(path, (seed, look), measured(host, int(seed), look, arguments.model))
    found = [known(path)[scene] for scene in scenes]
    print(f"\nMeans of {len(found)} edits of {arguments.count} scenes:\n{shown(means(found))}")
    print(f"\nPictures are in {OUTPUT.relative_to(ROOT)}/.")


if __name__ == "__main__":
    main()
