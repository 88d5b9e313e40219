"""`make demo-evenness`: how even edits of photographs are, in three looks: IMAGES="a.jpg b.jpg".

No painter knows the truth of a photograph. So the low-frequency colour of an edit is compared along x with others, all
of them of the whole picture at once:

    other model   edited by the other embedded model, seen small and from another seed
    same model    edited by the same model, seen small and from another seed
    filter        the result of the filter that taught the style

    sky           spread of the colour of the top quarter over eight columns, less that of the source
    strength      how far the edit moves from the source, in proportion to the filter

No contender has seen the other model, the other seed, or the picture at the small size. The filter is measured too.

Lower is more even. Each result is kept in output/evenness/ at once, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch.nn.functional import adaptive_avg_pool2d

from ...demo.instructions import INSTRUCTIONS
from ..environment.client import Client, RunError, quiet
from ..environment.env import ROOT
from ..environment.server import HostError
from ..environment.workflow import load_workflow, to_prompt
from ..training.styles import apply_style
from . import contenders
from .comparison import Comparison
from .demo import prepared
from .edit import Edit
from .kinds import CSD, MULTIDIFFUSION, PANORAMA, PANORAMA_CONTENDERS, PANORAMA_FIRST, SHORT, STARTED, Kind
from .metrics import root_mean_square, sky, tones
from .published import RESULTS, publish
from .results import edit_version, fill, means, table
from .sheet import contact_sheet, to_array, to_image

OUTPUT, PAGE = ROOT / "output" / "evenness", ROOT / "docs" / "evenness.md"
LOOKS = ("watercolour", "night", "sepia")
HEIGHT, SMALL, WINDOW = 192, 128, 128  # pixels: of the pictures, of those seen small, of windows
OTHER_SEED, OTHER_STEPS = 1000, 24
COLUMNS = {"other model": "{:.4f}", "same model": "{:.4f}", "filter": "{:.4f}", "sky": "{:+.4f}", "strength": "{:.2f}"}
REFERENCES = {"other model": PANORAMA_FIRST, "same model": PANORAMA}
FILTER = "the filter itself"
RIVALS = (STARTED, SHORT)
CONTENDERS = tuple(contender for contender in PANORAMA_CONTENDERS if contender.name != MULTIDIFFUSION)

HEAD = """# How even edits of photographs are

`make demo-evenness IMAGES="a.jpg b.jpg" ARGS=--publish` measured this and wrote this page: {count} photographs,
{looks}; {date}, sharp model, windows of 128 pixels on pictures 192 pixels high. All contenders have as many
evaluations, but for "two steps". MultiDiffusion stands at its best over start noise, guidance and steps.

Nobody knows the true edit of a photograph. So the colour of an edit, averaged over squares of 64 pixels, is compared
with that of other edits of the same photograph, which were made of the whole picture at once. Only what varies along x
counts. Lower is more even.

- **other model**: edited whole by the first model, seen small (128 pixels high), from another seed. No contender has
  seen this model, this seed or this size.
- **same model**: the same by the sharp model.
- **filter**: the filter that taught the look.
- **sky**: the spread of the colour of the top quarter over eight columns, less that of the source. Where the filter is
  below zero, so should an edit be; further below means that an edit has lost contrast.
- **strength**: how far an edit moves from the source, in proportion to the filter.

"The filter itself" shows what a perfect edit would get. Where it gets a high figure, the reference is a poor one.

The photographs come in Debian's packages `plasma-workspace-wallpapers` (BytheWater, ColdRipple, DarkestHour,
EveningGlow, FallenLeaf, Kite, OneStandsOut, Path, summer_1am) and `mate-backgrounds` (Dune, GreenMeadow, Storm), by
their copyright files under the GPL, version 2 or later. The models never saw them.
"""


@dataclass(frozen=True)
class Asked:
    """One photograph in one look.

    picture   [H, W, 3] in 0 ... 1
    small     the same at the height at which the other model sees it whole
    filtered  the result of the look's filter, [H, W, 3]
    """

    name: str
    look: str
    picture: np.ndarray
    small: Image.Image
    filtered: np.ndarray

    @classmethod
    def of(cls, path: Path, look: str) -> Asked:
        picture = to_array(prepared(path, HEIGHT))
        filtered = apply_style(rearrange(torch.from_numpy(picture), "h w c -> 1 c h w"), look)
        return cls(path.stem, look, picture, prepared(path, SMALL), rearrange(filtered, "1 c h w -> h w c").numpy())

    def on(self, client: Client, edit: Edit, image: Image.Image, kind: str) -> Edit:
        """The edit of this picture in this look."""
        file = OUTPUT / f"{kind}.png"
        image.save(file)
        edit = edit.with_picture(client.upload(file, f"csd_{self.name}_{kind}.png"))
        return edit.with_inputs({("CLIPTextEncode", "Instruction"): {"text": INSTRUCTIONS[self.look][0]}})


def of_size(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Another height and width, by means of areas."""
    values = rearrange(torch.from_numpy(picture), "h w c -> 1 c h w")
    return rearrange(adaptive_avg_pool2d(values, size), "1 c h w -> h w c").numpy()


