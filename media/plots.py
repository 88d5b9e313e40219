"""The curves of a run, for those who want to know how it went: residual, step size, and how particles were coupled."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .report import GAP, HEIGHT, INK, MARGIN, NOTE, PAPER, WIDTH, Run, as_floats, font, heading

GRID, RESIDUAL, STEP = (216, 218, 224), (38, 98, 196), (206, 100, 20)
PLOT, MATRIX = 340, 340  # heights of the curves and of the kernel, pixels


def plots(title: str, record: Run) -> np.ndarray:
    """[960, 640, 3] float32 in 0 ... 1. Curves over the steps; under them the last kernel, dark where it is 1."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    top = heading(draw, title)
    for name, values, colour in (("residual", record.residual, RESIDUAL), ("step size", record.step_size, STEP)):
        draw.text((MARGIN, top), f"{name} {values[0]:.3g} to {values[-1]:.3g}", colour, font(NOTE))
        top += NOTE + 4
    box = (MARGIN, top, WIDTH - MARGIN, top + PLOT)
    draw.rectangle(box, outline=GRID)
    for values, colour in ((record.residual, RESIDUAL), (record.step_size, STEP)):
        _curve(draw, box, values, colour)
    _kernel(image, draw, record, top + PLOT + GAP)
    return as_floats(image)


def _curve(draw: ImageDraw.ImageDraw, box: tuple, values: Sequence[float], colour: tuple) -> None:
    """A line from zero to the largest value, over the whole width."""
    left, top, right, bottom = box
    largest = max(values) or 1.0
    across = np.linspace(left, right, max(len(values), 2))
    heights = list(values) if len(values) > 1 else list(values) * 2
    points = [(x, bottom - (bottom - top) * value / largest) for x, value in zip(across, heights)]
    draw.line(points, fill=colour, width=5)


def _kernel(image: Image.Image, draw: ImageDraw.ImageDraw, record: Run, top: int) -> None:
    if record.kernel is None:
        return
    K = record.kernel.numpy()
    shades = Image.fromarray((255 * (1 - np.clip(K, 0, 1))).astype(np.uint8))
    image.paste(shades.resize((MATRIX, MATRIX), Image.Resampling.NEAREST), (MARGIN, top))
    draw.rectangle((MARGIN, top, MARGIN + MATRIX, top + MATRIX), outline=GRID)
    words = ("kernel of", f"{len(K)} images", f"in step {len(record.residual)}", "black: 1", "white: 0")
    for number, line in enumerate(words):
        draw.text((MATRIX + 2 * MARGIN, top + number * (NOTE + 4)), line, INK, font(NOTE))
