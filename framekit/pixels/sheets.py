"""Contact sheets and thumbnails: many small frames in one image."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from framekit import errors
from framekit.files import atomic
from framekit.pixels import decode
from framekit.pixels.decode import Pixels
from framekit.pixels.encode import encode_frame

# Of a contact sheet, chosen by eye: frames across and down, px, JPEG quality from 1 to 100.
SHEET_COLUMNS, SHEET_ROWS = 6, 8
SHEET_SIDE, SHEET_GAP, LABEL_HEIGHT = 256, 8, 20
SHEET_QUALITY = 88
GROUND, INK = (24, 24, 26), (235, 235, 235)  # RGB
THUMBNAIL_HEIGHT, THUMBNAIL_QUALITY = 108, 80  # px; JPEG quality
WIDEST = 4  # widths of a thumbnail per height; wider frames are squeezed


def sheets(
    small: Iterable[tuple[Pixels, str]], columns: int = SHEET_COLUMNS, rows: int = SHEET_ROWS, side: int = SHEET_SIDE
) -> Iterator[Pixels]:
    """Yield contact sheets of frames at most `side` px wide, each with its label below, `columns` by `rows` a sheet."""
    coming = iter(small)
    while part := list(islice(coming, columns * rows)):
        yield one_sheet(part, columns, side)


def one_sheet(
    small: Sequence[tuple[Pixels, str]], columns: int, side: int, gap: int = SHEET_GAP, label_height: int = LABEL_HEIGHT
) -> Pixels:
    """Return small frames at most `side` px wide on one sheet, each with its label below."""
    from PIL import Image, ImageDraw, ImageFont

    height = max(pixels.shape[0] for pixels, _ in small)
    cell = (side + gap, height + label_height + gap)
    count = -(-len(small) // columns)
    sheet = Image.new("RGB", (min(columns, len(small)) * cell[0], count * cell[1]), GROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for place, (pixels, label) in enumerate(small):
        x, y = place % columns * cell[0] + gap // 2, place // columns * cell[1] + gap // 2
        sheet.paste(Image.fromarray(pixels), (x, y))
        draw.text((x, y + pixels.shape[0] + 2), fitted(label, font, side), font=font, fill=INK)
    return np.asarray(sheet)


def fitted(label: str, font: Any, side: int) -> str:
    """Return a label, shortened in its middle where it is longer than `side` px."""
    text, keep = label, len(label)
    while font.getlength(text) > side and keep > 4:
        keep -= 1
        text = f"{label[: keep // 2]}…{label[-(keep - keep // 2) :]}"
    return text


def write_sheets(
    target: Path,
    small: Iterable[tuple[Pixels, str]],
    columns: int = SHEET_COLUMNS,
    rows: int = SHEET_ROWS,
    side: int = SHEET_SIDE,
) -> None:
    """Write contact sheets into a folder: `contact_sheet_001.jpg` and so on."""
    target.mkdir(parents=True, exist_ok=True)
    for number, sheet in enumerate(sheets(small, columns, rows, side), start=1):
        atomic.write_whole(target / f"contact_sheet_{number:03d}.jpg", encode_frame(sheet, ".jpg", SHEET_QUALITY))


def encode_thumbnail(pixels: Pixels, height: int = THUMBNAIL_HEIGHT) -> bytes:
    """Return a small JPEG of a frame."""
    import cv2

    width = max(1, round(pixels.shape[1] * height / pixels.shape[0]))
    small = cv2.resize(pixels, (min(width, WIDEST * height), height), interpolation=cv2.INTER_AREA)
    return encode_frame(np.asarray(small, np.uint8), ".jpg", THUMBNAIL_QUALITY)


def thumbnail_of(frame: Path) -> bytes | None:
    """Return a small JPEG of a frame on disk, None if it cannot be read."""
    try:
        return encode_thumbnail(decode.read_pixels(frame))
    except errors.UnreadableFrame:
        return None


def spread(found: Sequence[Path], number: int) -> list[Path]:
    """Return at most `number` of the frames, evenly spread."""
    if len(found) <= number:
        return list(found)
    return [found[round(place)] for place in np.linspace(0, len(found) - 1, number)]
