"""The size of a frame, from the head of its file alone."""

import struct
from pathlib import Path

from framekit.frames import DECODER_ERRORS
from framekit.own_png import SIGNATURE

ORIENTATION = 0x0112  # EXIF
TURNED = (5, 6, 7, 8)  # orientations that lay width and height over each other


def frame_size(path: Path) -> list[int] | None:
    """Return [width, height] in pixels as shown, EXIF rotation applied; None if the file is no image."""
    if path.suffix.lower() == ".png" and (size := png_size(path)):
        return size
    from PIL import Image

    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION, 1) in TURNED
    except (Image.DecompressionBombError, *DECODER_ERRORS):
        return None
    return [height, width] if turned else [width, height]


def png_size(path: Path) -> list[int] | None:
    """Return [width, height] of a PNG file without EXIF in front of its pixels; None for any other."""
    try:
        with path.open("rb") as file:
            head = file.read(41)
    except OSError:
        return None
    if head[:8] != SIGNATURE or len(head) < 41 or head[37:41] != b"IDAT":
        return None
    return list(struct.unpack(">II", head[16:24]))
