"""Contact sheets: pictures under each other, each with a line of text above it."""

from __future__ import annotations

import numpy as np
from einops import rearrange
from PIL import Image, ImageDraw, ImageFont

LINE = 22
GAP = 6
SHOWN = 6  # pictures of a set in a row


def contact_sheet(rows: list[tuple[str, np.ndarray]]) -> Image.Image:
    """rows: (label, picture [H, W, 3] in 0 ... 1); all of one width."""
    height = sum(picture.shape[0] + LINE + GAP for _, picture in rows)
    sheet = Image.new("RGB", (max(picture.shape[1] for _, picture in rows), height), "white")
    draw, top = ImageDraw.Draw(sheet), 0
    font = ImageFont.load_default(13)
    for label, picture in rows:
        draw.text((4, top + 3), label, (30, 30, 36), font=font)
        sheet.paste(to_image(picture), (0, top + LINE))
        top += picture.shape[0] + LINE + GAP
    return sheet


def to_image(picture: np.ndarray) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def to_array(image: Image.Image) -> np.ndarray:
    """[H, W, 3] float32 in 0 ... 1."""
    return np.asarray(image.convert("RGB"), dtype=np.float32) / 255


def chosen(pictures: np.ndarray) -> np.ndarray:
    """Some of the pictures [N, H, W, 3], the first and the last among them, side by side."""
    numbers = np.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).round().astype(int)
    return rearrange(pictures[numbers], "n h w c -> h (n w) c")
