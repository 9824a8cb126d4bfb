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
from framekit.sidecars.characters import Named, read_named
from framekit.sidecars.faces import read_faces
from framekit.sidecars.metadata import NOBODY

Area = tuple[float, float, float, float]  # left, top, right, bottom in px
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


def words_of(face: Face, named: Named) -> tuple[str, str]:
    """Return the name of a face and its label: the name with how sure that is, else the detection with its score."""
    name = named.names.get(face.box, "")
    if face.label != FACE:
        return name, f"{name} {face.label}".strip()
    score = named.scores.get(face.box) if name else face.score
    return name, (name or face.label) + ("" if score is None else f" {score:.2f}")


def draw_boxes(pixels: Pixels, faces: Sequence[Face], named: Named) -> Pixels:
    """Return pixels with the box of each face and its label, which lies within the frame and on no other one."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    longer = max(image.size)
    width, letters = max(2, round(longer * LINE)), max(11, round(longer * LETTER))
    font = ImageFont.load_default(letters)
    labels: list[tuple[Area, str, tuple[int, int, int]]] = []
    for face in faces:
        left, top, right, bottom = (edge * length for edge, length in zip(face.box, image.size * 2, strict=True))
        name, words = words_of(face, named)
        colour = colour_of(name)
        draw.rectangle((left, top, right, bottom), outline=colour, width=width)
        text = draw.textbbox((0, 0), words, font=font)
        size = (text[2] - text[0], letters + 2)
        labels.append((free_place((left, top, bottom), size, image.size, [one for one, _, _ in labels]), words, colour))
    for place, words, colour in labels:
        draw.rectangle(place, fill=colour)
        draw.text((place[0], place[1] + letters / 2 + 1), words, font=font, anchor="lm", fill=(0, 0, 0))
    return np.asarray(image)


def free_place(
    box: tuple[float, float, float], size: tuple[float, float], frame: tuple[int, int], taken: Sequence[Area]
) -> Area:
    """Return the place of a label: above its box (left, top, bottom), below it, or further down, on no `taken` one.

    It lies within the frame as far as it fits.
    """
    left, top, bottom = box
    width, height = size
    x = max(0.0, min(left, frame[0] - width))
    steps = range(max(1, int(frame[1] // max(1.0, height))))
    for y in (top - height, bottom, *(top + step * height for step in steps)):
        place = (x, max(0.0, min(y, frame[1] - height)), x + width, max(0.0, min(y, frame[1] - height)) + height)
        if not any(one[0] < place[2] and place[0] < one[2] and one[1] < place[3] and place[1] < one[3]
                   for one in taken):  # fmt: skip
            return place
    return place


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
                faces, named = read_faces(frame) or [], read_named(frame)
            except errors.BadSidecar:
                continue  # the stages that read it list it
            if isinstance(pixels, frames.Unreadable):
                continue
            path = (target / frame.relative_to(root)).with_suffix(".jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_whole(path, encode_frame(draw_boxes(pixels, faces, named), ".jpg", QUALITY))
            count += 1
            yield draw_boxes(decode.shrink(pixels, SHEET_SIDE), faces, named), frame.stem

    write_sheets(target, drawn())
    return count
