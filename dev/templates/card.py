"""The card of a template whose model nobody has run yet: a neutral drawing of what is edited together."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

SIZE = (640, 360)
GROUND, LINE, FILL, TEXT = (38, 42, 48), (150, 165, 180), (60, 72, 84), (225, 230, 235)
TOP, BOTTOM = 60, 220


def card(kind: str, label: str) -> Image.Image:
    """Overlapping windows for "panorama", frames one behind the other for "video", with the model's name under them."""
    picture = Image.new("RGB", SIZE, GROUND)
    draw = ImageDraw.Draw(picture)
    boxes = _windows() if kind == "panorama" else _frames()
    for box in boxes:
        draw.rectangle(box, fill=FILL if kind == "video" else None, outline=LINE, width=3)
    name = {"panorama": "Panorama", "video": "Video"}[kind]
    draw.text((SIZE[0] // 2, 275), f"{name} edit", fill=TEXT, font=ImageFont.load_default(34), anchor="mm")
    draw.text((SIZE[0] // 2, 320), label, fill=LINE, font=ImageFont.load_default(26), anchor="mm")
    return picture


def _windows() -> list[tuple[int, int, int, int]]:
    side = BOTTOM - TOP
    return [(x, TOP, x + side, BOTTOM) for x in range(60, SIZE[0] - side - 59, side // 2)]


def _frames() -> list[tuple[int, int, int, int]]:
    return [(120 + 40 * n, TOP - 20 + 10 * n, 320 + 40 * n, BOTTOM - 40 + 10 * n) for n in reversed(range(5))]
