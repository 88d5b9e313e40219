"""Pictures of templates in the templates browser, all of one size."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

SIZE = (640, 360)
GROUND, LINE, FILL, TEXT = (38, 42, 48), (150, 165, 180), (60, 72, 84), (225, 230, 235)
TOP, BOTTOM, GAP = 60, 220, 8
MOST = 3  # pictures of a set in a row
TITLES = {
    **{"panorama": "Panorama edit", "video": "Video edit", "view": "View set edit", "scene": "Scene edit"},
    "text": "Text to 3D",
}


def card(kind: str, label: str) -> Image.Image:
    """For a model that nobody has run yet, a neutral drawing of what is edited together.

    Overlapping windows for "panorama", frames one behind the other for "video", cameras around a scene for the others,
    with the model's name under them.
    """
    picture = Image.new("RGB", SIZE, GROUND)
    draw = ImageDraw.Draw(picture)
    for corners in {"panorama": _windows, "video": _frames}.get(kind, _cameras)():
        draw.polygon(corners, fill=None if kind == "panorama" else FILL, outline=LINE, width=3)
    draw.text((SIZE[0] // 2, 275), TITLES[kind], fill=TEXT, font=ImageFont.load_default(34), anchor="mm")
    draw.text((SIZE[0] // 2, 320), label, fill=LINE, font=ImageFont.load_default(26), anchor="mm")
    return picture


def rows(*sets: Sequence[Image.Image]) -> Image.Image:
    """One set above the other, such as before and after, each as large as it fits: a few of its pictures in a row."""
    picture = Image.new("RGB", SIZE, GROUND)
    place = (SIZE[0], (SIZE[1] - GAP * (len(sets) - 1)) // len(sets))
    for number, shown in enumerate(sets):
        small = ImageOps.contain(_row(shown), place, Image.Resampling.LANCZOS)
        top = number * (place[1] + GAP) + (place[1] - small.height) // 2
        picture.paste(small, ((SIZE[0] - small.width) // 2, top))
    return picture


def _row(pictures: Sequence[Image.Image]) -> Image.Image:
    """At most `MOST` pictures of a set, evenly chosen, side by side."""
    count = min(len(pictures), MOST)
    some = [pictures[round(number * (len(pictures) - 1) / max(count - 1, 1))] for number in range(count)]
    row = Image.new("RGB", (sum(one.width + GAP for one in some) - GAP, some[0].height), GROUND)
    for number, one in enumerate(some):
        row.paste(one, (number * (some[0].width + GAP), 0))
    return row


Corners = list[tuple[float, float]]


def _box(left: float, top: float, right: float, bottom: float) -> Corners:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _windows() -> list[Corners]:
    side = BOTTOM - TOP
    return [_box(x, TOP, x + side, BOTTOM) for x in range(60, SIZE[0] - side - 59, side // 2)]


def _frames() -> list[Corners]:
    return [_box(120 + 40 * n, TOP - 20 + 10 * n, 320 + 40 * n, BOTTOM - 40 + 10 * n) for n in reversed(range(5))]


def _cameras() -> list[Corners]:
    """A box in the middle, and five cameras on an arc around it, each a triangle that opens towards the box."""
    middle, scene = (SIZE[0] / 2, BOTTOM), _box(SIZE[0] / 2 - 36, BOTTOM - 36, SIZE[0] / 2 + 36, BOTTOM + 4)

    def at(radius: float, angle: float) -> tuple[float, float]:
        return middle[0] + radius * math.cos(angle), middle[1] - radius * math.sin(angle)

    angles = [math.pi * (0.12 + 0.19 * number) for number in range(5)]
    return [scene, *([at(185, angle), at(125, angle - 0.17), at(125, angle + 0.17)] for angle in angles)]
