"""The sidecar of names: who is on a frame, told from what a person corrected there or in X.json."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framekit import merging, metadata
from framekit.face_record import WRITTEN
from framekit.faces import Box
from framekit.sidecar import CHARACTERS, METADATA, BadSidecar, digest, read_json, sidecar


def names_record(
    model: str, references: str, named: Sequence[dict[str, Any]], inferred: Sequence[str]
) -> dict[str, Any]:
    """Return the content of the characters sidecar; `inferred` are names of a frame without faces, if there are any."""
    record: dict[str, Any] = {"schema": 1, "model": model, "references": references, "faces": list(named)}
    return record | ({"inferred": list(inferred)} if inferred else {}) | {WRITTEN: digest(list(named))}


def read_names(frame: Path) -> dict[Box, str]:
    """Return the name of each face of a frame by its box; empty if nobody named them. Raises BadSidecar."""
    return read_named(frame)[0]


def read_named(frame: Path) -> tuple[dict[Box, str], list[str], Any]:
    """Return the name of each face of a frame by its box, and who must be on it without a face, as its scene tells.

    Both are empty if nobody named them. Third comes the mark of the renames followed there. Raises BadSidecar.
    """
    path = sidecar(frame, CHARACTERS)
    if not path.exists():
        return {}, [], 0
    record = read_json(path)
    try:
        named = {tuple(face["box"]): str(face["name"]) for face in record["faces"]}
    except (KeyError, TypeError) as error:
        raise BadSidecar(f"{path.name}: its faces need a box and a name each") from error
    return named, metadata.texts(record, "inferred"), record.get("renamed")


def corrected_names(frame: Path) -> list[str] | None:
    """Return the names in X.json if a person corrected them or the faces there, else None."""
    path = sidecar(frame, METADATA)
    try:
        values = read_json(path) if path.exists() else {}
        touched = merging.edited_fields(values) & {"characters", "facepos", "faces"} if values else set()
        return metadata.texts(values, "characters") if touched else None
    except BadSidecar:
        return None  # generate_metadata.py lists it
