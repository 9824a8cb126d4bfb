"""The faces of a dataset in groups: by who they are, by their likeness, or the least certain first."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

import numpy as np

from framekit import errors
from framekit.characters import cluster
from framekit.characters.descriptors import EMBEDDED, load_embedders
from framekit.pixels import decode
from framekit.sidecars import metadata

if TYPE_CHECKING:
    import PIL.Image

EVERY = "all"
SMALLEST = 3  # faces of a cluster; chosen: a person corrects, so that small ones are worth a look


@dataclass(frozen=True)
class FaceAt:
    """A face by its frame and place there, from left to right; `score` says how sure its name is, 0 to 1."""

    frame: Path
    index: int
    name: str
    score: float | None


def grouped(faces: Sequence[FaceAt], by: str) -> dict[str, list[FaceAt]]:
    """Return faces by character, the most frequent first and nobody last; or by certainty, all in one group.

    >>> one, two = FaceAt(Path("a.png"), 0, "unknown", None), FaceAt(Path("a.png"), 1, "iku", 0.9)
    >>> list(grouped([one, two], "character"))
    ['iku', 'unknown']
    """
    if by == "certainty":
        return {EVERY: sorted(faces, key=lambda one: (one.score is None, one.score or 0.0))} if faces else {}
    found: dict[str, list[FaceAt]] = {}
    for one in faces:
        found.setdefault(one.name, []).append(one)
    return dict(sorted(found.items(), key=lambda one: (one[0] in metadata.NOBODY, -len(one[1]), one[0])))


def by_folder(faces: Sequence[FaceAt], root: Path) -> dict[str, list[FaceAt]]:
    """Return faces by the folder of the dataset in which they lie, as --cluster sorted them."""
    found: dict[str, list[FaceAt]] = {}
    for one in faces:
        found.setdefault(one.frame.relative_to(root).parts[0], []).append(one)
    return dict(sorted(found.items()))


def picture_in(content: bytes) -> "PIL.Image.Image":
    """Return an encoded picture, not decoded yet."""
    from PIL import Image

    return Image.open(io.BytesIO(content))


@dataclass
class Clusters:
    """The faces of one name in groups that look alike, made in the background; `head` returns a face as JPEG."""

    head: Callable[[FaceAt], bytes]
    lock: Lock = field(default_factory=Lock)
    wanted: str | None = None
    done: int = 0
    total: int = 0
    found: dict[str, list[FaceAt]] | None = None

    def begin(self, name: str, faces: Sequence[FaceAt], again: bool) -> None:
        """Group the faces of a name, unless that was done or begun, or `again`."""
        with self.lock:
            if self.wanted == name and (self.found is None or not again):
                return
            self.wanted, self.done, self.total, self.found = name, 0, len(faces), None
        Thread(target=self.group, args=(name, [*faces]), daemon=True).start()

    def group(self, name: str, faces: Sequence[FaceAt]) -> None:
        """Describe faces and group them; ends early if another name is wanted meanwhile."""
        embed = load_embedders([EMBEDDED], "cpu")
        described: list[FaceAt] = []
        rows = []
        for one in faces:
            if self.wanted != name:
                return
            self.done += 1
            try:
                pixels = decode.as_pixels(picture_in(self.head(one)))
            except (errors.UsageError, errors.BadSidecar, errors.UnreadableFrame, OSError):
                continue  # the view of problems lists it
            rows.append(embed([pixels])[0][0])
            described.append(one)
        kinds = cluster.group(np.stack(rows), SMALLEST).tolist() if rows else []
        found: dict[str, list[FaceAt]] = {}
        for kind, one in sorted(zip(kinds, described, strict=True), key=lambda pair: (pair[0] < 0, pair[0])):
            found.setdefault(f"cluster {kind + 1}" if kind >= 0 else "like no others", []).append(one)
        with self.lock:
            if self.wanted == name:
                self.found = found
