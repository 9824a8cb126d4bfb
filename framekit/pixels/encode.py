"""Bytes of image files from pixels."""

import struct

import numpy as np

from framekit.pixels.decode import FILTER_UP, Pixels

PNG_LEVEL = 1  # isal's second fastest, of 0 to 3: level 0 makes files 11 % larger, 2 and 3 no smaller ones


def encode_frame(pixels: Pixels, suffix: str, quality: int) -> bytes:
    """Return the pixels as the bytes of a .png, .jpg or .webp file; `quality`, 1 to 100, applies to the latter two."""
    if suffix == ".png":
        return encode_png(pixels)
    import cv2

    setting = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}[suffix]
    done, buffer = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [setting, quality])
    if not done:
        raise ValueError(f"cannot encode pixels of shape {pixels.shape} as {suffix}")
    return buffer.tobytes()


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
