"""Contact sheets and thumbnails: many frames small on one picture."""

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

SHEET_QUALITY = 88  # of JPEG
SHEET_COLUMNS, SHEET_ROWS, SHEET_SIDE, LABEL_HEIGHT = 6, 8, 256, 20  # of a sheet of small frames; px
GROUND, INK = (24, 24, 26), (235, 235, 235)
THUMBNAIL_HEIGHT = 108  # pixels
THUMB_WIDTH, THUMB_HEIGHT = 128, 72  # px
COLUMNS = 8  # of a mosaic
MOSAIC_QUALITY = 72  # of JPEG


def sheets(
    small: Iterable[tuple[Pixels, str]], columns: int = SHEET_COLUMNS, rows: int = SHEET_ROWS, side: int = SHEET_SIDE
) -> Iterator[Pixels]:
    """Yield sheets of pixels, at most `side` px wide, with their labels below, `columns` by `rows` on each."""
    coming = iter(small)
    while part := list(islice(coming, columns * rows)):
        yield one_sheet(part, columns, side)


def one_sheet(small: Sequence[tuple[Pixels, str]], columns: int, side: int) -> Pixels:
    """Return one sheet of pixels with their labels below."""
    from PIL import Image, ImageDraw, ImageFont

    height = max(pixels.shape[0] for pixels, _ in small)
    cell = (side + 8, height + LABEL_HEIGHT + 8)
    count = -(-len(small) // columns)
    sheet = Image.new("RGB", (min(columns, len(small)) * cell[0], count * cell[1]), GROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for place, (pixels, label) in enumerate(small):
        x, y = place % columns * cell[0] + 4, place // columns * cell[1] + 4
        sheet.paste(Image.fromarray(pixels), (x, y))
        draw.text((x, y + pixels.shape[0] + 2), fitted(label, font, side), font=font, fill=INK)
    return np.asarray(sheet)


def fitted(label: str, font: Any, side: int) -> str:
    """Return a label shortened in its middle until it is at most `side` px long."""
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
    small = cv2.resize(pixels, (min(width, 4 * height), height), interpolation=cv2.INTER_AREA)
    _, buffer = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])
    return buffer.tobytes()


def thumbnail_of(frame: Path) -> bytes | None:
    """Return a small JPEG of a frame on disk, None if it cannot be read."""
    try:
        return encode_thumbnail(decode.read_pixels(frame))
    except errors.UnreadableFrame:
        return None


def thumb(frame: Path) -> Pixels:
    """Return a frame fitted into a thumb, on grey; grey alone if it cannot be read."""
    import cv2

    ground = np.full((THUMB_HEIGHT, THUMB_WIDTH, 3), 96, np.uint8)
    try:
        pixels = decode.read_pixels(frame)
    except errors.UnreadableFrame:
        return ground
    scale = min(THUMB_WIDTH / pixels.shape[1], THUMB_HEIGHT / pixels.shape[0])
    width, height = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    left, top = (THUMB_WIDTH - width) // 2, (THUMB_HEIGHT - height) // 2
    ground[top : top + height, left : left + width] = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return ground


def mosaic(thumbs: Sequence[Pixels]) -> bytes:
    """Return thumbs side by side as a JPEG; nothing without any."""
    import cv2

    if not thumbs:
        return b""
    columns = min(COLUMNS, len(thumbs))
    rows = -(-len(thumbs) // columns)
    blank = np.full((THUMB_HEIGHT, THUMB_WIDTH, 3), 255, np.uint8)
    cells = [*thumbs, *[blank] * (rows * columns - len(thumbs))]
    lines = [np.hstack(cells[row * columns : (row + 1) * columns]) for row in range(rows)]
    picture = cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, MOSAIC_QUALITY])[1].tobytes())


def spread(found: Sequence[Path], number: int) -> list[Path]:
    """Return so many of the frames, evenly spread."""
    if len(found) <= number:
        return list(found)
    return [found[round(place)] for place in np.linspace(0, len(found) - 1, number)]
