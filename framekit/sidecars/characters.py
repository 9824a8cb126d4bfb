"""The sidecar of names, X.characters.json: who is on a frame, and whether a person corrected it there or in X.json."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framekit import boxes, errors
from framekit.boxes import Box
from framekit.errors import BadSidecar
from framekit.files import atomic, names
from framekit.files.atomic import read_json
from framekit.files.names import CHARACTERS, METADATA, nfc, sidecar
from framekit.sidecars import corrections, faces, metadata
from framekit.sidecars.corrections import WRITTEN, digest


def names_record(
    model: str, references: str, named: Sequence[dict[str, Any]], inferred: Sequence[str]
) -> dict[str, Any]:
    """Return the content of the characters sidecar; `inferred` are names of a frame without faces, if there are any."""
    record: dict[str, Any] = {"schema": 1, "model": model, "references": references, "faces": list(named)}
    return record | ({"inferred": list(inferred)} if inferred else {}) | {WRITTEN: digest(list(named))}


@dataclass(frozen=True)
class Named:
    """Who is on a frame: the name of each face by its box, and who is inferred from the scene without a face.

    `renamed` is the mark of the renames that the sidecar followed; `scores` say how sure names are, 0 to 1, where a
    script gave them.
    """

    names: Mapping[Box, str] = field(default_factory=dict)
    inferred: Sequence[str] = ()
    renamed: Any = 0
    scores: Mapping[Box, float] = field(default_factory=dict)


def read_names(frame: Path) -> Mapping[Box, str]:
    """Return the name of each face of a frame by its box; empty if nobody named them. Raises BadSidecar."""
    return read_named(frame).names


def read_named(frame: Path) -> Named:
    """Return who is on a frame; nobody if nobody named them. Raises BadSidecar."""
    path = sidecar(frame, CHARACTERS)
    if not path.exists():
        return Named()
    record = read_json(path)
    try:
        named = {tuple(face["box"]): nfc(str(face["name"])) for face in record["faces"]}
        held = {tuple(face["box"]): face.get("score") for face in record["faces"]}
    except (KeyError, TypeError) as error:
        raise BadSidecar(f"{path.name}: its faces need a box and a name each") from error
    scores = {box: float(score) for box, score in held.items() if isinstance(score, int | float)}
    return Named(named, metadata.texts(record, "inferred"), record.get("renamed"), scores)


def corrected_names(frame: Path) -> list[str] | None:
    """Return the names in X.json if a person corrected them or the faces there, else None."""
    path = sidecar(frame, METADATA)
    try:
        values = metadata.read_own(path) if path.exists() else {}
        touched = corrections.edited_fields(values) & {"characters", "facepos", "faces"} if values else set()
        return metadata.texts(values, "characters") if touched else None
    except BadSidecar:
        return None  # generate_metadata.py lists it


def read_record(path: Path) -> dict[str, Any]:
    """Return the content of a sidecar; empty if it is missing or damaged."""
    try:
        return atomic.read_json(path)
    except errors.BadSidecar:
        return {}


def boxes_in(record: dict[str, Any]) -> list[list[float]] | None:
    """Return the boxes that the content of a characters sidecar names; None if it names none."""
    try:
        return [list(face["box"]) for face in record["faces"]]
    except (KeyError, TypeError):
        return None


def known_faces(
    found: Sequence[Path],
) -> tuple[dict[Path, list[boxes.Face]], list[Path], list[tuple[Path, str]]]:
    """Return the faces of each frame, the frames without X.faces.json, and those whose sidecar is damaged."""
    known: dict[Path, list[boxes.Face]] = {}
    undetected: list[Path] = []
    damaged: list[tuple[Path, str]] = []
    for frame in found:
        try:
            seen = faces.read_faces(frame)
        except errors.BadSidecar as error:
            damaged.append((frame, str(error)))
            continue
        if seen is None:
            undetected.append(frame)
        else:
            known[frame] = seen
    return known, undetected, damaged


def is_corrected(frame: Path) -> bool:
    """Tell whether a person corrected the names of a frame, in X.json or in X.characters.json."""
    record = read_record(names.sidecar(frame, names.CHARACTERS))
    edited = WRITTEN in record and corrections.is_edited(record.get("faces"), (record[WRITTEN],))
    return edited or corrected_names(frame) is not None


def is_pending(frame: Path, seen: Sequence[boxes.Face], redo: bool) -> bool:
    """Tell whether a frame is to be named: not yet done, or its faces changed since."""
    named = boxes_in(read_record(names.sidecar(frame, names.CHARACTERS)))
    return redo or named != [list(face.box) for face in seen]


def named_with_other_references(found: Iterable[Path], todo: Collection[Path], digest: str) -> int:
    """Count the frames that were named with other references or another model than now."""
    done = [names.sidecar(frame, names.CHARACTERS) for frame in found if frame not in todo]
    return sum(read_record(path).get("references", digest) != digest for path in done)
