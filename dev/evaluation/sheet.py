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


def closer(before: np.ndarray, after: np.ndarray, side: int = 128, count: int = 4) -> Image.Image:
    """Two pictures [H, W, 3] under each other, and under them cuts of both, twice as large: before | after.

    The cuts are those squares in which the picture before has most detail.
    """
    lined = np.abs(np.diff(before.mean(-1), axis=1)).cumsum(axis=1)
    rows = range(0, before.shape[0] - side + 1, side // 2)
    columns = range(0, before.shape[1] - side, side)
    detail = {(y, x): (lined[y : y + side, x + side - 1] - lined[y : y + side, x]).sum() for y in rows for x in columns}
    best: list[tuple[int, int]] = []
    for y, x in sorted(detail, key=lambda place: -detail[place]):
        if all(abs(x - other) >= side for _, other in best) and len(best) < count:
            best.append((y, x))
    best.sort(key=lambda place: place[1])
    pairs = [picture[y : y + side, x : x + side] for y, x in best for picture in (before, after)]
    cuts = to_image(np.concatenate(pairs, axis=1))
    cuts = cuts.resize((before.shape[1], round(cuts.height * before.shape[1] / cuts.width)), Image.Resampling.LANCZOS)
    return contact_sheet([("source", before), ("edit", after), ("cuts of both", to_array(cuts))])


def to_image(picture: np.ndarray) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def to_array(image: Image.Image) -> np.ndarray:
    """[H, W, 3] float32 in 0 ... 1."""
    return np.asarray(image.convert("RGB"), dtype=np.float32) / 255


def chosen(pictures: np.ndarray) -> np.ndarray:
    """Some of the pictures [N, H, W, 3], the first and the last among them, side by side."""
    numbers = np.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).round().astype(int)
    return rearrange(pictures[numbers], "n h w c -> h (n w) c")
