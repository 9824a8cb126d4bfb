"""Bytes of image files from pixels."""

import struct
from io import BytesIO

import numpy as np

from framekit.pixels.decode import FILTER_UP, Pixels
from framekit.pixels.modes import PACKAGES, register

JPEG = (".jpg", ".jpeg", ".jfif")
PNG_LEVEL = 1  # isal's second fastest, of 0 to 3: level 0 makes files 11 % larger, 2 and 3 no smaller ones


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
    filtered = np.empty((height, width * 3 + 1), np.uint8)
    filtered[:, 0] = FILTER_UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = isal_zlib.compress(filtered.data, PNG_LEVEL)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, content) for kind, content in chunks)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return one chunk of a PNG file: length, kind, content, checksum."""
    from isal import isal_zlib

    checksum = isal_zlib.crc32(content, isal_zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
