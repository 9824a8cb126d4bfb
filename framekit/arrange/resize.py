"""Frames written with other pixels: upright, opaque, in 8 bits per colour, at most so many pixels wide or high."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from framekit import console, errors
from framekit.files import atomic
from framekit.pixels import decode, modes
from framekit.pixels.decode import ORIENTATION, Pixels
from framekit.pixels.encode import can_encode, encode_frame

EDGES = ("longer", "shorter")
QUALITY = 95  # of JPEG and WebP, as extract_frames.py writes them


def fitting_size(width: int, height: int, largest: int, edge: str) -> tuple[int, int]:
    """Return the size, in the same proportion, whose longer or shorter edge is `largest` at most."""
    measured = max(width, height) if edge == "longer" else min(width, height)
    scale = min(1.0, largest / measured)
    return max(1, round(width * scale)), max(1, round(height * scale))


def needs_rewriting(frame: Path, largest: int, edge: str) -> bool:
    """Tell whether a frame is too large, turned by EXIF, or transparent, or has colours that trainers would lose.

    With 0 for `largest` none is too large. False for a frame that cannot be read or written again.
    """
    from PIL import Image

    try:
        with modes.open_image(frame) as image:
            turned = image.getexif().get(ORIENTATION, 1) not in (0, 1)
            width, height = image.size
            is_fitting = not largest or fitting_size(width, height, largest, edge) == image.size
            is_plain = not (turned or modes.has_alpha(image) or modes.lost_colours(image))
            return not (is_plain and is_fitting) and can_encode(frame.suffix)
    except (Image.DecompressionBombError, *decode.DECODER_ERRORS):
        return False


def tell_unwritable(found: Iterable[Path]) -> None:
    """Say which formats stay as they are, since they cannot be read or written here: one line for each."""
    by_suffix: dict[str, list[Path]] = {}
    for frame in found:
        by_suffix.setdefault(frame.suffix.lower(), []).append(frame)
    for suffix, those in by_suffix.items():
        if not can_encode(suffix):
            package = modes.PACKAGES.get(suffix, ("a newer pillow", ""))[0]
            console.warn(
                f"{console.counted(len(those), 'frame')} such as {those[0]} cannot be made smaller here;"
                f" {suffix} needs {package}, or save them as .png"
            )


def would_lose_colours(frame: Path) -> bool:
    """Tell whether trainers would convert the colours of a frame wrongly; False if it cannot be read or rewritten."""
    from PIL import Image

    try:
        with modes.open_image(frame) as image:
            return bool(modes.lost_colours(image)) and can_encode(frame.suffix)
    except (Image.DecompressionBombError, *decode.DECODER_ERRORS):
        return False


def shrunk(pixels: Pixels, largest: int, edge: str) -> Pixels:
    """Return pixels reduced to the fitting size, each an average of those it stands for."""
    import cv2

    size = fitting_size(pixels.shape[1], pixels.shape[0], largest, edge) if largest else pixels.shape[1::-1]
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@dataclass(frozen=True)
class Rewriter:
    """Writes frames as they should be whose `edge` is above `largest`, or which trainers would show otherwise."""

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
        atomic.write_whole(target, encode_frame(small, target.suffix.lower(), QUALITY))
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
        return True

    def size(self, frame: Path) -> list[int] | None:
        """Return [width, height] in which a frame will be written; None if it stays as it is."""
        now = decode.frame_size(frame) if needs_rewriting(frame, self.largest, self.edge) else None
        if now is None or not self.largest:
            return now
        return [*fitting_size(now[0], now[1], self.largest, self.edge)]
