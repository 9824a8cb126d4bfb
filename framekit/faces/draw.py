"""Frames with boxes and names drawn on them, and sheets of many small ones to look over."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from framekit import console, errors
from framekit.boxes import FACE, Face
from framekit.dataset import frames
from framekit.files import atomic
from framekit.files.names import FACES, sidecar
from framekit.pixels import decode
from framekit.pixels.decode import Pixels
from framekit.pixels.encode import encode_frame
from framekit.pixels.sheets import SHEET_SIDE, write_sheets
from framekit.sidecars.characters import read_names
from framekit.sidecars.faces import read_faces
from framekit.sidecars.metadata import NOBODY

LINE = 0.003  # width of a box's line over the longer side of the frame
LETTER = 0.022  # height of a letter over the same; both chosen by eye
NAMELESS = (160, 160, 160)  # RGB
QUALITY = 88  # of JPEG, 1 to 100; chosen by eye


def colour_of(name: str) -> tuple[int, int, int]:
    """Return a bright colour that is always the same for a name; grey for those who have none."""
    import colorsys

    if name in NOBODY:
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


def annotate(found: Sequence[Path], root: Path, target: Path, workers: int) -> int:
    """Write each frame below `root` that has been looked at, with its boxes and names, below `target`; then sheets.

    Returns how many. Raises UsageError if `target` lies among the frames.
    """
    frames.refuse_inside(target, root)
    looked = [frame for frame in found if sidecar(frame, FACES).exists()]
    count = 0

    def drawn() -> Iterator[tuple[Pixels, str]]:
        nonlocal count
        decoded = frames.map_frames(lambda pixels: pixels, looked, workers)
        for frame, pixels in console.progress(decoded, len(looked), "frame", "annotate"):
            try:
                faces, names = read_faces(frame) or [], read_names(frame)
            except errors.BadSidecar:
                continue  # the stages that read it list it
            if isinstance(pixels, frames.Unreadable):
                continue
            named = [names.get(face.box, "") for face in faces]
            path = (target / frame.relative_to(root)).with_suffix(".jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_whole(path, encode_frame(draw_boxes(pixels, faces, named), ".jpg", QUALITY))
            count += 1
            yield draw_boxes(decode.shrink(pixels, SHEET_SIDE), faces, named), frame.stem

    write_sheets(target, drawn())
    return count
