"""Contact sheets: pictures under each other, each with a line of text above it."""

from __future__ import annotations

from pathlib import Path

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


def moving(columns: list[tuple[str, np.ndarray]], path: Path, seconds: float = 0.12, scale: int = 2) -> None:
    """Clips side by side as an animated WebP; columns: (label, pictures [N, H, W, 3]), as many of each."""
    frames = []
    for pictures in zip(*(clip for _, clip in columns), strict=True):
        labelled = [contact_sheet([(label, picture)]) for (label, _), picture in zip(columns, pictures)]
        frames.append(to_image(np.concatenate([to_array(page) for page in labelled], axis=1)))
    frames = [frame.resize((frame.width * scale, frame.height * scale), Image.Resampling.LANCZOS) for frame in frames]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=round(seconds * 1000), loop=0, quality=80)


def to_image(picture: np.ndarray) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def to_array(image: Image.Image) -> np.ndarray:
    """[H, W, 3] float32 in 0 ... 1."""
    return np.asarray(image.convert("RGB"), dtype=np.float32) / 255


def chosen(pictures: np.ndarray) -> np.ndarray:
    """Some of the pictures [N, H, W, 3], the first and the last among them, side by side."""
    numbers = np.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).round().astype(int)
    return rearrange(pictures[numbers], "n h w c -> h (n w) c")
