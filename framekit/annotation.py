"""Frames with boxes and names drawn on them, and sheets of many small ones to look over."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from framekit import frames, sidecar, stage
from framekit.encoding import encode_frame
from framekit.face_record import read_faces
from framekit.faces import FACE, Face
from framekit.frames import Pixels
from framekit.name_record import read_names

LINE = 0.003  # width of a box's line over the longer side of the frame
LETTER = 0.022  # height of a letter over the same
NAMELESS = (160, 160, 160)
QUALITY = 88  # of JPEG
SHEET_QUALITY = 88  # of JPEG
SHEET_COLUMNS, SHEET_ROWS, SHEET_SIDE, LABEL_HEIGHT = 6, 8, 256, 20  # of a sheet of small frames; px
GROUND, INK = (24, 24, 26), (235, 235, 235)


def colour_of(name: str) -> tuple[int, int, int]:
    """Return a bright colour that is always the same for a name; grey for those who have none."""
    import colorsys

    if name in ("", "unknown", "ood"):
        return NAMELESS
    hue = int(hashlib.sha256(name.encode()).hexdigest()[:4], 16) / 65536
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.75, 1.0))
    return red, green, blue


def draw_boxes(pixels: Pixels, faces: Sequence[Face], names: Sequence[str]) -> Pixels:
    """Return pixels with the box of each face, its name and its score."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    longer = max(image.size)
    width, font = max(2, round(longer * LINE)), ImageFont.load_default(max(11, round(longer * LETTER)))
    for face, name in zip(faces, names, strict=True):
        left, top, right, bottom = (edge * length for edge, length in zip(face.box, image.size * 2, strict=True))
        colour = colour_of(name)
        draw.rectangle((left, top, right, bottom), outline=colour, width=width)
        words = f"{name or face.label} {face.score:.2f}" if face.label == FACE else f"{name} {face.label}".strip()
        place = draw.textbbox((left, top), words, font=font, anchor="lb")
        down = max(0, -place[1])
        draw.rectangle((place[0], place[1] + down, place[2], place[3] + down), fill=colour)
        draw.text((left, top + down), words, font=font, anchor="lb", fill=(0, 0, 0))
    return np.asarray(image)


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
        sidecar.write_whole(target / f"contact_sheet_{number:03d}.jpg", encode_frame(sheet, ".jpg", SHEET_QUALITY))


def annotate(found: Sequence[Path], root: Path, target: Path, workers: int) -> int:
    """Write each frame below `root` that has been looked at, with its boxes and names, below `target`; then sheets.

    Returns how many. Raises Misuse if `target` lies among the frames.
    """
    frames.refuse_inside(target, root)
    looked = [frame for frame in found if sidecar.sidecar(frame, sidecar.FACES).exists()]
    count = 0

    def drawn() -> Iterator[tuple[Pixels, str]]:
        nonlocal count
        decoded = frames.map_frames(lambda pixels: pixels, looked, workers)
        for frame, pixels in stage.progress(decoded, len(looked), "frame", "annotate"):
            try:
                faces, names = read_faces(frame) or [], read_names(frame)
            except sidecar.BadSidecar:
                continue  # the stages that read it list it
            if isinstance(pixels, frames.Unreadable):
                continue
            named = [names.get(face.box, "") for face in faces]
            path = (target / frame.relative_to(root)).with_suffix(".jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            sidecar.write_whole(path, encode_frame(draw_boxes(pixels, faces, named), ".jpg", QUALITY))
            count += 1
            yield draw_boxes(frames.shrink(pixels, SHEET_SIDE), faces, named), frame.stem

    write_sheets(target, drawn())
    return count
