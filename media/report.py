"""The picture of a run: residual and step size at every step, and how the particles were coupled."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT, MARGIN, LINE = 768, 288, 24, 14
INK, GRID, RESIDUAL, STEP = (40, 40, 48), (224, 224, 228), (38, 98, 196), (214, 112, 32)


def picture(title: str, record, said: Sequence[str] = ()) -> np.ndarray:
    """[H, W, 3] float32 in 0 ... 1. Left: curves over the steps. Right: the last kernel matrix.

    said   up to two further lines under the heading
    """
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    _heading(draw, title, record, said)
    side = HEIGHT - 3 * MARGIN
    plot = (MARGIN, 2 * MARGIN, WIDTH - side - 3 * MARGIN, 2 * MARGIN + side)
    draw.rectangle(plot, outline=GRID)
    _curve(draw, plot, record.residual, RESIDUAL)
    _curve(draw, plot, record.step_size, STEP)
    _legend(draw, plot, record)
    _matrix(image, draw, record.kernel.numpy(), (WIDTH - side - MARGIN, 2 * MARGIN), side)
    return np.asarray(image, dtype=np.float32) / 255


def _heading(draw: ImageDraw.ImageDraw, title: str, record, said: Sequence[str]) -> None:
    rate = record.evaluations / max(record.seconds, 1e-9)
    cost = f"{record.evaluations} evaluations in {record.seconds:.1f} s ({rate:.1f} a second)"
    text = f"{title}: {len(record.residual)} steps, {cost}"
    top = MARGIN // 2 - 4 * len(said)
    for number, line in enumerate([text, *said]):
        draw.text((MARGIN, top + LINE * number), _cut(draw, line), INK)


def _cut(draw: ImageDraw.ImageDraw, line: str) -> str:
    """The line, without what does not fit into the picture."""
    if draw.textlength(line) <= WIDTH - 2 * MARGIN:
        return line
    while draw.textlength(line + " ...") > WIDTH - 2 * MARGIN:
        line = line.rpartition(" ")[0] or line[:-1]
    return line + " ..."


def _curve(draw: ImageDraw.ImageDraw, box: tuple, values: list[float], colour: tuple) -> None:
    """A line from zero to the largest value, over the whole width."""
    left, top, right, bottom = box
    largest = max(values) or 1.0
    across = np.linspace(left, right, max(len(values), 2))
    heights = values if len(values) > 1 else values * 2
    points = [(x, bottom - (bottom - top) * value / largest) for x, value in zip(across, heights)]
    draw.line(points, fill=colour, width=2)


def _legend(draw: ImageDraw.ImageDraw, box: tuple, record) -> None:
    left, _, right, bottom = box
    draw.text((left, bottom + 4), f"residual (rms), {record.residual[0]:.3g} to {record.residual[-1]:.3g}", RESIDUAL)
    sizes = f"step size, {record.step_size[0]:.3g} to {record.step_size[-1]:.3g}"
    draw.text((right - draw.textlength(sizes), bottom + 4), sizes, STEP)


def _matrix(image: Image.Image, draw: ImageDraw.ImageDraw, K: np.ndarray, corner: tuple[int, int], side: int) -> None:
    shades = Image.fromarray((255 * (1 - np.clip(K, 0, 1))).astype(np.uint8))
    image.paste(shades.resize((side, side), Image.Resampling.NEAREST), corner)
    draw.rectangle((*corner, corner[0] + side, corner[1] + side), outline=GRID)
    draw.text((corner[0], corner[1] + side + 4), f"kernel, {len(K)} particles", INK)
