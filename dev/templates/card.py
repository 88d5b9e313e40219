"""Pictures of templates in the templates browser, all of one size."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont, ImageOps

SIZE = (640, 360)
GROUND, LINE, FILL, TEXT = (38, 42, 48), (150, 165, 180), (60, 72, 84), (225, 230, 235)
TOP, BOTTOM, GAP = 60, 220, 8


def card(kind: str, label: str) -> Image.Image:
    """For a model that nobody has run yet, a neutral drawing of what is edited together.

    Overlapping windows for "panorama", frames one behind the other for "video", with the model's name under
    them.
    """
    picture = Image.new("RGB", SIZE, GROUND)
    draw = ImageDraw.Draw(picture)
    boxes = _windows() if kind == "panorama" else _frames()
    for box in boxes:
        draw.rectangle(box, fill=FILL if kind == "video" else None, outline=LINE, width=3)
    name = {"panorama": "Panorama", "video": "Video"}[kind]
    draw.text((SIZE[0] // 2, 275), f"{name} edit", fill=TEXT, font=ImageFont.load_default(34), anchor="mm")
    draw.text((SIZE[0] // 2, 320), label, fill=LINE, font=ImageFont.load_default(26), anchor="mm")
    return picture


def before_and_after(before: Image.Image, after: Image.Image) -> Image.Image:
    """One above the other, each as large as it fits."""
    picture = Image.new("RGB", SIZE, GROUND)
    place = (SIZE[0], (SIZE[1] - GAP) // 2)
    for number, shown in enumerate((before, after)):
        small = ImageOps.contain(shown.convert("RGB"), place, Image.Resampling.LANCZOS)
        top = number * (place[1] + GAP) + (place[1] - small.height) // 2
        picture.paste(small, ((SIZE[0] - small.width) // 2, top))
    return picture


def _windows() -> list[tuple[int, int, int, int]]:
    side = BOTTOM - TOP
    return [(x, TOP, x + side, BOTTOM) for x in range(60, SIZE[0] - side - 59, side // 2)]


def _frames() -> list[tuple[int, int, int, int]]:
    return [(120 + 40 * n, TOP - 20 + 10 * n, 320 + 40 * n, BOTTOM - 40 + 10 * n) for n in reversed(range(5))]
