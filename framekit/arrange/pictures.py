"""Which picture a frame is, whatever it is called: a moment of a video, else the bytes of its file."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from framekit import errors
from framekit.dataset import move
from framekit.dataset.move import Stamp
from framekit.pixels import decode
from framekit.sidecars.episode import Episodes

MOMENT = "@"  # source frame @ video; a digest has none
WHOLE = 2**16  # bytes: a larger file is known by its size and three pieces, unless it is not compressed
PIECE = 2**14
UNCOMPRESSED = frozenset({".bmp", ".tif", ".tiff"})
SIDE = 32  # pixels of the thumbnails that are compared
RETOUCHED = 0.9  # correlation of thumbnails from which on one file is another version of the picture in the other
SAME_MOMENT = 0.5  # the same where both are said to be one moment: other crops and qualities pass, other scenes do not
FLAT = 4.0  # standard deviation, grey levels; a thumbnail below it has nothing to correlate


class Picture(NamedTuple):
    """What a frame shows (`key`), and the size and time of the file that it was read from."""

    key: str = ""
    file: Stamp = (0, 0)

    @property
    def is_moment(self) -> bool:
        """Tell whether it is known by its moment in a video."""
        return MOMENT in self.key


NO_PICTURE = Picture()


def noted_picture(record: Mapping[str, Any]) -> Picture:
    """Return the picture that a line of a journal notes; one that is noted wrongly counts as not noted."""
    key, file = record.get("picture"), record.get("file")
    if not isinstance(key, str) or not isinstance(file, list) or [type(part) for part in file] != [int, int]:
        return NO_PICTURE
    return Picture(key, (file[0], file[1]))


class Pictures:
    """Tells pictures; the record of each episode is read once."""

    def __init__(self) -> None:
        """Begin without any."""
        self.episodes = Episodes()

    def of(self, frame: Path, known: Picture = NO_PICTURE) -> Picture:
        """Return the picture of a frame; `known` is what it was when somebody looked last."""
        file = move.stamp(frame)
        if file is None:
            return NO_PICTURE
        if key := self.moment(frame):
            return Picture(key, file)
        if known.file == file and known.key and not known.is_moment:
            return known
        return Picture(digest_of(frame, file[0]), file)

    def moment(self, frame: Path) -> str:
        """Return the moment of a video that a frame shows; "" if the record of its episode does not tell."""
        try:
            source = self.episodes.source_of(frame)
        except errors.BadSidecar:
            return ""
        return self.moment_of(source)

    @staticmethod
    def moment_of(source: Mapping[str, Any]) -> str:
        """Return the moment that a source tells: source frame and video; "" if it lacks one of them."""
        video, number = source.get("video"), source.get("source_frame")
        return f"{number}{MOMENT}{video}" if isinstance(video, str) and isinstance(number, int) else ""


def digest_of(frame: Path, size: int) -> str:
    """Return the digest of a file, of pieces of it if it is large; "" if it cannot be read."""
    found = hashlib.blake2b(str(size).encode(), digest_size=8)
    try:
        with frame.open("rb", buffering=0) as file:
            if size <= WHOLE or frame.suffix.lower() in UNCOMPRESSED:
                while piece := file.read(WHOLE):
                    found.update(piece)
            else:
                for place in (0, size // 2, size - PIECE):
                    file.seek(place)
                    found.update(file.read(PIECE))
    except OSError:
        return ""
    return found.hexdigest()


def same_bytes(one: Path, other: Path) -> bool:
    """Tell whether two different files hold the same bytes: another name of one file proves nothing."""
    try:
        return not one.samefile(other) and move.same_file(one, other)
    except OSError:
        return False


def look_alike(one: Path, other: Path, least: float) -> bool:
    """Tell whether two different files show about the same: their thumbnails correlate at least so much."""
    try:
        if one.samefile(other):
            return False
        first, second = thumbnail(one), thumbnail(other)
    except (OSError, errors.UnreadableFrame):
        return False
    spread = first.std(), second.std()
    if min(spread) < FLAT:
        return bool(max(spread) < FLAT and abs(first.mean() - second.mean()) < FLAT)
    return float(np.corrcoef(first, second)[0, 1]) >= least


def thumbnail(frame: Path) -> Any:
    """Return the grey levels of a small square that a frame is reduced to. Raises UnreadableFrame."""
    import cv2

    grey = cv2.cvtColor(decode.read_pixels(frame), cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
