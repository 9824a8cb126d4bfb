"""Bytes of image files from pixels."""

import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from framekit.pixels.decode import FILTER_UP, Pixels
from framekit.pixels.modes import PACKAGES, register

JPEG = (".jpg", ".jpeg", ".jfif")
PNG_LEVEL = 1  # isal's second fastest, of 0 to 3: level 0 makes files 11 % larger, 2 and 3 no smaller ones
PART_BYTES = 2**18  # of rows that are filtered and compressed at a time: a core's cache holds them


def encode_frame(pixels: Pixels, suffix: str, quality: int) -> bytes:
    """Return the pixels as the bytes of a file with such a suffix; `quality`, 1 to 100, is for formats with loss.

    Raises ValueError for a format that cannot be written here, see `can_encode`.
    """
    if suffix == ".png":
        return encode_png(pixels)
    if suffix not in (*JPEG, ".webp"):
        return encode_other(pixels, suffix, quality)
    import cv2

    suffix, setting = (".webp", cv2.IMWRITE_WEBP_QUALITY) if suffix == ".webp" else (".jpg", cv2.IMWRITE_JPEG_QUALITY)
    done, buffer = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [setting, quality])
    if not done:
        raise ValueError(f"cannot encode pixels of shape {pixels.shape} as {suffix}")
    return buffer.tobytes()


def encode_other(pixels: Pixels, suffix: str, quality: int) -> bytes:
    """Return the pixels in one of the formats that Pillow alone writes; a GIF gets the 256 colours that fit best."""
    from PIL import Image

    held = BytesIO()
    if not can_encode(suffix):
        raise ValueError(f"cannot encode {suffix}")
    kind = Image.registered_extensions()[suffix.lower()]
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {"quality": quality}
    Image.fromarray(pixels).save(held, kind, **options)
    return held.getvalue()


def can_encode(suffix: str) -> bool:
    """Tell whether files with such a suffix can be written here: all that frames have, if their packages are there."""
    from PIL import Image

    _, module = PACKAGES.get(suffix.lower(), ("", ""))
    return (not module or register(module)) and Image.registered_extensions().get(suffix.lower()) in Image.SAVE


def encode_png(pixels: Pixels) -> bytes:
    """Return the pixels as a PNG file, compressed by ISA-L: about four times as fast as OpenCV's encoder.

    Source: PNG specification, 8-bit truecolour.
    """
    from isal import isal_zlib

    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels).reshape(height, width * 3)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packer = isal_zlib.compressobj(PNG_LEVEL)
    packed = [packer.compress(part) for part in filtered_parts(rows)]
    chunks = (png_chunk(b"IHDR", [header]), png_chunk(b"IDAT", [*packed, packer.flush()]), png_chunk(b"IEND", []))
    return b"".join((b"\x89PNG\r\n\x1a\n", *chain(*chunks)))


def filtered_parts(rows: NDArray[np.uint8]) -> Iterator[memoryview]:
    """Yield the rows, each with the filter "up" and its number before it, in parts that stay in a core's cache.

    A part is overwritten by the next.
    """
    many = max(1, PART_BYTES // rows.shape[1])
    part = np.empty((min(many, len(rows)), rows.shape[1] + 1), np.uint8)
    part[:, 0] = FILTER_UP
    above = np.zeros_like(rows[:1])
    for start in range(0, len(rows), many):
        here = rows[start : start + many]
        np.subtract(here[:1], above, out=part[:1, 1:])
        np.subtract(here[1:], here[:-1], out=part[1 : len(here), 1:])
        above = here[-1:]
        yield part[: len(here)].data


def png_chunk(kind: bytes, content: Sequence[bytes]) -> list[bytes]:
    """Return the parts of one chunk of a PNG file: length, kind, content, checksum."""
    from isal import isal_zlib

    checksum = isal_zlib.crc32(kind)
    for part in content:
        checksum = isal_zlib.crc32(part, checksum)
    return [struct.pack(">I", sum(map(len, content))), kind, *content, struct.pack(">I", checksum)]
