"""Which frames are to be named: those with faces, not named yet, and not corrected by a person."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from framekit import face_record, faces, name_record, sidecar


def read_record(path: Path) -> dict[str, Any]:
    """Return the content of a sidecar; empty if it is missing or damaged."""
    try:
        return sidecar.read_json(path)
    except sidecar.BadSidecar:
        return {}


def boxes_in(record: dict[str, Any]) -> list[list[float]] | None:
    """Return the boxes that the content of a characters sidecar names; None if it names none."""
    try:
        return [list(face["box"]) for face in record["faces"]]
    except (KeyError, TypeError):
        return None


def known_faces(
    found: Sequence[Path],
) -> tuple[dict[Path, list[faces.Face]], list[Path], list[tuple[Path, str]]]:
    """Return the faces of each frame, the frames without X.faces.json, and those whose sidecar is damaged."""
    known: dict[Path, list[faces.Face]] = {}
    undetected: list[Path] = []
    damaged: list[tuple[Path, str]] = []
    for frame in found:
        try:
            seen = face_record.read_faces(frame)
        except sidecar.BadSidecar as error:
            damaged.append((frame, str(error)))
            continue
        if seen is None:
            undetected.append(frame)
        else:
            known[frame] = seen
    return known, undetected, damaged


def is_corrected(frame: Path) -> bool:
    """Tell whether a person corrected the names of a frame, in X.json or in X.characters.json."""
    path = sidecar.sidecar(frame, sidecar.CHARACTERS)
    noted = read_record(path)
    edited = face_record.WRITTEN in noted and face_record.is_corrected(path)
    return edited or name_record.corrected_names(frame) is not None


def is_pending(frame: Path, seen: Sequence[faces.Face], redo: bool) -> bool:
    """Tell whether a frame is to be named: not yet done, or its faces changed since."""
    named = boxes_in(read_record(sidecar.sidecar(frame, sidecar.CHARACTERS)))
    return redo or named != [list(face.box) for face in seen]


def named_with_other_references(found: Iterable[Path], todo: Collection[Path], digest: str) -> int:
    """Count the frames that were named with other references or another model than now."""
    done = [sidecar.sidecar(frame, sidecar.CHARACTERS) for frame in found if frame not in todo]
    return sum(read_record(path).get("references", digest) != digest for path in done)
