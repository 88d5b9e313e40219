"""Every family with every feature: the sampler against a loop written by hand, one particle at a time and all at once.

What comes of it is the page docs/families.md. Where it has to change, run

    make families

and read the difference.
"""

import json
import os
import re
from pathlib import Path

import pytest

from .features import COUNT, FEATURES, Tools
from .models import FAMILIES, of_the_pinned_host

PAGE = Path(__file__).parents[3] / "docs" / "families.md"
LARGE = Path(__file__).with_name("large.json")  # of test_large.py
WORKS, NOT_THERE = "works", ""
_TOLERANCE = 5e-5

HEAD = """# Families of models

What the samplers were tried with, on tiny instances of the classes that ComfyUI itself builds. *works*: the edit is
that of a loop written by hand, which asks ComfyUI's own guider about one particle after the other. It is the same one
particle at a time and all at once. *refused*: an error says so, and what to do. Empty: not there for the family, or
not tried.

The page is written by `make families`, from `tests/nodes/families`; `make test` compares it. What newer versions of
ComfyUI do otherwise is in [hosts.md](hosts.md).

"""

LARGE_HEAD = """## Real sizes

`make test-large` writes checkpoints of the size of the published ones, with random weights, and loads them with
ComfyUI's own loaders. Two particles are then edited in two steps, one at a time and both at once, and compared with the
loop by hand. Networks are in half precision, and computed in single precision on one shared CPU core.

"""


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], str]:
    return {}


@pytest.fixture
def tools(host, comfy, ext) -> Tools:
    return Tools(host, comfy, ext)


CELLS = [(name, feature) for name in FAMILIES for feature in FEATURES]


@pytest.mark.parametrize("name, feature", CELLS, ids=[f"{name}, {feature}" for name, feature in CELLS])
def test_a_family_with_a_feature(tools, by_hand, family_edit, far, found, name, feature):
    setup = FEATURES[feature](tools, name)
    if setup is None:
        found[name, feature] = NOT_THERE
        return
    (model, of_one), (prompts, prompts_of_one) = setup.models, setup.prompts
    latent = {} if setup.mask is None else {"latent": {"noise_mask": setup.mask}}
    try:
        edits = [family_edit(model, setup.latents, prompts, setup.layout, n, **latent) for n in (1, COUNT)]
    except ValueError as error:
        found[name, feature] = f"refused: {_brief(error)}"
        return
    mask = setup.mask
    if mask is not None:
        mask = mask.reshape(COUNT, *[1] * (setup.latents.ndim - 3), *mask.shape[-2:])
    expected = by_hand.edited(of_one, setup.latents, prompts_of_one, setup.layout, mask)
    assert far(expected, setup.latents) > 20 * _TOLERANCE
    assert all(far(edit, expected) < _TOLERANCE for edit in edits)
    found[name, feature] = WORKS


def _brief(error: ValueError) -> str:
    """What an error says that it got."""
    said = re.fullmatch(r"CSD Edit Sampler: (?P<got>.*?)(, so |; ).*", str(error), re.DOTALL)
    assert said, f"an error without a way out: {error}"
    return said["got"]


def page(found: dict[tuple[str, str], str]) -> str:
    notes = list(dict.fromkeys(cell for cell in found.values() if cell.startswith("refused")))
    shown = {note: f"refused [{number}]" for number, note in enumerate(notes, 1)}
    rows = [["family", *FEATURES]]
    rows += [[name, *(shown.get(cell := found[name, feature], cell) for feature in FEATURES)] for name in FAMILIES]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    notes = [f"{number}. {note.removeprefix('refused: ')}" for number, note in enumerate(notes, 1)]
    return HEAD + "\n".join([*lines, "", *notes]) + "\n\n" + large_sizes(json.loads(LARGE.read_text()))


def large_sizes(found: dict[str, dict]) -> str:
    """What `make test-large` found."""
    lines = ["| family | parameters | file | loader | largest difference | seconds |", "|---|---|---|---|---|---|"]
    for name, line in found.items():
        size = f"{line['parameters'] / 1e9:.2f} billion | {line['bytes'] / 2**30:.1f} GiB"
        spent = f"{line['difference']:.0e} | {line['seconds']:.0f}"
        lines.append(f"| {name} | {size} | {line['loader']} | {spent} |")
    return LARGE_HEAD + "\n".join(lines) + "\n"


@of_the_pinned_host
def test_the_page(found):
    if len(found) < len(CELLS):
        pytest.skip("only some of the cells were run")
    if os.environ.get("CSD_WRITE_FAMILIES"):
        PAGE.write_text(page(found))
    assert PAGE.read_text() == page(found)
