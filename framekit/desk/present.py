"""What a frame is now, as a person sees it: its faces with their names, its tags, and what they corrected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit.boxes import Face, height_of
from framekit.files.names import CAPTION, CHARACTERS, FACES, METADATA, TAGS, sidecar
from framekit.sidecars import characters, corrections, faces, kinds, metadata
from framekit.sidecars.episode import Episodes
from framekit.sidecars.read import FrameSidecars, read_sidecars

LOOKED_AT = (FACES, CHARACTERS, TAGS, METADATA, CAPTION)
Stamp = int  # a digest: of 100,000 frames the numbers themselves take 50 MB


@dataclass(frozen=True)
class Now:
    """A frame with its sidecars; `values` is its X.json, None if there is none.

    `names` has one name for each face, `unknown` where nobody named it; `others` are names without a face.
    """

    known: FrameSidecars
    values: Mapping[str, Any] | None
    names: Sequence[str]
    others: Sequence[str]
    tags: Sequence[str]

    @property
    def frame(self) -> Path:
        """The file of the frame."""
        return self.known.frame

    @property
    def faces(self) -> Sequence[Face]:
        """Its faces from left to right."""
        return self.known.faces

    @property
    def ratio(self) -> float:
        """The height of its largest face as a fraction of the frame's."""
        return max(map(height_of, self.faces), default=0.0)


def read_now(frame: Path, episodes: Episodes) -> Now:
    """Return what a frame is now. Raises BadSidecar."""
    known = read_sidecars(frame, episodes)
    path = sidecar(frame, METADATA)
    values = with_newer_tags(metadata.read_own(path), known) if path.exists() else None
    names = [known.named.names.get(face.box, metadata.UNKNOWN) for face in known.faces]
    others: list[str] = []
    if values is not None and "characters" in corrections.edited_fields(values):
        told = metadata.texts(values, "characters")
        if len(told) >= len(names):
            names, others = told[: len(names)], told[len(names) :]
        else:  # nothing says which faces these are
            names, others = [metadata.UNKNOWN] * len(names), told
    held = values is not None and "tags" in values
    tags = metadata.texts(values or {}, "tags") if held else known.tagged[kinds.GENERAL] or known.told[kinds.GENERAL]
    return Now(known, values, names, others, tags)


def with_newer_tags(values: Mapping[str, Any], known: FrameSidecars) -> Mapping[str, Any]:
    """Return an X.json with the tags that were edited, or made again, in X.png.tags since it was written."""
    beside = sidecar(known.frame, TAGS)
    if not beside.exists() or "tags" in corrections.edited_fields(values):
        return values
    if beside.stat().st_mtime_ns <= sidecar(known.frame, METADATA).stat().st_mtime_ns:
        return values
    every = kinds.joined([known.tagged, known.told]) if any(known.told.values()) else known.tagged
    told = [*every[kinds.GENERAL]]
    noted = corrections.noted_digests(values) | {"tags": corrections.digest(told)}
    return {**values, "tags": told, corrections.WRITTEN: noted}


def is_corrected(now: Now) -> bool:
    """Tell whether a person corrected anything of a frame."""
    frame = now.frame
    if now.values is not None and corrections.edited_fields(now.values):
        return True
    path = sidecar(frame, FACES)
    return characters.is_corrected(frame) or (path.exists() and faces.is_corrected(path))


def is_head(frame: Path) -> bool:
    """Tell whether a picture is a head that classify_characters.py --cluster, or this page, cut out of a frame."""
    return isinstance(characters.read_record(sidecar(frame, FACES)).get("cropped_from"), dict)


def stamp_of(frame: Path) -> Stamp:
    """Return a digest of size and time of change of each sidecar of a frame, which tell whether a file changed."""
    found: list[tuple[int, int] | None] = []
    for suffix in LOOKED_AT:
        try:
            held = sidecar(frame, suffix).stat()
        except OSError:
            found.append(None)
        else:
            found.append((held.st_mtime_ns, held.st_size))
    return hash(tuple(found))
