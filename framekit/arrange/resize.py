"""Frames written smaller on their way into a tree: upright, opaque, at most so many pixels wide or high."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from framekit import errors
from framekit.files import atomic
from framekit.pixels import decode
from framekit.pixels.decode import ORIENTATION, Pixels
from framekit.pixels.encode import encode_frame

EDGES = ("longer", "shorter")
FORMATS = {".png": ".png", ".jpg": ".jpg", ".jpeg": ".jpg", ".webp": ".webp"}  # suffix -> how it is encoded
QUALITY = 95  # of JPEG and WebP, as extract_frames.py writes them


def fitting_size(width: int, height: int, largest: int, edge: str) -> tuple[int, int]:
    """Return the size, in the same proportion, whose longer or shorter edge is `largest` at most."""
    measured = max(width, height) if edge == "longer" else min(width, height)
    scale = min(1.0, largest / measured)
    return max(1, round(width * scale)), max(1, round(height * scale))


def needs_rewriting(frame: Path, largest: int, edge: str) -> bool:
    """Tell whether a frame is too large, turned by EXIF, or transparent; not if it cannot be read or rewritten."""
    from PIL import Image

    if frame.suffix.lower() not in FORMATS:
        return False
    try:
        with Image.open(frame) as image:
            turned = image.getexif().get(ORIENTATION, 1) not in (0, 1)
            transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            width, height = image.size
            return turned or transparent or fitting_size(width, height, largest, edge) != image.size
    except (Image.DecompressionBombError, *decode.DECODER_ERRORS):
        return False


def shrunk(pixels: Pixels, largest: int, edge: str) -> Pixels:
    """Return pixels reduced to the fitting size, each an average of those it stands for."""
    import cv2

    size = fitting_size(pixels.shape[1], pixels.shape[0], largest, edge)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@dataclass(frozen=True)
class Rewriter:
    """Writes frames whose `edge` is above `largest`, which are turned by EXIF, or transparent, as they should be."""

    largest: int
    edge: str = "longer"

    def __call__(self, frame: Path, target: Path) -> bool:
        """Write the frame to its target, with the time of the original; False if it may stay as it is."""
        if not needs_rewriting(frame, self.largest, self.edge):
            return False
        times = frame.stat()
        is_own = target.exists() and target.stat().st_mtime_ns == times.st_mtime_ns
        if is_own and not needs_rewriting(target, self.largest, self.edge):
            return True
        try:
            pixels = decode.read_pixels(frame)
        except errors.UnreadableFrame:
            return False
        small = shrunk(pixels, self.largest, self.edge)
        atomic.write_whole(target, encode_frame(small, FORMATS[frame.suffix.lower()], QUALITY))
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
        return True
