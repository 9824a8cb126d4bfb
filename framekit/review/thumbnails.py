"""Small pictures of frames and faces, made when they are asked for, and kept in a hidden folder of bounded size."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from framekit.boxes import Face
from framekit.faces.crops import crop_head
from framekit.files import atomic
from framekit.pixels.decode import Pixels, read_pixels, shrink
from framekit.pixels.encode import encode_frame

FOLDER = ".review/thumbnails"
QUALITY = 85  # of JPEG; chosen: no blocks are seen at this size
MOST_BYTES = 2**29  # 60,000 thumbnails of 160 px


class Thumbnails:
    """The thumbnails of a dataset; where its folder takes none, each is made anew."""

    def __init__(self, root: Path, most_bytes: int = MOST_BYTES) -> None:
        """Begin with what an earlier run kept."""
        self.folder, self.most_bytes = root / FOLDER, most_bytes
        self.lock = Lock()
        self.held: int | None = None  # bytes in the folder, counted when the first one is added

    def of(self, frame: Path, side: int) -> bytes:
        """Return a frame as JPEG whose longer side is so many px. Raises UnreadableFrame, OSError."""
        return self.kept(frame, f"{side}", lambda pixels: shrink(pixels, side))

    def face(self, frame: Path, face: Face, side: int) -> bytes:
        """Return the head of a face as JPEG. Raises UnreadableFrame, OSError."""
        return self.kept(frame, f"{side} {face.box}", lambda pixels: shrink(crop_head(pixels, face), side))

    def kept(self, frame: Path, what: str, make: Callable[[Pixels], Pixels]) -> bytes:
        """Return a picture made of a frame, as it was kept while the frame's file is the same."""
        found = frame.stat()
        key = hashlib.sha256(f"{frame} {found.st_size} {found.st_mtime_ns} {what}".encode()).hexdigest()
        path = self.folder / key[:2] / f"{key[2:34]}.jpg"
        if (held := atomic.bytes_in(path)) is not None:
            return held
        content = encode_frame(make(read_pixels(frame)), ".jpg", QUALITY)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_whole(path, content)
        except OSError:  # a dataset that may only be read
            return content
        self.count(len(content))
        return content

    def count(self, added: int) -> None:
        """Note how much was added; if that is too much, the oldest half goes."""
        with self.lock:
            if self.held is None:
                self.held = sum(path.stat().st_size for path in self.folder.glob("*/*.jpg"))
            else:
                self.held += added
            if self.held <= self.most_bytes:
                return
            known = sorted((path.stat().st_mtime_ns, path.stat().st_size, path) for path in self.folder.glob("*/*.jpg"))
            for _, size, path in known:
                if self.held <= self.most_bytes // 2:
                    break
                path.unlink(missing_ok=True)
                self.held -= size