def seen_small(client: Client, asked: Asked, kind: Kind, info: dict) -> np.ndarray:
    """The whole picture edited at once by the model of a kind, from another seed; as large as the picture."""
    edit = asked.on(client, Edit(to_prompt(load_workflow(kind.workflow), info)), asked.small, "small")
    edit = edit.with_inputs({("CSDEditSampler", None): {"seed": OTHER_SEED}})
    shape = (1, asked.small.height, asked.small.width, 3)
    evaluations = OTHER_STEPS * contenders.euler_evaluations(edit)
    prompt, _ = contenders.one_by_one(edit, shape, evaluations)
    return of_size(Comparison(client, edit, quiet).pictures(prompt).pictures[0], asked.picture.shape[:2])


def figures(edited: np.ndarray, asked: Asked, references: Mapping[str, np.ndarray]) -> dict[str, float]:
    moved, meant = edited - asked.picture, asked.filtered - asked.picture
    return {
        **{name: root_mean_square(tones(edited - reference)) for name, reference in references.items()},
        "sky": sky(edited) - sky(asked.picture),
        "strength": root_mean_square(moved) / root_mean_square(meant),
    }


def compare(paths: dict[str, Path], client: Client, info: dict, name: str, look: str) -> dict:
    """Figures of every contender on one photograph in one look."""
    asked = Asked.of(paths[name], look)
    references = {each: seen_small(client, asked, kind, info) for each, kind in REFERENCES.items()}
    references["filter"] = asked.filtered
    edit = asked.on(client, Edit(to_prompt(load_workflow(PANORAMA.workflow), info)), to_image(asked.picture), "whole")
    windows = {"window_width": WINDOW, "window_height": WINDOW, "overlap": WINDOW // 2}
    edit = edit.with_inputs({("CSDParticleSplit", None): windows})
    results = Comparison(client, edit, quiet).run(CONTENDERS, CSD)
    edits = {contender: result.pictures[0] for contender, result in results.items()} | {FILTER: asked.filtered}
    contact_sheet([("source", asked.picture), *references.items(), *edits.items()]).save(OUTPUT / f"{name}_{look}.png")
    return {contender: figures(edited, asked, references) for contender, edited in edits.items()}


def more_even(by_photograph: dict[str, dict], rival: str, figure: str) -> int:
    """On how many photographs CSD-Edit has the lower figure, as a mean over the looks."""
    return sum(lines[CSD][figure] < lines[rival][figure] for lines in by_photograph.values())


def summary(by_photograph: dict[str, dict]) -> str:
    """The means over all photographs, and how often CSD-Edit is more even."""
    averages, count = means(list(by_photograph.values())), len(by_photograph)
    rows = [[name, *(form.format(line[key]) for key, form in COLUMNS.items())] for name, line in averages.items()]
    told = [
        f"CSD-Edit is more even than {rival} on "
        + ", ".join(f"{more_even(by_photograph, rival, key)} ({key})" for key in (*REFERENCES, "filter"))
        + f" of {count} photographs."
        for rival in RIVALS
    ]
    return table(["edit", *COLUMNS], rows) + "\n\n" + "\n".join(f"- {line}" for line in told)


def each(by_photograph: dict[str, dict], figure: str) -> str:
    names = list(next(iter(by_photograph.values())))
    form = COLUMNS[figure]
    rows = [[photo, *(form.format(lines[name][figure]) for name in names)] for photo, lines in by_photograph.items()]
    return table(["photograph", *names], rows)


def page(found: dict) -> str:
    """docs/evenness.md: how it was measured, the means, and every photograph."""
    by_photograph = found["photographs"]
    parts = [HEAD.format(count=len(by_photograph), looks=", ".join(found["looks"]), date=found["date"])]
    parts.append(summary(by_photograph))
    parts += [f"## Every photograph: {key}\n\n{each(by_photograph, key)}" for key in (*REFERENCES, "filter", "sky")]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="+", help="photographs")
    parser.add_argument("--looks", nargs="+", choices=LOOKS, default=LOOKS, help="in which looks")
    parser.add_argument("--publish", action="store_true", help=f"write the figures to {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    paths = {path.stem: path for path in arguments.images}
    scenes = [(name, look) for look in arguments.looks for name in paths]
    try:
        kept = OUTPUT / f"{edit_version(PANORAMA.workflow)}.jsonl"
        done = fill(scenes, kept, OUTPUT, partial(compare, paths), "edit")
    except (HostError, RunError) as error:
        sys.exit(str(error))
    by_photograph = {name: means([done[name, look] for look in arguments.looks]) for name in paths}
    print(f"\nMeans over {len(paths)} photographs in {len(arguments.looks)} looks:\n\n{summary(by_photograph)}")
    if arguments.publish:
        published = publish(RESULTS, "evenness", {"looks": arguments.looks, "photographs": by_photograph})
        PAGE.write_text(page(json.loads(published.read_text())))


if __name__ == "__main__":
    main()
