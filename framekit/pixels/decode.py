"""Pixels from image files, PIL images and arrays; PNG files of this toolkit in half the time of a general decoder."""

import os
import struct
import zlib
from os import PathLike
from pathlib import Path
from struct import error as StructError
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framekit.errors import UnreadableFrame
from framekit.pixels.modes import flatten_image, open_image

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

    Image = str | PathLike[str] | PillowImage | NDArray[np.uint8]  # what as_pixels takes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"
HEADER_END = 33  # of signature and IHDR chunk
FILTER_UP = 2  # each byte less the one above; Source: PNG specification, filter types
TRUECOLOUR = (8, 2, 0, 0, 0)  # bits, colour type, compression, filter, interlace
MOST_PIXELS = 2**27  # of a file; larger ones are left to Pillow, which warns of decompression bombs. Chosen: 16k x 8k
ORIENTATION = 0x0112  # EXIF
TURNED = (5, 6, 7, 8)  # orientations that swap width and height; Source: EXIF 2.3, tag 0112
Pixels = NDArray[np.uint8]  # (H, W, 3), RGB
# What Pillow raises for damaged files, besides OSError and its subclasses.
DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
    StructError,
)


def read_own_png(path: Path) -> NDArray[np.uint8] | None:
    """Return the pixels (H, W, 3) of a PNG file as `encode_png` writes it; None for any other file, or a damaged one.

    Such a file holds 8-bit truecolour, all rows filtered `up`, in one IDAT chunk, and nothing else.
    """
    if path.suffix.lower() != ".png":
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if content[:8] != SIGNATURE or len(content) < HEADER_END + 24:
        return None
    width, height, *kind = struct.unpack(">IIBBBBB", content[16:29])
    (length,) = struct.unpack(">I", content[HEADER_END : HEADER_END + 4])
    plain = tuple(kind) == TRUECOLOUR and 0 < width * height <= MOST_PIXELS
    if not plain or content[HEADER_END + 4 : HEADER_END + 8] != b"IDAT" or len(content) != HEADER_END + length + 24:
        return None
    return unfiltered(content[HEADER_END + 4 : HEADER_END + 12 + length], width, height)


def unfiltered(chunk: bytes, width: int, height: int) -> NDArray[np.uint8] | None:
    """Return the pixels in an IDAT chunk from its name to its checksum; None if it is damaged or filtered otherwise."""
    from isal import isal_zlib
    from isal.igzip_lib import IsalError

    if isal_zlib.crc32(chunk[:-4]) != struct.unpack(">I", chunk[-4:])[0]:
        return None
    size = height * (3 * width + 1)
    inflate = isal_zlib.decompressobj()
    try:
        held = inflate.decompress(memoryview(chunk)[4:-4], size + 1)
    except IsalError:  # type: ignore[misc]  # its stub takes the class for an instance
        return None
    if len(held) != size:
        return None
    filtered = np.frombuffer(held, np.uint8).reshape(height, 3 * width + 1)
    if not (filtered[:, 0] == FILTER_UP).all():
        return None
    pixels = np.empty((height, 3 * width), np.uint8)
    pixels[0] = filtered[0, 1:]
    for row in range(1, height):
        np.add(pixels[row - 1], filtered[row, 1:], out=pixels[row])
    return pixels.reshape(height, width, 3)


def frame_size(path: Path) -> list[int] | None:
    """Return [width, height] in pixels as shown, EXIF rotation applied; None if the file is not an image."""
    if path.suffix.lower() == ".png" and (size := png_size(path)):
        return size
    from PIL import Image

    try:
        with open_image(path) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION, 1) in TURNED
    except (Image.DecompressionBombError, *DECODER_ERRORS):
        return None
    return [height, width] if turned else [width, height]


def why_broken(path: Path) -> str | None:
    """Return why a file cannot be decoded to its end, None if it can.

    One whose last bytes are those of its format counts as whole without being decoded.
    """
    try:
        if is_closed(path):
            return None
        read_pixels(path)
    except UnreadableFrame as error:
        return str(error)
    except OSError as error:
        return str(error.strerror)
    return None


def is_closed(path: Path) -> bool:
    """Tell whether a file begins and ends as one of its format does, or has the size that it says."""
    with path.open("rb") as file:
        head = file.read(HEADER_END)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 8))
        end = file.read()
    said = int.from_bytes(head[4:8], "little") + 8 if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else 0
    return (
        (is_png_head(head) and end == PNG_END)
        or (head.startswith(b"\xff\xd8\xff") and end.endswith(b"\xff\xd9"))
        or (head.startswith(b"GIF8") and end.endswith(b";"))
        or said == size > 0
    )


def is_png_head(head: bytes) -> bool:
    """Tell whether bytes are the undamaged beginning of a PNG file, of no more pixels than anybody decodes."""
    if not head.startswith(SIGNATURE) or len(head) < HEADER_END:
        return False
    width, height = struct.unpack(">II", head[16:24])
    return bool(width * height <= MOST_PIXELS) and zlib.crc32(head[12:29]).to_bytes(4, "big") == head[29:33]


def png_size(path: Path) -> list[int] | None:
    """Return [width, height] of a PNG file without EXIF in front of its pixels; None for any other file."""
    try:
        with path.open("rb") as file:
            head = file.read(41)
    except OSError:
        return None
    if head[:8] != SIGNATURE or len(head) < 41 or head[37:41] != b"IDAT":
        return None
    return list(struct.unpack(">II", head[16:24]))


def read_pixels(path: Path | str) -> Pixels:
    """Decode one frame: EXIF rotation applied, alpha over white, 16 bit reduced to 8, first image of an animation.

    Raises UnreadableFrame with the reason.
    """
    from PIL import Image, ImageOps

    path = Path(path)
    if (own := read_own_png(path)) is not None:
        return own
    try:
        with open_image(path) as image:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return np.asarray(flatten_image(image), dtype=np.uint8)
    except (Image.DecompressionBombError, *DECODER_ERRORS) as error:
        raise UnreadableFrame(reason_of(error)) from error


def reason_of(error: Exception) -> str:
    """Return why a file could not be decoded, without its name, which whoever lists it says."""
    said = " ".join(str(error).split()) or type(error).__name__
    return "no image of a known format" if said.startswith("cannot identify image file") else said


def as_pixels(image: "Image") -> Pixels:
    """Return (H, W, 3) uint8 RGB of a path, a PIL image of any mode, or such an array, which is returned unchanged.

    Files and PIL images: EXIF rotation applied, transparent parts over white, grey as RGB.
    Raises UnreadableFrame for a file that is not an image, ValueError for an array of another shape or type.

    >>> from framekit.pixels import as_pixels
    >>> from PIL import Image
    >>> as_pixels(Image.new("RGBA", (4, 2), (255, 0, 0, 0))).shape
    (2, 4, 3)
    """
    from PIL import ImageOps

    if isinstance(image, str | PathLike):
        return read_pixels(Path(image))
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ValueError(f"pixels must be (H, W, 3) uint8 RGB, not {image.shape} {image.dtype}; convert them first")
        return image
    if not hasattr(image, "getexif"):
        raise ValueError(f"an image is a path, a PIL image or an array, not a {type(image).__name__}")
    try:
        return np.asarray(flatten_image(ImageOps.exif_transpose(image)), dtype=np.uint8)
    except DECODER_ERRORS as error:
        raise UnreadableFrame(reason_of(error)) from error


def shrink(pixels: Pixels, longest_side: int) -> Pixels:
    """Reduce pixels so that the longer side has at most `longest_side` pixels; smaller ones are returned unchanged."""
    import cv2

    height, width = pixels.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
