"""The card of a run: what was edited into what, what it cost, and how even it is. Legible where a node shows it small.

A new Preview Image of ComfyUI is 140 pixels wide and about 220 high. So the card is upright, with few and large words.
The curves of the run are a picture of their own (`plots`).
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor

WIDTH, HEIGHT, MARGIN, GAP = 640, 960, 16, 8
TITLE, TEXT, NOTE = 46, 50, 42  # sizes of letters, pixels
PAPER, INK, PALE, WARNING, BAR = (250, 250, 252), (30, 32, 40), (96, 100, 112), (190, 70, 10), (52, 58, 70)
STRIP = 180  # most height of a row of pictures
MOST_PICTURES = 4  # of a set, in a row
GIB = 2**30


class Run(Protocol):
    """What a report is made of.

    residual, step_size   of each step
    kernel                [n, n] of the last step
    before, after         pictures [h, w, 3] uint8 of the set; empty: there are none
    change                how far the edit is from its source; None: not known
    varies                how much the change varies over the set, and in which words; None: not known
    peak                  most bytes of memory; 0: not known
    warnings              sentences
    """

    residual: list[float]
    step_size: list[float]
    kernel: Tensor | None
    evaluations: int
    seconds: float
    before: Sequence[np.ndarray]
    after: Sequence[np.ndarray]
    change: float | None
    varies: tuple[str, float] | None
    peak: int
    warnings: str


def card(title: str, record: Run, said: Sequence[str] = ()) -> np.ndarray:
    """[960, 640, 3] float32 in 0 ... 1.

    said   further lines, under the warnings: which settings were chosen, and why
    """
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    top = heading(draw, title)
    for label, pictures in (("before", record.before), ("after", record.after)):
        if len(pictures):
            top = _strip(image, draw, label, pictures, top)
    for line in lines(record):
        draw.text((MARGIN, top), line, INK, font(TEXT))
        top += TEXT + GAP
    _notes(draw, top, record.warnings, said)
    return as_floats(image)


def lines(record: Run) -> list[str]:
    """What the run cost and how far it went, in lines that fit."""
    steps, rate = len(record.residual), record.evaluations / max(record.seconds, 1e-9)
    found = [
        f"{steps:,} step{'s' * (steps != 1)}",
        f"{record.evaluations:,} evaluations",
        f"{duration(record.seconds)}, {rate:.3g} a second",
    ]
    if record.peak:
        found.append(f"memory {record.peak / GIB:.1f} GiB")
    if record.change is not None:
        found.append(f"change {record.change:.2f}")
    if record.varies is not None:
        found.append("{} {:.4f}".format(*record.varies))
    return found


def duration(seconds: float) -> str:
    """A time in words: `8.3 s`, `75 s`, `12 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def heading(draw: ImageDraw.ImageDraw, title: str) -> int:
    """A bar with the title. Returns where what follows begins."""
    draw.rectangle((0, 0, WIDTH, TITLE + 2 * GAP), fill=BAR)
    draw.text((MARGIN, GAP - 2), title, "white", font(TITLE))
    return TITLE + 3 * GAP


def _notes(draw: ImageDraw.ImageDraw, top: int, warnings: str, said: Sequence[str]) -> None:
    """Warnings, then other lines, as far as there is room."""
    texts = [(warnings, WARNING), *((line, PALE) for line in said)]
    written = [(line, colour) for text, colour in texts if text for line in _wrapped(draw, text)]
    room = (HEIGHT - top - GAP) // (NOTE + 4)
    for number, (line, colour) in enumerate(written[:room]):
        cut = number == room - 1 and len(written) > room
        draw.text((MARGIN, top + number * (NOTE + 4)), f"{line} ..." if cut else line, colour, font(NOTE))


def _wrapped(draw: ImageDraw.ImageDraw, text: str) -> Iterator[str]:
    """The text in lines that fit, with room for three dots."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and draw.textlength(f"{longer} ...", font(NOTE)) > WIDTH - 2 * MARGIN:
            yield line
            longer = word
        line = longer
    if line:
        yield line


def as_floats(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.float32) / 255


def _strip(image: Image.Image, draw: ImageDraw.ImageDraw, label: str, pictures: Sequence[np.ndarray], top: int) -> int:
    """A row of pictures, spread evenly over the set, with its label in the corner. Returns where it ends."""
    count = min(len(pictures), MOST_PICTURES, _fitting(pictures[0].shape))
    chosen = [pictures[round(number)] for number in np.linspace(0, len(pictures) - 1, count)]
    width, left, bottom = (WIDTH - 2 * MARGIN - GAP * (count - 1)) // count, MARGIN, top
    for picture in chosen:
        small = ImageOps.contain(Image.fromarray(picture), (width, STRIP), Image.Resampling.BICUBIC)
        image.paste(small, (left, top))
        left, bottom = left + small.width + GAP, max(bottom, top + small.height)
    box = draw.textbbox((MARGIN + 6, top + 2), label, font(NOTE))
    draw.rectangle((box[0] - 6, box[1] - 4, box[2] + 6, box[3] + 4), fill=BAR)
    draw.text((MARGIN + 6, top + 2), label, "white", font(NOTE))
    return max(bottom, top + NOTE) + GAP


def _fitting(shape: Sequence[int]) -> int:
    """How many pictures of a shape (height, width, ...) go beside each other at full height, at least one."""
    return max(1, int((WIDTH - 2 * MARGIN + GAP) / (STRIP * shape[1] / shape[0] + GAP)))
